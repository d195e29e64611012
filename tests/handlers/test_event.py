from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from pelton.handlers import Context, RecordChange
from pelton.handlers.context import Source
from pelton.handlers.event import batch_event
from pelton.handlers.transaction import HandlerTransaction
from pelton.streams import Record, Shard
from tests.handlers.isolated.functions import sum_up
from tests.handlers.stage import Stage, on_batch, on_insert

ARN = "arn:aws:dynamodb:eu-west-1:123456789012:table/things/stream/2026-01-02T03:04:05.678"
SHARD = Shard(1, "shardId-00000001700000000000-0a1b2c3d", ARN, "things", 0, None, 1, None, 0)


def test_an_event_is_what_get_records_gives_and_what_lambda_adds(stage: Stage) -> None:
    events: list[dict[str, Any]] = []

    def note(event: dict[str, Any], context: Context) -> None:
        events.append(event)

    stage.source()
    stage.save(id="a", n=1)
    stage.save(id="a", n=2)
    stage.run(on_batch(note))
    records = stage.records()
    (event,) = events
    assert list(event) == ["Records"]
    for given, record in zip(event["Records"], records, strict=True):
        assert type(given["dynamodb"]["ApproximateCreationDateTime"]) is float
        assert given == {**record, "eventSourceARN": stage.stream_arn()}


def test_identities_are_in_the_casing_of_lambda() -> None:
    data = {"ApproximateCreationDateTime": 1_700_000_000, "Keys": {"id": {"S": "a"}}}
    identity = {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"}
    body = orjson.dumps({"eventName": "REMOVE", "dynamodb": data, "userIdentity": identity})
    (record,) = batch_event([Record(1, 1, 0, body)], ARN)["Records"]
    assert record["userIdentity"] == {"type": "Service", "principalId": "dynamodb.amazonaws.com"}


def test_a_context_is_that_of_lambda(stage: Stage) -> None:
    source = Source("note", SHARD, stage.clock)
    context = Context(source, 7, 9, HandlerTransaction(stage.database), attempt=2)
    assert context.function_name == "note"
    assert context.function_version == "$LATEST"
    assert context.invoked_function_arn == ("arn:aws:lambda:eu-west-1:123456789012:function:note")
    assert context.memory_limit_in_mb == "128"
    assert context.log_group_name == "/aws/lambda/note"
    assert context.log_stream_name == context.shard_id == SHARD.shard_id
    assert context.identity.cognito_identity_id is None
    assert context.identity.cognito_identity_pool_id is None
    assert context.client_context is None
    assert context.tenant_id is None
    assert context.w3c() == {}
    assert context.get_remaining_time_in_millis() == 900_000
    stage.clock.advance(seconds=1)
    assert context.get_remaining_time_in_millis() == 899_000
    assert context.attempt == 2


def test_a_context_tells_the_limits_and_the_version_of_its_mapping(stage: Stage) -> None:
    options: dict[str, Any] = {"run_in": "process", "memory_limit_mb": 256, "timeout_seconds": 2.5}
    source = Source.of(on_batch(sum_up, name="note", version="2", **options), SHARD, stage.clock)
    context = Context(source, 7, 7, HandlerTransaction(stage.database), attempt=1)
    assert context.memory_limit_in_mb == "256"
    assert context.get_remaining_time_in_millis() == 2_500
    stage.clock.advance(seconds=3)
    assert context.get_remaining_time_in_millis() == 0
    assert context.function_name == "note"
    assert context.function_version == "2"
    assert context.invoked_function_arn.endswith(":function:note:2")
    assert context.idempotency_key.endswith("/note@2")


def test_a_context_writes_to_the_standard_output_as_that_of_lambda(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    source = Source("note", SHARD, stage.clock)
    context = Context(source, 7, 7, HandlerTransaction(stage.database), attempt=1)
    context.log("one ")
    context.log({"n": 2})
    assert capsys.readouterr().out == "one {'n': 2}"


def test_a_replay_finds_the_same_ids(stage: Stage) -> None:
    def context(first: int, last: int, attempt: int = 1, name: str = "note") -> Context:
        transaction = HandlerTransaction(stage.database)
        return Context(Source(name, SHARD, stage.clock), first, last, transaction, attempt)

    one = context(7, 9)
    assert one.idempotency_key == f"{ARN}/100000000000000000007-100000000000000000009/note"
    assert context(7, 7).idempotency_key == f"{ARN}/100000000000000000007/note"
    assert one.aws_request_id == context(7, 9).aws_request_id
    others = [context(7, 8), context(7, 9, attempt=2), context(7, 9, name="other")]
    assert one.aws_request_id not in {other.aws_request_id for other in others}


def test_a_change_has_the_values_of_its_item(stage: Stage) -> None:
    stage.source()
    stage.save(id="a", n=1)
    stage.save(id="a", n=2)
    (shard,) = stage.streams.shards_of(stage.stream_arn())
    records = stage.streams.read(shard, shard.start_seq, 10).records
    change = RecordChange(records[1], "things")
    assert (change.event, change.table_name, change.keys) == ("MODIFY", "things", {"id": "a"})
    assert (change.old, change.new) == ({"id": "a", "n": 1}, {"id": "a", "n": 2})
    assert change.sequence_number == stage.records()[1]["dynamodb"]["SequenceNumber"]
    assert change.at.timestamp() * 1000 == stage.clock.now_ms()
    assert RecordChange(records[0], "things").old is None
    assert change.commit.transaction != RecordChange(records[0], "things").commit.transaction
    assert repr(change) == "<RecordChange MODIFY things {'id': 'a'}>"


def test_coroutine_handlers_run_on_the_loop_they_are_given() -> None:
    loops: list[asyncio.AbstractEventLoop] = []

    async def note(item: dict[str, Any], context: Context) -> None:
        loops.append(asyncio.get_running_loop())

    async def main() -> None:
        loop = asyncio.get_running_loop()
        stage = Stage()
        stage.source()
        stage.save(id="a")
        dispatcher = await asyncio.to_thread(stage.threaded, on_insert(note), loop=loop)
        await asyncio.to_thread(dispatcher.drain, 60)
        await asyncio.to_thread(stage.close)
        assert loops == [loop]

    asyncio.run(main())
