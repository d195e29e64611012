"""A delivery by itself: what a handler is called with, and what comes back."""

from __future__ import annotations

from typing import Any

import pytest

from pelton.handlers import Context, Handler, Shape
from pelton.handlers.calling import Caller
from pelton.handlers.context import Source
from pelton.handlers.delivery import Delivery, Outcome
from pelton.handlers.transaction import HandlerTransaction
from pelton.streams import Record
from tests.handlers.stage import Stage


def delivered(stage: Stage, handler: Handler, **options: Any) -> Outcome:
    """What comes of a delivery of all records, or of none where `occasion` is named."""
    (shard,) = stage.streams.shards_of(stage.stream_arn())
    records: list[Record] = []
    if "occasion" not in options:
        records = list(stage.streams.read(shard, shard.start_seq, 100).records)
    source = Source(handler.name, shard, stage.clock)
    delivery = Delivery(handler, source, HandlerTransaction(stage.database), 1, **options)
    caller = Caller()
    try:
        return delivery.run(caller, records, lambda: False)
    finally:
        caller.close()


@pytest.fixture
def things(stage: Stage) -> Stage:
    stage.source()
    stage.save(id="a")
    stage.save(id="b")
    return stage


@pytest.mark.parametrize("is_async", [False, True])
def test_what_a_batch_handler_returns_comes_back(things: Stage, is_async: bool) -> None:
    def note(event: dict[str, Any], context: Context) -> dict[str, Any]:
        return {"batchItemFailures": [], "count": len(event["Records"])}

    async def note_async(event: dict[str, Any], context: Context) -> dict[str, Any]:
        return note(event, context)

    handler = Handler("note", note_async if is_async else note)
    assert delivered(things, handler) == Outcome(2, None, {"batchItemFailures": [], "count": 2})


def test_what_a_record_level_handler_returns_does_not(things: Stage) -> None:
    handler = Handler("note", lambda item, context: item, Shape.INSERT)
    assert delivered(things, handler) == Outcome(2, None, None)


def test_an_event_takes_more_members_and_may_be_without_records(things: Stage) -> None:
    calls: list[tuple[dict[str, Any], str, str]] = []

    def note(event: dict[str, Any], context: Context) -> dict[str, Any]:
        calls.append((event, context.idempotency_key, context.aws_request_id))
        return {"state": {"n": 1}}

    more = {"state": {"n": 1}, "isFinalInvokeForWindow": True}
    for occasion in ("window/1", "window/2", "window/1"):
        outcome = delivered(things, Handler("note", note), more=more, occasion=occasion)
        assert outcome == Outcome(0, None, {"state": {"n": 1}})
    events, keys, ids = zip(*calls, strict=True)
    assert events[0] == {"Records": [], **more}
    assert keys[0] == f"{things.stream_arn()}/window/1/note" == keys[2] != keys[1]
    assert ids[0] == ids[2] != ids[1]
