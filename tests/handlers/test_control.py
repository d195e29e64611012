"""Mappings that are paused, resumed, moved and forgotten from outside, while they run or not."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any

import pytest

from pelton.handlers import Context, EventSourceMapping
from pelton.handlers.control import (
    Way,
    forget,
    move,
    pause,
    resume,
    retire,
)
from pelton.handlers.errors import NotCaughtUpError, UnknownMappingError
from pelton.streams import Streams, to_wire
from tests.handlers.stage import Stage, ids_of, on_batch

SECONDS_MAX = 60.0


class Noted:
    """A handler that notes what it is given."""

    def __init__(self) -> None:
        self.ids: list[str] = []

    def __call__(self, event: dict[str, Any], context: Context) -> None:
        self.ids += ids_of(event)

    def mapping(self, **options: Any) -> EventSourceMapping:
        return on_batch(self, name="noted", **options)


@pytest.fixture
def noted() -> Noted:
    return Noted()


@pytest.fixture
def source(stage: Stage) -> Stage:
    stage.source()
    return stage


def save(stage: Stage, names: str) -> None:
    for name in names:
        stage.save(id=name)
        stage.clock.advance(seconds=10)


def sequence_number_of(stage: Stage, name: str) -> str:
    (number,) = (
        record["dynamodb"]["SequenceNumber"]
        for record in stage.records()
        if record["dynamodb"]["Keys"]["id"]["S"] == name
    )
    assert isinstance(number, str)
    return number


# --- pausing --------------------------------------------------------------------------------------


def test_a_paused_mapping_is_not_called_until_it_is_resumed(source: Stage, noted: Noted) -> None:
    dispatcher = source.start(noted.mapping())
    save(source, "a")
    dispatcher.drain()
    pause(source.database, "noted")
    dispatcher.restart("noted")
    save(source, "b")
    dispatcher.drain()
    assert noted.ids == ["a"]
    resume(source.database, "noted")
    dispatcher.restart("noted")
    dispatcher.drain()
    assert noted.ids == ["a", "b"]


def test_a_pause_outlasts_the_process(source: Stage, noted: Noted) -> None:
    source.run(noted.mapping()).stop()
    pause(source.database, "noted")
    save(source, "a")
    source.run(noted.mapping()).stop()
    assert noted.ids == []
    resume(source.database, "noted")
    source.run(noted.mapping())
    assert noted.ids == ["a"]


def test_a_change_from_elsewhere_is_noticed(source: Stage, noted: Noted) -> None:
    """As another process makes it: nobody tells the dispatcher, but the store's commits do."""
    dispatcher = source.start(noted.mapping())
    save(source, "abc")
    dispatcher.drain()
    move(source.streams, "noted", "TRIM_HORIZON", Way.REWIND)
    dispatcher._router.route(None)
    dispatcher.drain()
    assert noted.ids == list("abcabc")
    pause(source.database, "noted")
    dispatcher._router.route(None)
    dispatcher.drain()
    save(source, "d")
    dispatcher.drain()
    assert noted.ids == list("abcabc")
    resume(source.database, "noted")
    dispatcher._router.route(None)
    dispatcher.drain()
    assert noted.ids == list("abcabcd")


def test_a_position_that_was_moved_is_not_saved_over(source: Stage) -> None:
    """A call that runs meanwhile ends, but what it reached no longer counts."""
    begun, may_end = threading.Event(), threading.Event()
    ids: list[str] = []

    def hold(event: dict[str, Any], context: Context) -> None:
        ids.extend(ids_of(event))
        begun.set()
        assert may_end.wait(SECONDS_MAX)

    save(source, "ab")
    dispatcher = source.threaded(on_batch(hold))
    assert begun.wait(SECONDS_MAX)
    move(source.streams, "hold", "LATEST", Way.SKIP)
    move(source.streams, "hold", "TRIM_HORIZON", Way.REWIND)
    may_end.set()
    dispatcher.drain(SECONDS_MAX)
    assert ids == ["a", "b", "a", "b"]


def test_what_has_never_run_cannot_be_controlled(source: Stage) -> None:
    for deed in (
        lambda: pause(source.database, "nobody"),
        lambda: resume(source.database, "nobody"),
        lambda: forget(source.database, "nobody"),
        lambda: move(source.streams, "nobody", "LATEST", Way.SKIP),
    ):
        with pytest.raises(UnknownMappingError, match="no handler named 'nobody'"):
            deed()


# --- moving ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "again"),
    [
        ("TRIM_HORIZON", "abcd"),
        (datetime.fromtimestamp(1_700_000_015, UTC), "cd"),
        (datetime.fromtimestamp(1_700_000_020, UTC), "cd"),
        ("b", "bcd"),
        ("LATEST", ""),
    ],
    ids=["oldest", "between", "at", "sequence", "latest"],
)
def test_a_rewind_delivers_again(
    source: Stage, noted: Noted, target: datetime | str, again: str
) -> None:
    save(source, "abcd")
    source.run(noted.mapping()).stop()
    if target == "b":
        target = sequence_number_of(source, "b")
    told = move(source.streams, "noted", target, Way.REWIND, dry_run=True)
    assert sum(each.records for each in told) == len(again)
    source.run(noted.mapping()).stop()
    assert noted.ids == list("abcd"), "nothing is moved by a dry run"
    assert move(source.streams, "noted", target, Way.REWIND) == told
    source.run(noted.mapping())
    assert noted.ids == [*"abcd", *again]


def test_a_dry_run_names_the_first_records(source: Stage, noted: Noted) -> None:
    save(source, "abcd")
    source.run(noted.mapping()).stop()
    ((shard_id, before, after, records, first),) = move(
        source.streams, "noted", sequence_number_of(source, "c"), Way.REWIND, dry_run=True
    )
    assert (records, first) == (2, [sequence_number_of(source, name) for name in "cd"])
    assert to_wire(before) == sequence_number_of(source, "d")
    assert to_wire(after + 1) == sequence_number_of(source, "c")


def test_a_skip_leaves_records_out(source: Stage, noted: Noted) -> None:
    source.run(noted.mapping()).stop()
    save(source, "abcd")
    (told,) = move(source.streams, "noted", sequence_number_of(source, "c"), Way.SKIP)
    assert told.records == 2
    source.run(noted.mapping())
    assert noted.ids == ["c", "d"]


def test_a_skip_never_goes_back_and_a_rewind_never_on(source: Stage, noted: Noted) -> None:
    save(source, "ab")
    source.run(noted.mapping()).stop()
    assert move(source.streams, "noted", "TRIM_HORIZON", Way.SKIP) == []
    save(source, "c")
    assert move(source.streams, "noted", "LATEST", Way.REWIND) == []
    source.run(noted.mapping())
    assert noted.ids == list("abc")


def test_a_rewind_goes_through_all_shards_in_order(source: Stage, noted: Noted) -> None:
    save(source, "abcdef")
    for names in ("ghij", "klmn"):
        roll(source)
        save(source, names)
    source.run(noted.mapping()).stop()
    once = list(noted.ids)
    assert sorted(once) == list("abcdefghijklmn")
    move(source.streams, "noted", sequence_number_of(source, "e"), Way.REWIND)
    source.run(noted.mapping())
    assert sorted(noted.ids[len(once) :]) == list("efghijklmn")


def roll(stage: Stage) -> None:
    """Lets the open shard have its child."""
    stage.clock.advance(seconds=stage.streams.limits.shard_seconds_max + 1)


def test_a_mapping_may_go_back_to_before_it_began(source: Stage, noted: Noted) -> None:
    save(source, "ab")
    source.run(noted.mapping(starting_position="LATEST")).stop()
    save(source, "c")
    source.run(noted.mapping(starting_position="LATEST")).stop()
    assert noted.ids == ["c"]
    move(source.streams, "noted", "TRIM_HORIZON", Way.REWIND)
    source.run(noted.mapping(starting_position="LATEST"))
    assert noted.ids == ["c", "a", "b", "c"]


def test_lanes_move_with_their_shard(source: Stage, noted: Noted) -> None:
    save(source, "abcdefgh")
    source.run(noted.mapping(parallelization_factor=4, batch_size=1)).stop()
    move(source.streams, "noted", sequence_number_of(source, "c"), Way.REWIND)
    source.run(noted.mapping(parallelization_factor=4, batch_size=1))
    assert sorted(noted.ids) == sorted("abcdefgh" + "cdefgh")


def test_a_target_that_is_none_is_refused(source: Stage, noted: Noted) -> None:
    source.run(noted.mapping()).stop()
    with pytest.raises(ValueError, match="give a time, a sequence number, TRIM_HORIZON or LATEST"):
        move(source.streams, "noted", "yesterday", Way.REWIND)


# --- forgetting, and versions ---------------------------------------------------------------------


def test_a_forgotten_mapping_starts_anew(source: Stage, noted: Noted) -> None:
    save(source, "ab")
    source.run(noted.mapping(parallelization_factor=2)).stop()
    forget(source.database, "noted")
    source.run(noted.mapping())
    assert noted.ids == ["a", "b", "a", "b"]


def test_another_version_has_positions_of_its_own(source: Stage) -> None:
    old, new = Noted(), Noted()
    save(source, "ab")
    source.run(old.mapping()).stop()
    save(source, "c")
    source.run(new.mapping(version="2")).stop()
    assert (old.ids, new.ids) == (["a", "b"], ["a", "b", "c"])


def test_a_version_takes_over_when_it_has_caught_up(source: Stage) -> None:
    old, new = Noted(), Noted()
    save(source, "abc")
    source.run(old.mapping()).stop()
    first = source.start(new.mapping(version="2"))
    with pytest.raises(NotCaughtUpError, match="'noted@2' is behind 'noted' in 1 shard"):
        retire(source.streams, "noted", "noted@2")
    first.drain()
    retire(source.streams, "noted", "noted@2")
    with pytest.raises(UnknownMappingError):
        pause(source.database, "noted")


def test_positions_are_seen_by_other_faces_of_the_file(source: Stage, noted: Noted) -> None:
    save(source, "ab")
    source.run(noted.mapping()).stop()
    other = Streams(source.database)
    assert move(other, "noted", "TRIM_HORIZON", Way.REWIND)[0].records == 2
