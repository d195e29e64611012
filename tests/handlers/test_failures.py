"""Retries, bisection and dead letters."""

from __future__ import annotations

from random import Random
from typing import Any

from pelton.handlers import DEAD_LETTER_TABLE, Context, Dispatcher, RecordChange
from tests.handlers.stage import Stage, ids_of, on_batch, on_change, on_insert


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


def test_what_comes_while_a_retry_waits_is_handled_behind_it(stage: Stage) -> None:
    calls: list[str] = []

    def note(item: dict[str, Any], context: Context) -> None:
        calls.append(item["id"])
        if calls == ["a"]:
            raise ValueError("the first time")

    stage.source()
    scheduler = stage.scheduler()
    dispatcher = Dispatcher(
        stage.database, stage.streams, [on_insert(note)], random=Random(0), scheduler=scheduler
    )
    dispatcher.start()
    stage.dispatchers.append(dispatcher)
    stage.save(id="a")
    while not calls:
        assert scheduler.step()
    stage.save(id="b")
    dispatcher.drain()
    assert calls == ["a", "a", "b"]


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
