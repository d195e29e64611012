"""Dead letters delivered again: in order, once, with every attempt kept."""

from __future__ import annotations

from typing import Any

import pytest

from pelton.handlers import DEAD_LETTER_TABLE, Context, EventSourceMapping, RecordChange, Shape
from pelton.handlers.calling import Caller
from pelton.handlers.letters import Letter, find_letter, letters_of
from pelton.handlers.redrive import Redrive, Redriven
from tests.handlers.stage import Stage, ids_of, on_batch, on_change, on_insert
from tests.handlers.stage import mapping as mapping_of


class Shop:
    """A handler that fails for what is out of order, and writes down what it has done."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.broken = {"b"}
        self.called: list[tuple[str, int]] = []
        self.mapping = on_change(self.count, maximum_retry_attempts=1)
        stage.source(view="NEW_AND_OLD_IMAGES")
        stage.create("totals")

    def count(self, change: RecordChange, context: Context) -> None:
        name, n = change.keys["id"], (change.new or {}).get("n", 0)
        self.called.append((name, n))
        context.transaction.update("totals", {"id": name}, "ADD n :one", values={":one": 1})
        if name in self.broken or f"{name}{n}" in self.broken:
            raise ValueError(f"{name}{n} is out of order")

    def redrive(self, handler: str | None = None, key: dict[str, Any] | None = None) -> Redriven:
        return redrive(self.stage, self.mapping, handler=handler, key=key)

    def letters(self) -> list[tuple[str, int]]:
        return [(each.key["id"], n_of(each)) for each in letters_of(self.stage.database)]

    def totals(self) -> dict[str, int]:
        return {item["id"]: item["n"] for item in self.stage.all("totals")}


def redrive(
    stage: Stage,
    *mappings: EventSourceMapping,
    handler: str | None = None,
    key: dict[str, Any] | None = None,
) -> Redriven:
    by_name = {each.name: each for each in mappings}
    caller = Caller()
    try:
        return Redrive(stage.database, stage.streams, by_name, caller).run(handler, key)
    finally:
        caller.close()


def n_of(letter: Letter) -> int:
    return int(letter.whole_record["dynamodb"]["NewImage"]["n"]["N"])


@pytest.fixture
def shop(stage: Stage) -> Shop:
    """Changes of two items that could not be done, among those of two others that could."""
    shop = Shop(stage)
    shop.broken = {"b", "c"}
    for n in (1, 2, 3):
        for name in "abcd":
            stage.save(id=name, n=n)
    stage.run(shop.mapping)
    shop.called.clear()
    return shop


def test_letters_go_back_in_the_order_of_each_item_and_are_gone(shop: Shop) -> None:
    assert len(shop.letters()) == 6
    shop.broken.clear()
    assert shop.redrive() == (6, [], 0)
    for name in "bc":
        assert [n for each, n in shop.called if each == name] == [1, 2, 3]
    assert shop.totals() == {"a": 3, "b": 3, "c": 3, "d": 3}
    assert shop.stage.all(DEAD_LETTER_TABLE) == []


def test_of_one_item_alone(shop: Shop) -> None:
    shop.broken.clear()
    assert shop.redrive(key={"id": "c"}) == (3, [], 0)
    assert shop.called == [("c", 1), ("c", 2), ("c", 3)]
    assert shop.letters() == [("b", 1), ("b", 2), ("b", 3)]


def test_a_failure_holds_back_what_follows_of_its_item_alone(shop: Shop) -> None:
    shop.broken = {"b2"}
    shop.stage.clock.advance(seconds=5)
    delivered, (failed,), waiting = shop.redrive()
    assert (delivered, waiting) == (4, 1)
    assert [n for name, n in shop.called if name == "b"] == [1, 2]
    assert shop.letters() == [("b", 2), ("b", 3)]
    assert shop.totals() == {"a": 3, "b": 1, "c": 3, "d": 3}, "what the failure wrote is not kept"
    assert (failed.attempts, failed.error_message) == (3, "b2 is out of order")
    assert failed.failures[-1].at_ms == failed.failed_at_ms == shop.stage.clock.now_ms()
    assert failed == find_letter(shop.stage.database, "count", failed.sequence_number)
    shop.broken.clear()
    assert shop.redrive() == (2, [], 0)
    assert shop.totals()["b"] == 3


def test_a_letter_that_two_deliver_at_once_is_done_once(shop: Shop) -> None:
    shop.broken.clear()
    inner: list[Redriven] = []
    count = shop.mapping.handler.function

    def count_twice(change: RecordChange, context: Context) -> None:
        count(change, context)
        if not inner:
            inner.append(shop.redrive())

    outer = redrive(shop.stage, on_change(count_twice, name="count"))
    assert inner == [(6, [], 0)]
    assert outer == (0, [], 0), "the other has committed first"
    assert shop.totals() == {"a": 3, "b": 3, "c": 3, "d": 3}


def test_a_handler_whose_reads_were_overtaken_is_run_again(stage: Stage) -> None:
    runs: list[int] = []

    def note(item: dict[str, Any], context: Context) -> None:
        before = context.transaction.get("totals", {"id": "all"}) or {"n": 0}
        runs.append(before["n"])
        if len(runs) == 1:
            raise ValueError("not yet")
        if len(runs) == 2:
            stage.save("totals", id="all", n=10)
        context.transaction.put("totals", {"id": "all", "n": before["n"] + 1})

    stage.source()
    stage.create("totals")
    stage.save(id="a")
    mapping = on_insert(note, maximum_retry_attempts=0)
    stage.run(mapping)
    assert redrive(stage, mapping) == (1, [], 0)
    assert runs == [0, 0, 10]
    assert stage.load("totals", id="all") == {"id": "all", "n": 11}


def test_a_write_that_cannot_be_done_is_a_failure(shop: Shop) -> None:
    shop.broken.clear()
    shop.stage.save("totals", id="b", n="three")
    delivered, (failed,), waiting = shop.redrive()
    assert (delivered, waiting) == (3, 2)
    assert (failed.key, failed.error_type) == ({"id": "b"}, "ValidationException")


@pytest.mark.parametrize("is_async", [False, True])
def test_each_letter_of_a_batch_handler_is_a_batch_of_its_own(stage: Stage, is_async: bool) -> None:
    batches: list[list[str]] = []

    def note(event: dict[str, Any], context: Context) -> None:
        batches.append(ids_of(event))
        if len(batches) == 1:
            raise ValueError("not now")

    async def note_async(event: dict[str, Any], context: Context) -> None:
        note(event, context)

    stage.source()
    for name in "abc":
        stage.save(id=name)
    function = note_async if is_async else note
    mapping = on_batch(
        function, name="note", maximum_retry_attempts=0, bisect_batch_on_function_error=False
    )
    stage.run(mapping)
    assert redrive(stage, mapping) == (3, [], 0)
    assert batches == [["a", "b", "c"], ["a"], ["b"], ["c"]]


def test_the_context_of_a_redrive_goes_on_counting(stage: Stage) -> None:
    told: list[tuple[int, str, str]] = []

    def note(item: dict[str, Any], context: Context) -> None:
        told.append((context.attempt, context.idempotency_key, context.shard_id))
        if len(told) < 4:
            raise ValueError("no")

    stage.source()
    stage.save(id="a")
    mapping = on_insert(note, maximum_retry_attempts=1)
    stage.run(mapping)
    redrive(stage, mapping)
    redrive(stage, mapping)
    assert [attempt for attempt, *_ in told] == [1, 2, 3, 4]
    assert len({(key, shard) for _, key, shard in told}) == 1


def test_a_large_record_comes_back_whole_and_goes_whole(stage: Stage) -> None:
    seen: list[RecordChange] = []

    def note(change: RecordChange, context: Context) -> None:
        if change.event == "MODIFY":
            seen.append(change)
            if len(seen) == 1:
                raise ValueError("too much")

    stage.source()
    stage.save(id="a", text="é" * 190_000)
    stage.save(id="a", text="ü" * 190_000)
    mapping = on_change(note, maximum_retry_attempts=0)
    stage.run(mapping)
    (letter,) = letters_of(stage.database)
    assert letter.parts > 1
    assert letter == find_letter(stage.database, "note", letter.sequence_number)
    redrive(stage, mapping)
    first, again = seen
    assert first.record == again.record
    assert first.commit == again.commit
    assert stage.all(DEAD_LETTER_TABLE) == []


def test_a_letter_outlives_its_shard(stage: Stage) -> None:
    def note(item: dict[str, Any], context: Context) -> None:
        if context.attempt == 1:
            raise ValueError("no")

    stage.source()
    stage.save(id="a")
    mapping = on_insert(note, maximum_retry_attempts=0)
    stage.run(mapping)
    stage.call("DeleteTable", TableName="things")
    stage.clock.advance(seconds=2 * 86_400)
    stage.streams.trim()
    assert stage.streams.shards_of(next(letters_of(stage.database)).stream_arn) == []
    assert redrive(stage, mapping) == (1, [], 0)


def test_letters_of_a_handler_that_is_not_there_are_refused(shop: Shop) -> None:
    with pytest.raises(ValueError, match="there is no handler 'count'"):
        redrive(shop.stage)
    assert redrive(shop.stage, handler="other") == (0, [], 0)


def test_a_letter_of_an_event_that_a_handler_no_longer_takes_stays(stage: Stage) -> None:
    def note(change: Any, context: Context) -> None:
        raise ValueError("no")

    stage.source()
    stage.save(id="a")
    stage.run(on_insert(note, maximum_retry_attempts=0))
    delivered, (failed,), _ = redrive(stage, mapping_of(note, Shape.REMOVE))
    assert delivered == 0
    assert failed.error_message == "'note' is not called for INSERT any more"
