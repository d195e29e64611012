from __future__ import annotations

from typing import Any

import pytest

from pelton.handlers import DEAD_LETTER_TABLE, Context, OwnershipLostError, RecordChange, Shape
from tests.handlers.stage import Stage, mapping, on_batch, on_change, on_insert


def ids_of(event: dict[str, Any]) -> list[str]:
    return [record["dynamodb"]["Keys"]["id"]["S"] for record in event["Records"]]


# --- what is delivered --------------------------------------------------------------------------


def test_every_change_reaches_a_batch_handler_in_order(stage: Stage) -> None:
    seen: list[str] = []

    def note(event: dict[str, Any], context: Context) -> None:
        seen.extend(ids_of(event))

    stage.source()
    dispatcher = stage.start(on_batch(note, batch_size=7))
    for number in range(30):
        stage.save(id=f"i{number}")
    dispatcher.drain()
    assert seen == [f"i{number}" for number in range(30)]
    stats = dispatcher.stats()["note"]
    assert (stats.records, stats.batches, stats.failures) == (30, 5, 0)


def test_record_level_handlers_get_python_values_of_their_kind_of_event(stage: Stage) -> None:
    calls: list[Any] = []

    def born(item: dict[str, Any], context: Context) -> None:
        calls.append(("born", item))

    def gone(item: dict[str, Any], context: Context) -> None:
        calls.append(("gone", item))

    def changed(change: RecordChange, context: Context) -> None:
        calls.append(("changed", change.keys, change.old, change.new))

    stage.source()
    dispatcher = stage.start(
        on_insert(born), mapping(gone, Shape.REMOVE), mapping(changed, Shape.MODIFY)
    )
    stage.save(id="a", n=1)
    dispatcher.drain()
    stage.save(id="a", n=2)
    dispatcher.drain()
    stage.delete({"id": {"S": "a"}})
    dispatcher.drain()
    assert calls == [
        ("born", {"id": "a", "n": 1}),
        ("changed", {"id": "a"}, {"id": "a", "n": 1}, {"id": "a", "n": 2}),
        ("gone", {"id": "a", "n": 2}),
    ]


def test_records_that_a_handler_does_not_want_move_its_position_on(stage: Stage) -> None:
    def gone(item: dict[str, Any], context: Context) -> None:
        raise AssertionError("nothing was removed")

    stage.source()
    stage.save(id="a")
    stage.run(mapping(gone, Shape.REMOVE)).stop()
    stage.delete({"id": {"S": "a"}})

    seen: list[str] = []

    def gone_later(item: dict[str, Any], context: Context) -> None:
        seen.append(item["id"])

    stage.run(mapping(gone_later, Shape.REMOVE, name="gone"))
    assert seen == ["a"]


def test_coroutine_functions_are_handlers_too(stage: Stage) -> None:
    seen: list[str] = []

    async def note(item: dict[str, Any], context: Context) -> None:
        context.transaction.put("notes", {"id": item["id"]})
        seen.append(item["id"])

    async def note_batch(event: dict[str, Any], context: Context) -> None:
        seen.extend(ids_of(event))

    stage.source()
    stage.create("notes")
    stage.save(id="a")
    stage.run(on_insert(note), on_batch(note_batch))
    assert seen == ["a", "a"]
    assert stage.load("notes", id="a") == {"id": "a"}


# --- where it begins ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("position", "expected"), [("TRIM_HORIZON", ["old", "new"]), ("LATEST", ["new"])]
)
def test_a_new_mapping_begins_where_it_is_told(
    stage: Stage, position: str, expected: list[str]
) -> None:
    seen: list[str] = []

    def note(item: dict[str, Any], context: Context) -> None:
        seen.append(item["id"])

    stage.source()
    stage.save(id="old")
    dispatcher = stage.start(on_insert(note, starting_position=position))
    stage.save(id="new")
    dispatcher.drain()
    assert seen == expected


def test_latest_keeps_its_beginning_over_a_restart_before_the_first_record(stage: Stage) -> None:
    seen: list[str] = []

    def note(item: dict[str, Any], context: Context) -> None:
        seen.append(item["id"])

    stage.source()
    stage.save(id="old")
    stage.run(on_insert(note, starting_position="LATEST")).stop()
    stage.save(id="while stopped")
    stage.run(on_insert(note, starting_position="LATEST"))
    assert seen == ["while stopped"]


def test_a_mapping_goes_on_where_it_was(stage: Stage) -> None:
    seen: list[str] = []

    def note(item: dict[str, Any], context: Context) -> None:
        seen.append(item["id"])

    stage.source()
    stage.save(id="a")
    stage.run(on_insert(note)).stop()
    stage.save(id="b")
    stage.run(on_insert(note, enabled=False)).stop()
    stage.run(on_insert(note))
    assert seen == ["a", "b"]


def test_mappings_do_not_share_positions(stage: Stage) -> None:
    seen: list[tuple[str, str]] = []

    def first(item: dict[str, Any], context: Context) -> None:
        seen.append(("first", item["id"]))

    def second(item: dict[str, Any], context: Context) -> None:
        seen.append(("second", item["id"]))

    stage.source()
    stage.save(id="a")
    stage.run(on_insert(first)).stop()
    stage.run(on_insert(first), on_insert(second), on_insert(second, name="firs"))
    assert seen == [("first", "a"), ("second", "a"), ("second", "a")]


def test_two_mappings_may_not_have_one_name(stage: Stage) -> None:
    def note(item: dict[str, Any], context: Context) -> None: ...

    with pytest.raises(ValueError, match="two handlers are named 'note'"):
        stage.start(on_insert(note), on_insert(note, "others"))


# --- shards and streams -------------------------------------------------------------------------


def test_a_child_shard_waits_for_its_parent() -> None:
    stage = Stage(shard_age_ms_max=10)
    seen: list[int] = []

    def note(item: dict[str, Any], context: Context) -> None:
        seen.append(item["n"])

    stage.source()
    for number in range(40):
        stage.clock.advance(seconds=0.003)
        stage.save(id=f"i{number}", n=number)
    assert len(stage.shards(stage.stream_arn())) > 5
    dispatcher = stage.start(on_insert(note, batch_size=3), seed=5)
    for number in range(40, 80):
        stage.clock.advance(seconds=0.003)
        stage.save(id=f"i{number}", n=number)
    dispatcher.drain()
    assert seen == list(range(80))
    stage.close()


def test_a_shard_that_closed_without_a_record_is_left_for_its_child() -> None:
    stage = Stage(shard_age_ms_max=10)
    seen: list[int] = []

    def note(item: dict[str, Any], context: Context) -> None:
        seen.append(item["n"])

    stage.source()
    dispatcher = stage.run(on_insert(note))
    for number in range(3):
        stage.clock.advance(seconds=1)
        assert stage.streams.roll_aged() == 1
        stage.save(id=f"i{number}", n=number)
    dispatcher.drain()
    assert seen == [0, 1, 2]
    stage.close()


def test_a_stream_that_is_enabled_anew_follows_the_old_one(stage: Stage) -> None:
    seen: list[int] = []

    def note(change: RecordChange, context: Context) -> None:
        assert change.new is not None
        seen.append(change.new["n"])

    def switch(is_on: bool) -> None:
        specification: dict[str, Any] = {"StreamEnabled": is_on}
        if is_on:
            specification["StreamViewType"] = "NEW_IMAGE"
        stage.call("UpdateTable", TableName="things", StreamSpecification=specification)

    stage.source()
    stage.save(id="a", n=1)
    switch(False)
    stage.save(id="a", n=2)
    stage.clock.advance(seconds=1)
    switch(True)
    dispatcher = stage.start(on_change(note))  # the first stream ended before: it is not followed
    stage.save(id="a", n=3)
    switch(False)
    stage.clock.advance(seconds=1)
    switch(True)
    stage.save(id="a", n=4)
    dispatcher.drain()
    assert seen == [3, 4]


def test_a_table_may_come_after_its_handler(stage: Stage) -> None:
    seen: list[str] = []

    def note(item: dict[str, Any], context: Context) -> None:
        seen.append(item["id"])

    dispatcher = stage.run(on_insert(note))
    stage.source()
    stage.save(id="a")
    dispatcher.drain()
    assert seen == ["a"]


def test_a_handler_needs_a_stream_that_shows_its_image(stage: Stage) -> None:
    def note(item: dict[str, Any], context: Context) -> None: ...

    stage.source(view="KEYS_ONLY")
    with pytest.raises(ValueError, match="needs the NEW image .* shows KEYS_ONLY"):
        stage.start(on_insert(note))
    stage.run(on_change(note))


def test_records_trimmed_before_they_were_handled_are_told_of(stage: Stage) -> None:
    seen: list[str] = []

    def note(item: dict[str, Any], context: Context) -> None:
        seen.append(item["id"])

    stage.source()
    stage.save(id="a")
    stage.run(on_insert(note)).stop()
    stage.save(id="lost")
    stage.clock.advance(seconds=25 * 3600)
    stage.save(id="kept")
    assert stage.streams.trim() > 0
    dispatcher = stage.run(on_insert(note))
    assert seen == ["a", "kept"]
    assert dispatcher.stats()["note"].gaps == 1


# --- failures -----------------------------------------------------------------------------------


def test_a_failing_record_is_retried_alone_and_then_buried_whole(stage: Stage) -> None:
    calls: list[tuple[str, int]] = []

    def note(item: dict[str, Any], context: Context) -> None:
        calls.append((item["id"], context.attempt))
        if item["id"] == "b":
            raise ValueError(f"no {item['id']}, please")

    stage.source()
    for name in "abc":
        stage.save(id=name, text="x" * 10)
    dispatcher = stage.run(on_insert(note, maximum_retry_attempts=2))
    assert calls == [("a", 1), ("b", 1), ("b", 2), ("b", 3), ("c", 1)]
    (letter,) = stage.all(DEAD_LETTER_TABLE)
    (record,) = [r for r in stage.records() if r["dynamodb"]["Keys"] == {"id": {"S": "b"}}]
    assert letter["handler_name"] == "note"
    assert letter["sequence_number"] == record["dynamodb"]["SequenceNumber"]
    assert letter["attempts"] == 3
    assert letter["error_type"] == "ValueError"
    assert letter["error_message"] == "no b, please"
    assert letter["traceback"].splitlines()[1].endswith("in note")
    assert '"text":{"S":"xxxxxxxxxx"}' in letter["record_json"]
    stats = dispatcher.stats()["note"]
    assert (stats.records, stats.failures, stats.retries, stats.dead_letters) == (2, 3, 2, 1)
    assert stats.last_error == "ValueError: no b, please"


def test_retries_wait_longer_each_time(stage: Stage) -> None:
    def note(item: dict[str, Any], context: Context) -> None:
        raise ValueError

    stage.source()
    stage.save(id="a")
    dispatcher = stage.run(on_insert(note, maximum_retry_attempts=4))
    waited = dispatcher._scheduler.waited_seconds  # type: ignore[attr-defined]
    doubled = (0.1, 0.2, 0.4, 0.8)
    assert all(0.5 <= wait / whole <= 1 for wait, whole in zip(waited, doubled, strict=True))


def test_a_failing_batch_is_halved_until_its_poison_is_alone(stage: Stage) -> None:
    delivered: list[list[str]] = []
    done: list[str] = []

    def note(event: dict[str, Any], context: Context) -> None:
        ids = ids_of(event)
        delivered.append(ids)
        if "i11" in ids:
            raise ValueError("poison")
        done.extend(ids)

    stage.source()
    names = [f"i{number}" for number in range(16)]
    for name in names:
        stage.save(id=name)
    stage.run(on_batch(note, maximum_retry_attempts=0))
    assert done == [name for name in names if name != "i11"]
    assert [len(ids) for ids in delivered] == [16, 8, 4, 2, 1, 1, 4]
    (letter,) = stage.all(DEAD_LETTER_TABLE)
    assert '"Keys":{"id":{"S":"i11"}}' in letter["record_json"]


def test_without_bisection_the_whole_batch_is_retried_and_buried(stage: Stage) -> None:
    delivered: list[int] = []

    def note(event: dict[str, Any], context: Context) -> None:
        delivered.append(len(event["Records"]))
        if len(delivered) <= 3:
            raise ValueError("poison")

    stage.source()
    for number in range(5):
        stage.save(id=f"i{number}")
    stage.run(
        on_batch(note, batch_size=4, bisect_batch_on_function_error=False, maximum_retry_attempts=2)
    )
    assert delivered == [4, 4, 4, 1]
    assert len(stage.all(DEAD_LETTER_TABLE)) == 4


def test_retries_without_end_wait_for_better_times(stage: Stage) -> None:
    attempts: list[int] = []

    def note(item: dict[str, Any], context: Context) -> None:
        attempts.append(context.attempt)
        if len(attempts) < 30:
            raise ConnectionError("the inbox is away")

    stage.source()
    stage.save(id="a")
    stage.run(on_insert(note, maximum_retry_attempts=-1))
    assert attempts == list(range(1, 31))
    assert DEAD_LETTER_TABLE not in stage.database.catalog.tables


def test_a_record_larger_than_an_item_is_buried_in_parts(stage: Stage) -> None:
    def note(change: RecordChange, context: Context) -> None:
        if change.event == "MODIFY":
            raise ValueError("too much")

    stage.source()
    stage.save(id="a", text="é" * 190_000)
    stage.save(id="a", text="ü" * 190_000)
    stage.run(on_change(note, maximum_retry_attempts=0))
    parts = stage.items(
        "Query",
        TableName=DEAD_LETTER_TABLE,
        KeyConditionExpression="handler_name = :h",
        ExpressionAttributeValues={":h": {"S": "note"}},
    )
    assert len(parts) == int(parts[0]["record_parts"]["N"]) > 1
    record = "".join(part["record_json"]["S"] for part in parts)
    assert record.startswith('{"eventID"')
    assert "é" * 190_000 in record and "ü" * 190_000 in record and record.endswith("}")


def test_a_failing_handler_of_dead_letters_makes_no_more_of_them(stage: Stage) -> None:
    def fail(change: RecordChange, context: Context) -> None:
        raise ValueError("nothing works today")

    stage.source()
    stage.save(id="a")
    stage.run(on_change(fail)).stop()
    specification = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    stage.call("UpdateTable", TableName=DEAD_LETTER_TABLE, StreamSpecification=specification)
    dispatcher = stage.start(on_change(fail), on_change(fail, DEAD_LETTER_TABLE, name="alarm"))
    stage.save(id="b")
    dispatcher.drain()
    assert len(stage.all(DEAD_LETTER_TABLE)) == 2
    assert dispatcher.stats()["alarm"].failures == 4


def test_a_handler_that_exits_has_only_failed(stage: Stage) -> None:
    def note(item: dict[str, Any], context: Context) -> None:
        raise SystemExit(1)

    stage.source()
    stage.save(id="a")
    dispatcher = stage.run(on_insert(note, maximum_retry_attempts=0))
    assert dispatcher.stats()["note"].dead_letters == 1


# --- writes of handlers -------------------------------------------------------------------------


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
        groups.append(change.transaction_number)

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


# --- two dispatchers ----------------------------------------------------------------------------


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


# --- drain and stop -----------------------------------------------------------------------------


def test_drain_tells_who_is_behind(stage: Stage) -> None:
    def note(item: dict[str, Any], context: Context) -> None:
        raise ValueError

    stage.source()
    dispatcher = stage.start(on_insert(note, maximum_retry_attempts=-1))
    stage.save(id="a")
    with pytest.raises(TimeoutError, match=r"handler 'note' at shard .* \(failed \d+ times"):
        dispatcher.drain(timeout_seconds=60)


def test_positions_are_saved_when_a_dispatcher_stops(stage: Stage) -> None:
    calls: list[int] = []

    def note(event: dict[str, Any], context: Context) -> None:
        calls.append(len(event["Records"]))

    stage.source()
    dispatcher = stage.start(on_batch(note))
    for number in range(10):
        stage.save(id=f"i{number}")
    scheduler = dispatcher._scheduler
    while not calls:
        scheduler.step()  # type: ignore[attr-defined]
    dispatcher.stop()
    stage.run(on_batch(note))
    assert calls == [10]


def test_a_record_level_handler_is_stopped_between_two_records(stage: Stage) -> None:
    seen: list[str] = []

    def note(item: dict[str, Any], context: Context) -> None:
        seen.append(item["id"])
        if len(seen) == 2:
            stage.dispatchers[0].stop()

    stage.source()
    dispatcher = stage.start(on_insert(note))
    for name in "abcd":
        stage.save(id=name)
    with pytest.raises(RuntimeError, match="were stopped"):
        dispatcher.drain()
    assert seen == ["a", "b"]
    stage.run(on_insert(note))
    assert seen == ["a", "b", "c", "d"]
