"""An app whose handlers fail tells queues, topics and buckets of it, over the wire."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import pelton
from pelton.handlers.mapping import uuid_of_declared
from tests.handlers.destinations.conftest import Client, Queue


def failing(on_failure: str, path: Path) -> tuple[pelton.App, list[Any]]:
    """An app whose handler fails for all it gets, and the calls it was given."""
    app = pelton.App(path / "shop.db", clock=pelton.ManualClock())
    app.table("users", partition_key="id", stream="NEW_AND_OLD_IMAGES")
    calls: list[Any] = []

    @app.on_stream(
        "users",
        maximum_retry_attempts=0,
        bisect_batch_on_function_error=False,
        on_failure=on_failure,
    )
    def mail(event: dict[str, Any], context: pelton.Context) -> None:
        calls.append((event, context))
        raise ValueError("no mail today")

    return app, calls


def told_of(call: Any, app: pelton.App) -> dict[str, Any]:
    """What a destination is to be told of a call that failed, at the time of a manual clock."""
    event, context = call
    first, last = (event["Records"][place]["dynamodb"]["SequenceNumber"] for place in (0, -1))
    return {
        "requestContext": {
            "requestId": context.aws_request_id,
            "functionArn": "arn:aws:lambda:us-east-1:000000000000:function:mail",
            "condition": "RetryAttemptsExhausted",
            "approximateInvokeCount": 1,
        },
        "responseContext": {
            "statusCode": 200,
            "executedVersion": "$LATEST",
            "functionError": "Unhandled",
        },
        "version": "1.0",
        "timestamp": "2023-11-14T22:13:20.000Z",
        "DDBStreamBatchInfo": {
            "shardId": context.shard_id,
            "startSequenceNumber": first,
            "endSequenceNumber": last,
            "approximateArrivalOfFirstRecord": "2023-11-14T22:13:20Z",
            "approximateArrivalOfLastRecord": "2023-11-14T22:13:20Z",
            "batchSize": len(event["Records"]),
            "streamArn": app.stream("users").arn,
        },
    }


def fail_once(app: pelton.App) -> None:
    with app:
        app.call("PutItem", {"TableName": "users", "Item": {"id": {"S": "ada"}}})
        app.drain()
        assert len(app.dead_letters.list("mail")) == 1


def test_a_queue(tmp_path: Path, queue: Queue) -> None:
    app, calls = failing(queue.arn, tmp_path)
    fail_once(app)
    (call,) = calls
    assert [json.loads(body) for body in queue.take()] == [told_of(call, app)]


def test_a_topic(tmp_path: Path, aws: Client, queue: Queue) -> None:
    topic = aws("sns").create_topic(Name="told-by-an-app")["TopicArn"]
    aws("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn)
    app, calls = failing(topic, tmp_path)
    fail_once(app)
    (call,) = calls
    (body,) = queue.take()
    assert json.loads(json.loads(body)["Message"]) == told_of(call, app)


def test_a_bucket(tmp_path: Path, aws: Client) -> None:
    aws("s3").create_bucket(Bucket="told-by-an-app")
    app, calls = failing("arn:aws:s3:::told-by-an-app", tmp_path)
    fail_once(app)
    (call,) = calls
    (listed,) = aws("s3").list_objects_v2(Bucket="told-by-an-app")["Contents"]
    uuid = uuid_of_declared("us-east-1", "000000000000", "mail")
    assert listed["Key"].startswith(
        f"aws/lambda/{uuid}/{call[1].shard_id}/2023/11/14/2023-11-14T22.13.20-"
    )
    with aws("s3").get_object(Bucket="told-by-an-app", Key=listed["Key"])["Body"] as body:
        assert json.load(body) == {**told_of(call, app), "payload": call[0]}


def test_a_destination_is_refused_where_the_handler_is_registered(tmp_path: Path) -> None:
    arn = "arn:aws:events:us-east-1:123456789012:event-bus/default"
    with pytest.raises(ValueError, match=f"The destination ARN {arn} is invalid."):
        failing(arn, tmp_path)
