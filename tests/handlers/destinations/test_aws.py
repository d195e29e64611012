"""Queues, topics and buckets of moto get what Lambda's destinations get."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from pelton.handlers.destinations import (
    Condition,
    DestinationError,
    InvocationRecord,
    Response,
    destination_of,
)
from tests.handlers.destinations.conftest import Client, Queue
from tests.handlers.stage import Stage

MAPPING_ID = "0d6fb4a5-2b1c-4f0e-8f6a-7e55a6f6a0d1"
REQUEST_ID = "5f1c7c3e-93b2-4d0e-a3a8-0a4c2f1b9d11"
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:mail"


def given_up(stage: Stage, **more: Any) -> InvocationRecord:
    """The record of two changes that were given up a second and a bit after they were made."""
    stage.source()
    stage.save(id="a", n=1)
    stage.clock.advance(seconds=1)
    stage.save(id="a", n=2)
    stage.clock.advance(seconds=0.25)
    shard = next(
        each for each in stage.streams.shards_of(stage.stream_arn()) if stage_records(stage, each)
    )
    settings: dict[str, Any] = {
        "mapping_id": MAPPING_ID,
        "function_arn": FUNCTION,
        "request_id": REQUEST_ID,
        "condition": Condition.RETRIES,
        "invoke_count": 4,
        "response": Response(is_error=True),
        "at_ms": stage.clock.now_ms(),
        "shard": shard,
        "records": stage_records(stage, shard),
    }
    return InvocationRecord(**{**settings, **more})


def stage_records(stage: Stage, shard: Any) -> list[Any]:
    return stage.streams.read(shard, 0, 10, 10**6).records


def expected(record: InvocationRecord, stage: Stage) -> dict[str, Any]:
    first, last = stage.records()
    return {
        "requestContext": {
            "requestId": REQUEST_ID,
            "functionArn": FUNCTION,
            "condition": "RetryAttemptsExhausted",
            "approximateInvokeCount": 4,
        },
        "responseContext": {
            "statusCode": 200,
            "executedVersion": "$LATEST",
            "functionError": "Unhandled",
        },
        "version": "1.0",
        "timestamp": "2023-11-14T22:13:21.250Z",
        "DDBStreamBatchInfo": {
            "shardId": record.shard.shard_id,
            "startSequenceNumber": first["dynamodb"]["SequenceNumber"],
            "endSequenceNumber": last["dynamodb"]["SequenceNumber"],
            "approximateArrivalOfFirstRecord": "2023-11-14T22:13:20Z",
            "approximateArrivalOfLastRecord": "2023-11-14T22:13:21Z",
            "batchSize": 2,
            "streamArn": stage.stream_arn(),
        },
    }


def test_a_queue_gets_the_invocation_record(stage: Stage, queue: Queue) -> None:
    record = given_up(stage)
    destination_of(queue.arn, "us-east-1").send(record)
    (body,) = queue.take()
    assert json.loads(body) == expected(record, stage)
    assert list(json.loads(body)) == list(expected(record, stage)), "members stand as AWS has them"


def test_the_subscribers_of_a_topic_get_it(stage: Stage, aws: Client, queue: Queue) -> None:
    record = given_up(stage)
    topic = aws("sns").create_topic(Name="given-up")["TopicArn"]
    aws("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn)
    destination_of(topic, "us-east-1").send(record)
    (body,) = queue.take()
    assert json.loads(json.loads(body)["Message"]) == expected(record, stage)


def test_a_bucket_gets_the_records_too_under_the_key_of_lambda(stage: Stage, aws: Client) -> None:
    record = given_up(stage)
    aws("s3").create_bucket(Bucket="given-up")
    destination_of("arn:aws:s3:::given-up", "us-east-1").send(record)
    (listed,) = aws("s3").list_objects_v2(Bucket="given-up")["Contents"]
    folder, _, suffix = listed["Key"].partition("2023-11-14T22.13.21-")
    assert folder == f"aws/lambda/{MAPPING_ID}/{record.shard.shard_id}/2023/11/14/"
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", suffix)
    found = aws("s3").get_object(Bucket="given-up", Key=listed["Key"])
    assert found["ContentType"] == "application/json"
    payload = [
        {
            **each,
            "dynamodb": {
                **each["dynamodb"],
                "ApproximateCreationDateTime": float(
                    each["dynamodb"]["ApproximateCreationDateTime"]
                ),
            },
            "eventSourceARN": stage.stream_arn(),
        }
        for each in stage.records()
    ]
    with found["Body"] as body:
        assert json.load(body) == {**expected(record, stage), "payload": {"Records": payload}}


def test_a_record_sent_again_overwrites_its_object(stage: Stage, aws: Client) -> None:
    record = given_up(stage)
    aws("s3").create_bucket(Bucket="sent-again")
    destination = destination_of("arn:aws:s3:::sent-again", "us-east-1")
    destination.send(record)
    destination.send(record)
    assert len(aws("s3").list_objects_v2(Bucket="sent-again")["Contents"]) == 1


def test_failed_items_of_an_answer_are_no_error_of_the_function(stage: Stage) -> None:
    body = json.loads(given_up(stage, response=Response(is_error=False)).body())
    assert body["responseContext"]["functionError"] is None


def test_records_too_old_to_be_tried_have_no_response(stage: Stage) -> None:
    record = given_up(stage, condition=Condition.AGE, response=None, invoke_count=0)
    body = json.loads(record.body())
    assert body["requestContext"]["condition"] == "RecordAgeExceeded"
    assert "responseContext" not in body


@pytest.mark.parametrize(
    ("arn", "said"),
    [
        ("arn:aws:sqs:us-east-1:123456789012:nowhere", "does not exist"),
        ("arn:aws:sns:us-east-1:123456789012:nowhere", "does not exist"),
        ("arn:aws:s3:::nowhere", "does not exist"),
    ],
)
def test_a_destination_that_is_not_there_says_so(
    stage: Stage, aws: Client, arn: str, said: str
) -> None:
    with pytest.raises(DestinationError, match=said):
        destination_of(arn, "us-east-1").send(given_up(stage))


def test_a_destination_that_does_not_answer_says_so(
    stage: Stage, aws: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(DestinationError, match="Could not connect"):
        destination_of("arn:aws:s3:::any", "us-east-1").send(given_up(stage))
