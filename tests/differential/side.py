"""One of the two servers that are compared: its answers and its records, in comparable form."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from tests.conftest import client_of

from .operations import Request, table_name

Answer = dict[str, Any]
Record = dict[str, Any]


class Side:
    """Clients of one server, and how far its streams have been read."""

    def __init__(self, url: str) -> None:
        self.dynamodb = client_of("dynamodb", url)
        self.streams = client_of("dynamodbstreams", url)

    def close(self) -> None:
        self.dynamodb.close()
        self.streams.close()

    def answer(self, request: Request) -> Answer:
        """The answer; of an error its code, its message and the reasons of a transaction."""
        try:
            answer: Answer = getattr(self.dynamodb, request.method)(**request.members)
        except ClientError as error:
            found = error.response["Error"]
            reasons = error.response.get("CancellationReasons")
            refusal = {"error": found["Code"], "message": found["Message"]}
            return refusal | ({"reasons": reasons} if reasons else {})
        answer.pop("ResponseMetadata")
        answer.pop("ConsumedCapacity", None)  # DynamoDB Local gives it to deletes unasked.
        return comparable(answer)  # type: ignore[no-any-return]

    def records(self, name: str) -> dict[str, list[Record]]:
        """What the stream of a table tells of each item, in order, without what must differ."""
        described = self.dynamodb.describe_table(TableName=table_name(name))["Table"]
        arn = described["LatestStreamArn"]
        found: dict[str, list[Record]] = {}
        stream = self.streams.describe_stream(StreamArn=arn)["StreamDescription"]
        for shard in stream["Shards"]:
            for record in self._read(arn, shard["ShardId"]):
                item = repr(sorted(record["dynamodb"]["Keys"].items()))
                found.setdefault(item, []).append(comparable_record(record))
        return found

    def _read(self, arn: str, shard_id: str) -> list[Record]:
        at: str | None = self.streams.get_shard_iterator(
            StreamArn=arn, ShardId=shard_id, ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        records: list[Record] = []
        while at is not None:
            answer = self.streams.get_records(ShardIterator=at)
            at = answer.get("NextShardIterator")
            records += answer["Records"]
            if not answer["Records"]:
                break
        numbers = [int(record["dynamodb"]["SequenceNumber"]) for record in records]
        assert numbers == sorted(set(numbers)), "the records of a shard are not in order"
        return records


def comparable_record(record: Record) -> Record:
    """A record without its id, number, time and region, which differ from server to server."""
    data = dict(record["dynamodb"])
    assert data.pop("SequenceNumber").isdigit()
    assert data.pop("ApproximateCreationDateTime")
    assert record["eventID"]
    assert set(record) == {
        *("eventID", "eventName", "eventVersion", "eventSource", "awsRegion", "dynamodb")
    }
    told = {name: record[name] for name in ("eventName", "eventVersion", "eventSource")}
    return comparable({**told, **data})  # type: ignore[no-any-return]


def comparable(value: Any) -> Any:
    """Sets in one order: theirs means nothing."""
    if isinstance(value, list):
        return [comparable(each) for each in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((kind, content),) = value.items()
        if kind in ("SS", "NS", "BS") and isinstance(content, list):
            return {kind: sorted(content)}
    return {name: comparable(each) for name, each in value.items()}
