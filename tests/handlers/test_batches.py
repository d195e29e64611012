"""What a batch is: how many records, how long it gathers, how old they may be."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from pelton.handlers import DEAD_LETTER_TABLE, Context
from pelton.handlers.feed import EVENT_BYTES_MAX
from tests.handlers.stage import Stage, ids_of, on_batch, on_insert

Event = dict[str, Any]


class Deliveries:
    """A batch handler that notes what it is given."""

    def __init__(self) -> None:
        self.ids: list[list[str]] = []

    def __call__(self, event: Event, context: Context) -> None:
        self.ids.append(ids_of(event))


@pytest.fixture
def noted() -> Deliveries:
    return Deliveries()


def run_ready(stage: Stage) -> None:
    """Steps every task that need not wait for time."""
    scheduler = stage.dispatchers[-1]._scheduler
    while scheduler._ready:  # type: ignore[attr-defined]
        scheduler.step()  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def _time_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.handlers.stepped.TIMER_CHANCE", 0)


# --- the batching window --------------------------------------------------------------------------


def test_a_batch_gathers_for_its_window(stage: Stage, noted: Deliveries) -> None:
    stage.source()
    stage.start(on_batch(noted, name="noted", maximum_batching_window_in_seconds=5))
    stage.save(id="a")
    run_ready(stage)
    stage.clock.advance(seconds=4)
    stage.save(id="b")
    run_ready(stage)
    assert noted.ids == []
    stage.dispatchers[0]._scheduler.step()  # type: ignore[attr-defined]
    run_ready(stage)
    assert noted.ids == [["a", "b"]]


def test_a_full_batch_goes_before_its_window_ends(stage: Stage, noted: Deliveries) -> None:
    stage.source()
    stage.start(on_batch(noted, name="noted", batch_size=2, maximum_batching_window_in_seconds=300))
    for name in "abc":
        stage.save(id=name)
        run_ready(stage)
    assert noted.ids == [["a", "b"]]


def test_six_megabytes_go_before_the_window_ends(stage: Stage, noted: Deliveries) -> None:
    stage.source(view="NEW_IMAGE")
    stage.start(on_batch(noted, name="noted", maximum_batching_window_in_seconds=300))
    for number in range(20):
        stage.save(id=f"{number:02}", text="x" * 390_000)
    run_ready(stage)
    (ids,) = noted.ids
    assert 14 <= len(ids) <= 16


def test_a_window_ends_with_its_shard(stage: Stage, noted: Deliveries) -> None:
    stage.source()
    stage.start(on_batch(noted, name="noted", maximum_batching_window_in_seconds=300))
    stage.save(id="a")
    stage.call("UpdateTable", TableName="things", StreamSpecification={"StreamEnabled": False})
    run_ready(stage)
    assert noted.ids == [["a"]]


def test_waiting_for_all_handlers_ends_every_window(stage: Stage, noted: Deliveries) -> None:
    stage.source()
    dispatcher = stage.start(on_batch(noted, name="noted", maximum_batching_window_in_seconds=300))
    stage.save(id="a")
    run_ready(stage)
    began_ms = stage.clock.now_ms()
    dispatcher.drain()
    assert noted.ids == [["a"]]
    assert stage.clock.now_ms() == began_ms


# --- its size -------------------------------------------------------------------------------------


def test_an_event_has_six_megabytes_at_most(stage: Stage) -> None:
    sizes: list[int] = []

    def measure(event: Event, context: Context) -> None:
        sizes.append(len(orjson.dumps(event)))

    stage.source(view="NEW_IMAGE")
    for number in range(40):
        stage.save(id=f"{number:02}", text="x" * 390_000)
    stage.run(on_batch(measure, batch_size=10_000))
    assert sum(sizes) > 40 * 390_000
    assert all(size <= EVENT_BYTES_MAX for size in sizes)
    assert len(sizes) == 3


def test_records_of_no_interest_do_not_end_a_batch(stage: Stage) -> None:
    """A delivery is filled with what the handler is called for, whatever lies between."""
    inserted: list[str] = []
    stage.source()
    for number in range(30):
        stage.save(id=f"{number:02}")
        stage.save(id=f"{number:02}", more=1)
    dispatcher = stage.run(
        on_insert(lambda item, context: inserted.append(item["id"]), name="noted", batch_size=10)
    )
    assert inserted == [f"{number:02}" for number in range(30)]
    stats = dispatcher.stats()["noted"]
    assert (stats.batches, stats.polled_events, stats.filtered_out_events) == (3, 60, 30)


# --- its age --------------------------------------------------------------------------------------


def test_records_too_old_are_given_up_unseen(stage: Stage, noted: Deliveries) -> None:
    stage.source()
    stage.save(id="old")
    stage.clock.advance(seconds=61)
    stage.save(id="new")
    dispatcher = stage.run(on_batch(noted, name="noted", maximum_record_age_in_seconds=60))
    assert noted.ids == [["new"]]
    (letter,) = stage.all(DEAD_LETTER_TABLE)
    assert (letter["error_type"], letter["attempts"]) == ("RecordAgeExceeded", 0)
    stats = dispatcher.stats()["noted"]
    assert (stats.records, stats.dead_letters) == (1, 1)


def test_a_record_is_retried_until_it_is_too_old(stage: Stage) -> None:
    attempts: list[int] = []

    def fail(event: Event, context: Context) -> None:
        attempts.append(context.attempt)
        raise ValueError("not now")

    stage.source()
    stage.save(id="a")
    stage.run(on_batch(fail, maximum_record_age_in_seconds=60, maximum_retry_attempts=-1))
    assert attempts == list(range(1, len(attempts) + 1))
    (letter,) = stage.all(DEAD_LETTER_TABLE)
    assert (letter["error_type"], letter["attempts"]) == ("RecordAgeExceeded", len(attempts))
    assert letter["failed_at_ms"] - letter["changed_at_ms"] > 60_000


def test_without_a_limit_age_does_not_matter(stage: Stage, noted: Deliveries) -> None:
    stage.source()
    stage.save(id="old")
    stage.clock.advance(seconds=80_000)
    stage.run(on_batch(noted, name="noted"))
    assert noted.ids == [["old"]]
