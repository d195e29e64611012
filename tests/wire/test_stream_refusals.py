"""What the DynamoDB Streams API refuses, and in which words, through boto3.

The words marked "observed" have been reported from AWS; the others are those of DynamoDB Local or
of AWS's model, which AWS's answers are made from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from botocore.config import Config

from tests.conftest import client_of

from .tables import WireTable, refusal_of

if TYPE_CHECKING:
    from types_boto3_dynamodbstreams import DynamoDBStreamsClient

NewTable = Callable[..., WireTable]

INVALID = "One or more parameter values were invalid: "
ARN = "arn:aws:dynamodb:us-east-1:000000000000:table/never-made/stream/2026-01-01T00:00:00.000"
SHARD_ID = "shardId-00000001700000000000-0123abcd"
NOT_FOUND = "ResourceNotFoundException"
VALIDATION = "ValidationException"


@pytest.fixture(scope="module")
def streams(endpoint: str | None) -> Iterator[DynamoDBStreamsClient]:
    """A client that sends what boto3 would refuse itself."""
    config = Config(parameter_validation=False, retries={"total_max_attempts": 1})
    client = client_of("dynamodbstreams", endpoint, config=config)
    yield client
    client.close()


@pytest.fixture
def stream(new_table: NewTable) -> WireTable:
    return new_table("id", stream="KEYS_ONLY")


@pytest.fixture
def arn(stream: WireTable) -> str:
    found: str = stream.describe()["LatestStreamArn"]
    return found


@pytest.fixture
def shard_id(streams: DynamoDBStreamsClient, arn: str) -> str:
    return streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]


def null_at(member: str) -> str:
    return (
        f"1 validation error detected: Value null at '{member}' failed to satisfy constraint: "
        "Member must not be null"
    )


def out_of_range(value: int, bound: str) -> str:
    return (
        f"1 validation error detected: Value '{value}' at 'limit' failed to satisfy constraint: "
        f"Member must have value {bound}"
    )


@pytest.mark.parametrize(
    ("given", "error"),
    [
        (ARN, (NOT_FOUND, f"Requested resource not found: Stream: {ARN} not found")),  # observed
        ("things/stream/of/the/wrong/form/entirely", (VALIDATION, "Invalid StreamArn")),  # observed
        (ARN.partition("/stream")[0], (VALIDATION, "Invalid StreamArn")),
        (ARN.replace("dynamodb", "kinesis"), (VALIDATION, "Invalid StreamArn")),
    ],
)
def test_streams_that_are_not_there(
    streams: DynamoDBStreamsClient, given: str, error: tuple[str, str]
) -> None:
    assert refusal_of(streams.describe_stream, StreamArn=given) == error
    place = {"StreamArn": given, "ShardId": SHARD_ID, "ShardIteratorType": "LATEST"}
    assert refusal_of(streams.get_shard_iterator, **place) == error


def test_a_list_cannot_go_on_behind_what_is_no_arn(streams: DynamoDBStreamsClient) -> None:
    start = "kossaapaaasdafsdaasdasdasdasasdasfadfadfasdasdas"
    error = refusal_of(streams.list_streams, ExclusiveStartStreamArn=start)
    assert error == (VALIDATION, "Invalid StreamArn")
    assert streams.list_streams(ExclusiveStartStreamArn=ARN, Limit=100)["Streams"] is not None


@pytest.mark.parametrize("shard_id", [SHARD_ID, "adfasdasdasdasdasdasdasdasdasasdasd"])
def test_shards_that_are_not_there(streams: DynamoDBStreamsClient, arn: str, shard_id: str) -> None:
    place = {"StreamArn": arn, "ShardId": shard_id, "ShardIteratorType": "LATEST"}
    assert refusal_of(streams.get_shard_iterator, **place) == (
        NOT_FOUND,
        "Requested resource not found: Shard does not exist",  # observed
    )
    described = streams.describe_stream(StreamArn=arn, ExclusiveStartShardId="z" * 40)
    assert described["StreamDescription"]["Shards"] == []


@pytest.mark.parametrize(
    ("shard_filter", "message"),
    [
        ({}, null_at("shardFilter.type")),
        ({"ShardId": SHARD_ID}, null_at("shardFilter.type")),
        ({"Type": "CHILD_SHARDS"}, null_at("shardFilter.shardId")),
        (
            {"Type": "PARENTS", "ShardId": SHARD_ID},
            "1 validation error detected: Value 'PARENTS' at 'shardFilter.type' failed to satisfy "
            "constraint: Member must satisfy enum value set: [CHILD_SHARDS]",
        ),
        (
            {"Type": "CHILD_SHARDS", "ShardId": "qwerty"},
            "1 validation error detected: Value 'qwerty' at 'shardFilter.shardId' failed to "
            "satisfy constraint: Member must have length greater than or equal to 28",
        ),
    ],
)
def test_shard_filters_that_are_none(
    streams: DynamoDBStreamsClient, arn: str, shard_filter: Any, message: str
) -> None:
    error = refusal_of(streams.describe_stream, StreamArn=arn, ShardFilter=shard_filter)
    assert error == (VALIDATION, message)


def test_a_shard_without_children_and_one_that_is_not_there_have_none(
    streams: DynamoDBStreamsClient, arn: str, shard_id: str
) -> None:
    for parent in (shard_id, SHARD_ID):
        described = streams.describe_stream(
            StreamArn=arn, ShardFilter={"Type": "CHILD_SHARDS", "ShardId": parent}
        )
        assert described["StreamDescription"]["Shards"] == []


@pytest.mark.parametrize(
    ("limit", "bound"),
    [
        (0, "greater than or equal to 1"),
        (-1, "greater than or equal to 1"),
        (101, "less than or equal to 100"),
    ],
)
def test_limits_of_the_lists(
    streams: DynamoDBStreamsClient, arn: str, limit: int, bound: str
) -> None:
    error = (VALIDATION, out_of_range(limit, bound))
    assert refusal_of(streams.list_streams, Limit=limit) == error
    assert refusal_of(streams.describe_stream, StreamArn=arn, Limit=limit) == error


@pytest.mark.parametrize(
    ("limit", "bound"),
    [(0, "greater than or equal to 1"), (1001, "less than or equal to 1000")],
)
def test_limits_of_get_records(
    streams: DynamoDBStreamsClient, arn: str, shard_id: str, limit: int, bound: str
) -> None:
    iterator = streams.get_shard_iterator(
        StreamArn=arn, ShardId=shard_id, ShardIteratorType="LATEST"
    )["ShardIterator"]
    error = refusal_of(streams.get_records, ShardIterator=iterator, Limit=limit)
    assert error == (VALIDATION, out_of_range(limit, bound))
    assert streams.get_records(ShardIterator=iterator, Limit=1000)["Records"] == []


@pytest.mark.parametrize("kind", ["AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"])
def test_sequence_number_iterators_want_a_number_of_21_to_40_digits(
    streams: DynamoDBStreamsClient, arn: str, shard_id: str, kind: str
) -> None:
    place = {"StreamArn": arn, "ShardId": shard_id, "ShardIteratorType": kind}
    assert refusal_of(streams.get_shard_iterator, **place) == (
        VALIDATION,
        f"{INVALID}Invalid SequenceNumber",
    )
    for text, bound in (
        ("1" * 20, "greater than or equal to 21"),
        ("1" * 41, "less than or equal"),
    ):
        code, message = refusal_of(streams.get_shard_iterator, **place, SequenceNumber=text)
        assert code == VALIDATION
        assert f"Value '{text}' at 'sequenceNumber' failed to satisfy constraint: " in message
        assert f"Member must have length {bound}" in message


@pytest.mark.parametrize("kind", ["TRIM_HORIZON", "LATEST"])
def test_the_other_iterators_want_none(
    streams: DynamoDBStreamsClient, arn: str, shard_id: str, kind: Any
) -> None:
    assert refusal_of(
        streams.get_shard_iterator,
        StreamArn=arn,
        ShardId=shard_id,
        ShardIteratorType=kind,
        SequenceNumber="1" * 21,
    ) == (VALIDATION, f"{INVALID}SequenceNumber should not be passed for this iterator type")


def test_an_iterator_type_that_is_none(
    streams: DynamoDBStreamsClient, arn: str, shard_id: str
) -> None:
    code, message = refusal_of(
        streams.get_shard_iterator, StreamArn=arn, ShardId=shard_id, ShardIteratorType="FIRST"
    )
    assert code == VALIDATION
    assert (
        "Value 'FIRST' at 'shardIteratorType' failed to satisfy constraint: Member must" in message
    )


def test_what_is_no_iterator(streams: DynamoDBStreamsClient, arn: str, shard_id: str) -> None:
    iterator = streams.get_shard_iterator(
        StreamArn=arn, ShardId=shard_id, ShardIteratorType="LATEST"
    )["ShardIterator"]
    for text in (
        "nonsense",
        f"{arn}|1|nonsense",
        iterator[:-8],
        iterator + "AAAA",
        iterator + "!",
        iterator.replace("|1|", "|2|"),
        iterator + "|1|" + iterator.rpartition("|")[2],
        iterator.replace(arn, arn[:-1] + ("0" if arn[-1] != "0" else "1")),
        iterator.replace(arn, ARN),
    ):
        error = refusal_of(streams.get_records, ShardIterator=text)
        assert error == (VALIDATION, "Invalid ShardIterator")


# --- a table's StreamSpecification: all of these words are observed ------------------------------


def test_a_stream_is_neither_enabled_twice_nor_changed_in_place(stream: WireTable) -> None:
    for view in ("KEYS_ONLY", "NEW_IMAGE"):
        specification = {"StreamEnabled": True, "StreamViewType": view}
        assert stream.refusal("update_table", StreamSpecification=specification) == (
            VALIDATION,
            f"Table already has an enabled stream: TableName: {stream.name}",
        )


def test_no_stream_cannot_be_disabled(table: WireTable) -> None:
    assert table.refusal("update_table", StreamSpecification={"StreamEnabled": False}) == (
        VALIDATION,
        f"Table has no stream to disable: TableName: {table.name}",
    )


@pytest.mark.parametrize(
    ("specification", "message"),
    [
        ({"StreamEnabled": True}, "If stream is being enabled then UpdateViewType is required"),
        (
            {"StreamEnabled": False, "StreamViewType": "KEYS_ONLY"},
            "If stream is being disabled, then UpdateViewType must not be specified",
        ),
    ],
)
def test_a_view_type_comes_with_enabling_alone(
    table: WireTable, specification: dict[str, Any], message: str
) -> None:
    error = table.refusal("update_table", StreamSpecification=specification)
    assert error == (VALIDATION, INVALID + message)


def test_a_streams_change_stands_apart_from_those_of_capacity_and_indexes(table: WireTable) -> None:
    enabling = {"StreamSpecification": {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}}
    capacity = {"ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5}}
    assert table.refusal("update_table", BillingMode="PROVISIONED", **capacity, **enabling) == (
        VALIDATION,
        f"{INVALID}You cannot modify stream status while updating table IOPS",
    )
    index = {
        "IndexName": "by-id",
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "ALL"},
    }
    assert table.refusal(
        "update_table",
        GlobalSecondaryIndexUpdates=[{"Create": index}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        **enabling,
    ) == (VALIDATION, f"{INVALID}You cannot create or delete index while changing stream status")
    together = table.call("update_table", BillingMode="PAY_PER_REQUEST", **enabling)
    assert together["TableDescription"]["StreamSpecification"] == enabling["StreamSpecification"]
