"""Handlers that write to tables: their writes commit with their position, once."""

from __future__ import annotations

from typing import Any

import pytest

from pelton.handlers import DEAD_LETTER_TABLE, Context, OwnershipLostError, RecordChange
from tests.handlers.stage import Stage, on_change, on_insert


def test_what_a_failed_attempt_wrote_is_forgotten(stage: Stage) -> None:
    def count(item: dict[str, Any], context: Context) -> None:
        context.transaction.update("totals", {"id": "all"}, "ADD n :one", values={":one": 1})
        if context.attempt < 3:
            raise ValueError("not yet")

    stage.source()
    stage.create("totals")
    for name in "abc":
        stage.save(id=name)
    stage.run(on_insert(count))
    assert stage.load("totals", id="all") == {"id": "all", "n": 3}


def test_a_write_that_cannot_be_done_fails_the_record_that_asked_for_it(stage: Stage) -> None:
    def count(item: dict[str, Any], context: Context) -> None:
        context.transaction.update("totals", {"id": "all"}, "ADD n :n", values={":n": item["n"]})

    stage.source()
    stage.create("totals")
    for number, n in enumerate([1, 2, "three", 4]):
        stage.save(id=f"i{number}", n=n)
    dispatcher = stage.run(on_insert(count, maximum_retry_attempts=1))
    assert stage.load("totals", id="all") == {"id": "all", "n": 7}
    (letter,) = stage.all(DEAD_LETTER_TABLE)
    assert '"n":{"S":"three"}' in letter["record_json"]
    assert letter["error_type"] == "ValidationException"
    assert dispatcher.stats()["count"].dead_letters == 1


def test_changes_made_by_handlers_reach_the_handlers_of_their_tables(stage: Stage) -> None:
    totals: list[int] = []

    def count(item: dict[str, Any], context: Context) -> None:
        context.transaction.update("totals", {"id": item["kind"]}, "ADD n :one", values={":one": 1})

    def note(change: RecordChange, context: Context) -> None:
        assert change.new is not None
        totals.append(change.new["n"])

    stage.source()
    stage.source("totals")
    dispatcher = stage.start(on_insert(count, batch_size=2), on_change(note, "totals"))
    for number in range(10):
        stage.save(id=f"i{number}", kind="x")
    dispatcher.drain()
    assert totals == [2, 4, 6, 8, 10]


def test_the_writes_of_one_delivery_are_one_group_in_the_stream(stage: Stage) -> None:
    def spread(item: dict[str, Any], context: Context) -> None:
        for name in ("a", "b"):
            context.transaction.update("totals", {"id": name}, "ADD n :one", values={":one": 1})

    groups: list[int] = []

    def note(change: RecordChange, context: Context) -> None:
        groups.append(change.commit.transaction)

    stage.source()
    stage.source("totals")
    stage.save(id="x")
    stage.save(id="y")
    stage.run(on_insert(spread, batch_size=1), on_change(note, "totals"))
    assert len(groups) == 4
    assert groups[0] == groups[1] != groups[2] == groups[3]


def test_a_delivery_is_run_again_when_what_it_read_has_changed(stage: Stage) -> None:
    runs: list[int] = []

    def count(item: dict[str, Any], context: Context) -> None:
        total = context.transaction.get("totals", {"id": "all"}) or {"id": "all", "n": 0}
        if not runs:
            stage.save("totals", id="all", n=100)  # someone else is quicker
        runs.append(total["n"])
        context.transaction.put("totals", {**total, "n": total["n"] + 1})

    stage.source()
    stage.create("totals")
    stage.save(id="a")
    dispatcher = stage.run(on_insert(count))
    assert runs == [0, 100]
    assert stage.load("totals", id="all") == {"id": "all", "n": 101}
    stats = dispatcher.stats()["count"]
    assert (stats.conflicts, stats.failures) == (1, 0)


def test_workers_that_read_the_same_item_all_get_their_turn(stage: Stage) -> None:
    def count(item: dict[str, Any], context: Context) -> None:
        total = context.transaction.get("totals", {"id": "all"}) or {"id": "all", "n": 0}
        context.transaction.put("totals", {**total, "n": total["n"] + 1})

    stage.source(write_units=8_000)
    stage.create("totals")
    for number in range(200):
        stage.save(id=f"i{number}")
    stage.run(on_insert(count, batch_size=10))
    assert stage.load("totals", id="all") == {"id": "all", "n": 200}


def test_a_zombie_can_commit_nothing(stage: Stage) -> None:
    stage.source()
    stage.create("totals")

    def count(item: dict[str, Any], context: Context) -> None:
        if item["id"] == "b" and not taken_over:
            taken_over.append(True)
            stage.run(on_insert(count))  # another dispatcher comes while this one works
        context.transaction.update("totals", {"id": "all"}, "ADD n :one", values={":one": 1})

    taken_over: list[bool] = []
    zombie = stage.start(on_insert(count))
    stage.save(id="a")
    zombie.drain()
    stage.save(id="b")
    with pytest.raises(OwnershipLostError, match="taken over by another dispatcher"):
        zombie.drain()
    assert stage.load("totals", id="all") == {"id": "all", "n": 2}
    assert not zombie.stats()["count"].is_running
    stage.save(id="c")
    stage.dispatchers[-1].drain()
    assert stage.load("totals", id="all") == {"id": "all", "n": 3}


def test_a_zombie_without_writes_stops_too(stage: Stage) -> None:
    seen: list[str] = []

    def note(item: dict[str, Any], context: Context) -> None:
        seen.append(item["id"])

    stage.source()
    zombie = stage.run(on_insert(note))
    heir = stage.run(on_insert(note))
    stage.save(id="a")
    heir.drain()
    with pytest.raises(OwnershipLostError):
        zombie.drain()
    stage.save(id="b")
    heir.drain()
    assert seen.count("b") == 1
