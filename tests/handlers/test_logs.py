"""Lines of the log that know which record they are about."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from pelton.handlers import Context, Handler, Shape
from pelton.handlers.calling import Caller
from pelton.handlers.context import Source
from pelton.handlers.delivery import Delivery, Outcome
from pelton.handlers.logs import CallFields, CallFilter, JSONLines
from pelton.handlers.transaction import HandlerTransaction
from pelton.streams import Record
from tests.handlers.stage import Stage

log = logging.getLogger("shop.mail")


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What is logged as JSON below `shop` while the test runs."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    handler.addFilter(CallFilter())
    handler.setFormatter(JSONLines())
    shop = logging.getLogger("shop")
    shop.addHandler(handler)
    shop.setLevel(logging.INFO)
    yield text
    shop.removeHandler(handler)


@pytest.fixture
def records(stage: Stage) -> list[Record]:
    stage.source()
    stage.save(id="a")
    stage.save(id="b")
    (shard,) = stage.streams.shards_of(stage.stream_arn())
    return list(stage.streams.read(shard, shard.start_seq, 100).records)


def deliver(stage: Stage, handler: Handler, records: Sequence[Record]) -> Outcome:
    (shard,) = stage.streams.shards_of(stage.stream_arn())
    source = Source(handler.name, shard, stage.clock, [CallFields()])
    delivery = Delivery(handler, source, HandlerTransaction(stage.database), 2)
    caller = Caller()
    try:
        return delivery.run(caller, records, lambda: False)
    finally:
        caller.close()


def logged(lines: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines.getvalue().splitlines()]


def test_a_batch_handlers_own_lines_carry_the_call(
    stage: Stage, records: list[Record], lines: io.StringIO
) -> None:
    ids: list[str] = []

    def mail(event: dict[str, Any], context: Context) -> None:
        ids.append(context.aws_request_id)
        ids.extend(record["dynamodb"]["SequenceNumber"] for record in event["Records"])
        log.info("mailing %d", len(event["Records"]), extra={"attempt": "mine", "city": "Ulm"})

    deliver(stage, Handler("mail", mail, Shape.BATCH), records)
    log.info("outside")
    inside, outside = logged(lines)
    (shard,) = stage.streams.shards_of(stage.stream_arn())
    assert inside.pop("timestamp").endswith("Z")
    assert inside == {
        "level": "INFO",
        "logger": "shop.mail",
        "message": "mailing 2",
        "handler": "mail",
        "table": "things",
        "shardId": shard.shard_id,
        "sequenceNumber": ids[1],
        "lastSequenceNumber": ids[2],
        "requestId": ids[0],
        "attempt": "mine",
        "city": "Ulm",
    }
    assert set(outside) == {"timestamp", "level", "logger", "message"}


def test_each_record_of_a_coroutine_handler_has_a_call_of_its_own(
    stage: Stage, records: list[Record], lines: io.StringIO
) -> None:
    async def mail(item: dict[str, Any], context: Context) -> None:
        await asyncio.sleep(0)
        log.info(item["id"])

    deliver(stage, Handler("mail", mail, Shape.INSERT), records)
    told = logged(lines)
    assert [each["message"] for each in told] == ["a", "b"]
    assert told[0]["sequenceNumber"] < told[1]["sequenceNumber"]
    assert "lastSequenceNumber" not in told[0]
    assert {each["attempt"] for each in told} == {2}


def test_an_exception_is_told_in_lambdas_members(lines: io.StringIO) -> None:
    try:
        raise ValueError("no\nsuch town")
    except ValueError:
        log.exception("failed")
    (line,) = logged(lines)
    assert (line["errorType"], line["errorMessage"]) == ("ValueError", "no\nsuch town")
    assert line["stackTrace"][0] == "Traceback (most recent call last):"


def test_what_json_cannot_say_is_told_as_text(lines: io.StringIO) -> None:
    log.info("odd", extra={"thing": {1: object}})
    assert logged(lines)[0]["thing"] == {"1": "<class 'object'>"}


def test_what_a_call_fails_with_goes_through_its_observers(
    stage: Stage, records: list[Record]
) -> None:
    def mail(event: dict[str, Any], context: Context) -> None:
        raise SystemExit(3)

    outcome = deliver(stage, Handler("mail", mail, Shape.BATCH), records)
    assert isinstance(outcome.error, SystemExit)
