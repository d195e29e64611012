"""ListStreams, DescribeStream, GetShardIterator and GetRecords through boto3."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from .tables import WireTable, refusal_of

if TYPE_CHECKING:
    from types_boto3_dynamodbstreams import DynamoDBStreamsClient

NewTable = Callable[..., WireTable]
KEY = {"id": {"S": "x"}}


@pytest.fixture
def stream(new_table: NewTable) -> WireTable:
    """A table whose stream has both images."""
    return new_table("id", stream="NEW_AND_OLD_IMAGES")


def arn_of(table: WireTable) -> str:
    arn: str = table.describe()["LatestStreamArn"]
    return arn


def shards_of(client: DynamoDBStreamsClient, arn: str) -> list[Any]:
    return list(client.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"])


def records_of(client: DynamoDBStreamsClient, arn: str) -> list[Any]:
    """Everything recorded so far, in the order of the sequence numbers."""
    records: list[Any] = []
    for shard in shards_of(client, arn):
        iterator: str | None = client.get_shard_iterator(
            StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        while iterator is not None:
            answer = client.get_records(ShardIterator=iterator)
            records += answer["Records"]
            iterator = answer.get("NextShardIterator") if answer["Records"] else None
    return sorted(records, key=lambda record: int(record["dynamodb"]["SequenceNumber"]))


def test_streams_are_listed(dynamodbstreams: DynamoDBStreamsClient, stream: WireTable) -> None:
    (listed,) = dynamodbstreams.list_streams(TableName=stream.name)["Streams"]
    assert listed["StreamArn"] == arn_of(stream)
    assert listed["TableName"] == stream.name
    assert arn_of(stream).endswith(listed["StreamLabel"])


def test_a_stream_is_described(dynamodbstreams: DynamoDBStreamsClient, stream: WireTable) -> None:
    arn = arn_of(stream)
    described = dynamodbstreams.describe_stream(StreamArn=arn)["StreamDescription"]
    assert described["StreamStatus"] == "ENABLED"
    assert described["StreamViewType"] == "NEW_AND_OLD_IMAGES"
    assert described["KeySchema"] == [{"AttributeName": "id", "KeyType": "HASH"}]
    assert described["TableName"] == stream.name
    for shard in described["Shards"]:
        assert shard["ShardId"].startswith("shardId-")
        assert shard["SequenceNumberRange"]["StartingSequenceNumber"].isdigit()
        assert "EndingSequenceNumber" not in shard["SequenceNumberRange"]


def test_every_change_is_one_record(
    dynamodbstreams: DynamoDBStreamsClient, stream: WireTable
) -> None:
    first, second = {**KEY, "n": {"N": "1"}}, {**KEY, "n": {"N": "22"}}
    stream.put(first)
    stream.put(first)  # changes nothing
    stream.put(second)
    stream.call("delete_item", Key=KEY)
    records = records_of(dynamodbstreams, arn_of(stream))
    assert [record["eventName"] for record in records] == ["INSERT", "MODIFY", "REMOVE"]
    inserted, modified, removed = (record["dynamodb"] for record in records)
    assert inserted["NewImage"] == first
    assert "OldImage" not in inserted
    assert (modified["OldImage"], modified["NewImage"]) == (first, second)
    assert removed["OldImage"] == second
    assert "NewImage" not in removed
    for record in records:
        assert record["eventSource"] == "aws:dynamodb"
        assert record["eventVersion"] == "1.1"
        assert record["dynamodb"]["Keys"] == KEY
        assert record["dynamodb"]["StreamViewType"] == "NEW_AND_OLD_IMAGES"
    assert inserted["SizeBytes"] == 3 + 3 + 3
    assert len({record["eventID"] for record in records}) == 3


def test_binary_values_come_back_as_bytes(
    dynamodbstreams: DynamoDBStreamsClient, stream: WireTable
) -> None:
    stream.put({**KEY, "b": {"B": b"\x00\xff"}})
    (record,) = records_of(dynamodbstreams, arn_of(stream))
    assert record["dynamodb"]["NewImage"]["b"] == {"B": b"\x00\xff"}


@pytest.mark.parametrize(
    ("view", "members"),
    [
        ("KEYS_ONLY", set()),
        ("NEW_IMAGE", {"NewImage"}),
        ("OLD_IMAGE", {"OldImage"}),
        ("NEW_AND_OLD_IMAGES", {"NewImage", "OldImage"}),
    ],
)
def test_a_view_shows_its_images(
    dynamodbstreams: DynamoDBStreamsClient, new_table: NewTable, view: str, members: set[str]
) -> None:
    table = new_table("id", stream=view)
    table.put(KEY)
    table.put({**KEY, "n": {"N": "1"}})
    modified = records_of(dynamodbstreams, arn_of(table))[-1]["dynamodb"]
    assert {"NewImage", "OldImage"} & set(modified) == members


def test_the_five_kinds_of_iterators(
    dynamodbstreams: DynamoDBStreamsClient, stream: WireTable
) -> None:
    for number in range(3):
        stream.put({**KEY, "n": {"N": str(number)}})
    arn = arn_of(stream)
    sequences = [
        record["dynamodb"]["SequenceNumber"] for record in records_of(dynamodbstreams, arn)
    ]

    def read(kind: Any, **more: Any) -> list[list[str]]:
        """What each shard gives to an iterator of this kind; shards that give nothing left out."""
        found = []
        for shard in shards_of(dynamodbstreams, arn):
            try:
                iterator = dynamodbstreams.get_shard_iterator(
                    StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType=kind, **more
                )["ShardIterator"]
            except dynamodbstreams.exceptions.ClientError:
                continue  # The sequence number is another shard's.
            records = dynamodbstreams.get_records(ShardIterator=iterator)["Records"]
            found.append([record["dynamodb"]["SequenceNumber"] for record in records])
        return [numbers for numbers in found if numbers]

    assert read("TRIM_HORIZON") == [sequences]
    assert read("LATEST") == []
    assert sequences[1:] in read("AT_SEQUENCE_NUMBER", SequenceNumber=sequences[1])
    assert sequences[2:] in read("AFTER_SEQUENCE_NUMBER", SequenceNumber=sequences[1])
    # A time that has passed for certain, whatever the zone it is written in.
    created = dynamodbstreams.describe_stream(StreamArn=arn)["StreamDescription"]
    hour_before = created["CreationRequestDateTime"] - timedelta(hours=1)
    assert read("AT_TIMESTAMP", Timestamp=hour_before) == [sequences]
    assert read("AT_TIMESTAMP", Timestamp=hour_before + timedelta(days=1)) == []


def test_a_disabled_stream_ends_and_stays_readable(
    dynamodbstreams: DynamoDBStreamsClient, stream: WireTable
) -> None:
    stream.put(KEY)
    arn = arn_of(stream)
    stream.call("update_table", StreamSpecification={"StreamEnabled": False})
    described = dynamodbstreams.describe_stream(StreamArn=arn)["StreamDescription"]
    assert described["StreamStatus"] == "DISABLED"
    assert all(
        "EndingSequenceNumber" in shard["SequenceNumberRange"] for shard in described["Shards"]
    )
    assert [record["eventName"] for record in records_of(dynamodbstreams, arn)] == ["INSERT"]


def test_wrong_requests_are_refused(
    dynamodbstreams: DynamoDBStreamsClient, stream: WireTable
) -> None:
    arn = arn_of(stream)
    nowhere = arn.replace(stream.name, "pelton-never-made")
    assert refusal_of(dynamodbstreams.describe_stream, StreamArn=nowhere) == (
        "ResourceNotFoundException",
        f"Requested resource not found: Stream: {nowhere} not found",
    )
    shard_id = shards_of(dynamodbstreams, arn)[0]["ShardId"]
    position = {"StreamArn": arn, "ShardId": shard_id}
    code, _ = refusal_of(
        dynamodbstreams.get_shard_iterator, **position, ShardIteratorType="AT_SEQUENCE_NUMBER"
    )
    assert code == "ValidationException"
    code, _ = refusal_of(
        dynamodbstreams.get_shard_iterator,
        **{**position, "ShardId": shard_id[:-8] + "00000000"},
        ShardIteratorType="LATEST",
    )
    assert code == "ResourceNotFoundException"
    code, _ = refusal_of(dynamodbstreams.get_records, ShardIterator=f"{arn}|1|nonsense")
    assert code == "ValidationException"
