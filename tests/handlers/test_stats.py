"""What is counted of a mapping, with a clock that is set by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pelton.engine import ManualClock
from pelton.handlers import Context, OwnershipLostError
from pelton.handlers.control import pause
from pelton.handlers.errors import TaskTimedOutError
from pelton.handlers.stats import Counters, MappingStats
from tests.handlers.stage import Stage, on_batch, on_insert


def told(counters: Counters) -> MappingStats:
    return counters.snapshot("note", "things")


def test_rates_are_those_of_the_last_minute() -> None:
    clock = ManualClock()
    counters = Counters(clock)
    clock.advance(seconds=10)
    for _ in range(3):
        counters.note_success(100)
    assert (told(counters).records_per_second, told(counters).batches_per_second) == (30, 0.3)
    clock.advance(seconds=50)
    counters.note_success(300)
    assert told(counters).records_per_second == 10
    clock.advance(seconds=10)
    assert told(counters).records_per_second == 5
    clock.advance(seconds=50)
    assert (told(counters).records_per_second, told(counters).records) == (0, 600)


def test_rates_survive_a_clock_that_is_set_back() -> None:
    clock = ManualClock()
    counters = Counters(clock)
    counters.note_success(60)
    clock.advance(seconds=-3600)
    assert told(counters).records_per_second == 0
    counters.note_success(60)
    assert told(counters).records_per_second == 60


def test_the_iterator_age_is_the_last_batchs_and_the_largest_of_a_minute_is_kept() -> None:
    clock = ManualClock()
    counters = Counters(clock)
    assert (told(counters).iterator_age_ms, told(counters).iterator_age_max_ms) == (None, None)
    counters.note_success(1, last_at_ms=clock.now_ms() - 5_000)
    counters.note_success(1, last_at_ms=clock.now_ms() - 20)
    assert (told(counters).iterator_age_ms, told(counters).iterator_age_max_ms) == (20, 5_000)
    clock.advance(seconds=60)
    assert (told(counters).iterator_age_ms, told(counters).iterator_age_max_ms) == (20, None)


def test_the_last_result_is_told_in_lambdas_words() -> None:
    clock = ManualClock(1_000)
    counters = Counters(clock)
    assert told(counters).last_processing_result == "No records processed"
    counters.note_success(1)
    assert told(counters).last_processing_result == "OK"
    clock.advance(seconds=1)
    counters.note_failure(ValueError("no"), 2)
    stats = told(counters)
    assert stats.last_processing_result == "PROBLEM: Function call failed"
    assert (stats.last_error, stats.last_error_ms) == ("ValueError: no", 2_000)
    counters.note_success(1)
    stats = told(counters)
    assert (stats.last_processing_result, stats.last_error) == ("OK", "ValueError: no")


def test_everything_noted_is_told() -> None:
    counters = Counters(ManualClock())
    counters.note_polled(10, filtered=3)
    counters.note_throttle()
    counters.note_in_flight(1)
    counters.note_in_flight(1)
    counters.note_in_flight(-1, invoked=7)
    counters.note_failure(TaskTimedOutError("too long"), 7)
    counters.note_dropped(7)
    counters.note_dead_letters(7)
    counters.note_destination(7)
    counters.note_destination_failure()
    stats = told(counters).to_json()
    expected = {
        "polled_events": 10,
        "filtered_out_events": 3,
        "throttles": 1,
        "in_flight": 1,
        "invoked_events": 7,
        "timeouts": 1,
        "failures": 1,
        "failed_invoke_events": 7,
        "dropped_events": 7,
        "dead_letters": 7,
        "destination_events": 7,
        "destination_failures": 1,
    }
    assert {name: stats[name] for name in expected} == expected


# --- of a dispatcher ------------------------------------------------------------------------------


def note(event: Any, context: Context) -> None: ...


def refuse(event: Any, context: Context) -> None:
    raise ValueError("never")


def test_the_ages_of_a_handler_follow_the_clock(stage: Stage) -> None:
    stage.source()
    stage.save(id="a")
    stage.clock.advance(seconds=5)
    stats = stage.run(on_batch(note)).stats()["note"]
    age_ms = stats.iterator_age_ms
    assert age_ms is not None and 5_000 <= age_ms < 6_000  # its own timers move the clock on
    assert stats.iterator_age_max_ms == age_ms
    assert stats.oldest_age_ms is None


def test_the_oldest_record_that_waits_is_told_while_its_handler_fails(stage: Stage) -> None:
    stage.source()
    stage.save(id="a")
    dispatcher = stage.start(on_batch(refuse, maximum_retry_attempts=-1))
    made_ms = stage.clock.now_ms()
    ages = []
    for _ in range(2):
        stage.clock.advance(seconds=60)
        ages.append(dispatcher.stats()["refuse"].oldest_age_ms)
    assert ages == [60_000, stage.clock.now_ms() - made_ms]


def test_what_is_read_passed_over_and_called_is_counted(stage: Stage) -> None:
    stage.source()
    for id in ("a", "b", "c"):
        stage.save(id=id)
        stage.save(id=id, more=1)
    stats = stage.run(on_insert(note, batch_size=2)).stats()["note"]
    assert (stats.polled_events, stats.filtered_out_events, stats.invoked_events) == (6, 3, 3)
    assert (stats.records, stats.failed_invoke_events, stats.in_flight) == (3, 0, 0)


def test_a_failing_record_counts_in_its_own_call_alone(stage: Stage) -> None:
    stage.source()
    for id in ("a", "bad", "c"):
        stage.save(id=id)

    def pick(item: dict[str, Any], context: Context) -> None:
        if item["id"] == "bad":
            raise ValueError("no")

    stats = stage.run(on_insert(pick, maximum_retry_attempts=1)).stats()["pick"]
    assert (stats.invoked_events, stats.failed_invoke_events) == (4, 2)
    assert (stats.dropped_events, stats.dead_letters, stats.records) == (1, 1, 2)


def test_a_batch_that_fails_counts_whole(stage: Stage) -> None:
    stage.source()
    for id in ("a", "b"):
        stage.save(id=id)
    mapping = on_batch(refuse, bisect_batch_on_function_error=False, maximum_retry_attempts=1)
    stats = stage.run(mapping).stats()["refuse"]
    assert (stats.invoked_events, stats.failed_invoke_events, stats.dropped_events) == (4, 4, 2)
    assert stats.last_error == "ValueError: never"
    assert stats.last_error_ms is not None


def test_items_that_are_set_aside_are_counted(stage: Stage) -> None:
    stage.source()
    for id in ("a", "b", "a"):
        stage.save(id=id, at=stage.clock.now_ms())
        stage.clock.advance(seconds=1)
    mapping = on_insert(refuse, maximum_retry_attempts=0, on_poison="quarantine")
    stats = stage.run(mapping).stats()["refuse"]
    assert (stats.quarantined_keys, stats.dropped_events) == (2, 2)


def test_counting_goes_on_when_a_mapping_changes(stage: Stage) -> None:
    stage.source()
    stage.save(id="a")
    mapping = on_batch(note)
    dispatcher = stage.run(mapping)
    dispatcher.replace(replace(mapping, batch_size=1))
    stage.save(id="b")
    dispatcher.drain()
    assert dispatcher.stats()["note"].records == 2


def test_a_mapping_that_is_not_at_work_says_why_and_how_far_it_is_behind(stage: Stage) -> None:
    stage.source()
    mapping = on_batch(note)
    dispatcher = stage.run(mapping, on_batch(note, name="idle", enabled=False))
    pause(stage.database, "note")
    dispatcher.restart("note")
    dispatcher.drain()
    stage.save(id="a")
    stage.clock.advance(seconds=9)
    stats = dispatcher.stats()
    assert (stats["note"].state, stats["idle"].state) == ("paused", "disabled")
    assert not stats["note"].is_running
    assert stats["note"].oldest_age_ms == 9_000


def test_a_mapping_that_has_stopped_for_good_says_so(stage: Stage) -> None:
    stage.source()
    first = stage.run(on_batch(note))
    second = stage.run(on_batch(note))
    stage.save(id="a")
    with pytest.raises(OwnershipLostError):
        first.drain()
    second.drain()
    states = [each.stats()["note"].state for each in (first, second)]
    assert states == ["stopped", "running"]
