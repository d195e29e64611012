"""A region for tests: a database with its streams, a clock that stands still, short requests."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest

from pelton.engine import Database, DynamoDBError, ManualClock
from pelton.engine.storage import Transaction
from pelton.streams import StreamLimits, Streams

Value = dict[str, Any]
Item = dict[str, Value]
Answer = dict[str, Any]
Names = str | Sequence[str]


def S(text: str) -> Value:
    return {"S": text}


def N(number: int | str) -> Value:
    return {"N": str(number)}


class Hold:
    """Holds a database's writer, from when it gets there until it is released."""

    def __init__(self, database: Database) -> None:
        self._entered, self._released = threading.Event(), threading.Event()
        database.store.write(self._work, lambda *outcome: None, alone=True)

    def _work(self, transaction: Transaction) -> None:
        self._entered.set()
        assert self._released.wait(30)

    def wait(self) -> None:
        assert self._entered.wait(30)

    def release(self) -> None:
        self._released.set()


class Region:
    """Calls operations as a client would; members of a request are keyword arguments."""

    def __init__(
        self,
        path: str | os.PathLike[str] = ":memory:",
        *,
        clock: ManualClock | None = None,
        durability: str = "FULL",
        **stream_limits: float,
    ) -> None:
        self.clock = clock or ManualClock()
        self.database = Database(path, clock=self.clock, durability=durability)
        self.streams = Streams(self.database, StreamLimits(**stream_limits))

    def close(self) -> None:
        self.database.close()

    def call(self, operation: str, **request: Any) -> Answer:
        return self.database.call(operation, request)

    def refusal(self, operation: str, **request: Any) -> tuple[str, str]:
        """The code and the message of the error that the request must meet."""
        with pytest.raises(DynamoDBError) as caught:
            self.call(operation, **request)
        return caught.value.code, caught.value.message

    # --- tables --------------------------------------------------------------------------------

    def create(
        self,
        name: str = "things",
        partition: str = "id",
        sort: str | None = None,
        *,
        types: dict[str, str] | None = None,
        stream: str | None = None,
        local: Iterable[Answer] = (),
        shared: Iterable[Answer] = (),
        write_units: int = 1,
    ) -> Answer:
        """Makes a table; a partition has 1,000 write units. Key attributes are S unless `types`
        says otherwise. `local` and `shared` hold what `index` returns.
        """
        request: dict[str, Any] = {
            "TableName": name,
            "KeySchema": key_schema(partition, sort),
            "ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": write_units},
        }
        names = {partition, *([sort] if sort else [])}
        for member, indexes in (
            ("LocalSecondaryIndexes", list(local)),
            ("GlobalSecondaryIndexes", list(shared)),
        ):
            if indexes:
                request[member] = indexes
                names |= {each["AttributeName"] for one in indexes for each in one["KeySchema"]}
        request["AttributeDefinitions"] = definitions(names, types or {})
        if stream is not None:
            request["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": stream}
        description: Answer = self.call("CreateTable", **request)["TableDescription"]
        return description

    def describe(self, name: str = "things") -> Answer:
        description: Answer = self.call("DescribeTable", TableName=name)["Table"]
        return description

    # --- items ---------------------------------------------------------------------------------

    def put(self, item: Item, name: str = "things", **more: Any) -> Answer:
        return self.call("PutItem", TableName=name, Item=item, **more)

    def get(self, key: Item, name: str = "things", **more: Any) -> Item | None:
        item: Item | None = self.call("GetItem", TableName=name, Key=key, **more).get("Item")
        return item

    def delete(self, key: Item, name: str = "things", **more: Any) -> Answer:
        return self.call("DeleteItem", TableName=name, Key=key, **more)

    def update(self, key: Item, expression: str, name: str = "things", **more: Any) -> Answer:
        """`values` and `names` become the request's placeholders."""
        for short, member in (
            ("values", "ExpressionAttributeValues"),
            ("names", "ExpressionAttributeNames"),
        ):
            if short in more:
                more[member] = more.pop(short)
        return self.call("UpdateItem", TableName=name, Key=key, UpdateExpression=expression, **more)

    def pages(self, operation: str, **request: Any) -> list[Answer]:
        """All pages of a Query or Scan, each continued from the one before."""
        pages = [self.call(operation, **request)]
        while (last := pages[-1].get("LastEvaluatedKey")) is not None:
            pages.append(self.call(operation, **{**request, "ExclusiveStartKey": last}))
        return pages

    def items(self, operation: str, **request: Any) -> list[Item]:
        return [item for page in self.pages(operation, **request) for item in page["Items"]]

    # --- streams -------------------------------------------------------------------------------

    def stream_arn(self, name: str = "things") -> str:
        arn: str = self.describe(name)["LatestStreamArn"]
        return arn

    def shards(self, arn: str, **more: Any) -> list[Answer]:
        answer = self.call("DescribeStream", StreamArn=arn, **more)
        shards: list[Answer] = answer["StreamDescription"]["Shards"]
        return shards

    def iterator(self, arn: str, shard_id: str, kind: str = "TRIM_HORIZON", **more: Any) -> str:
        answer = self.call(
            "GetShardIterator",
            StreamArn=arn,
            ShardId=shard_id,
            ShardIteratorType=kind,
            **more,
        )
        iterator: str = answer["ShardIterator"]
        return iterator

    def read(self, iterator: str) -> tuple[list[Answer], str | None]:
        """All records from an iterator on, and where to go on (None at the end of the shard)."""
        records: list[Answer] = []
        at: str | None = iterator
        while at is not None:
            answer = self.call("GetRecords", ShardIterator=at)
            at = answer.get("NextShardIterator")
            if not answer["Records"]:
                break
            records += answer["Records"]
        return records, at

    def records(self, arn: str | None = None) -> list[Answer]:
        """All records of a stream, parents before children; of the table "things" by default."""
        arn = arn or self.stream_arn()
        return [
            record
            for shard in self.shards(arn)
            for record in self.read(self.iterator(arn, shard["ShardId"]))[0]
        ]

    # --- the writer ----------------------------------------------------------------------------

    def together(self, *works: Callable[[Transaction], Any]) -> list[BaseException | None]:
        """Runs works in one group commit; returns what each failed with."""
        finished = threading.Event()
        errors: list[BaseException | None] = []

        def note(result: Any, error: BaseException | None) -> None:
            errors.append(error)
            if len(errors) == len(works):
                finished.set()

        hold = Hold(self.database)
        hold.wait()
        for work in works:
            self.database.store.write(work, note)
        hold.release()
        assert finished.wait(30)
        return errors

    def settle(self, name: str = "things") -> None:
        """Waits until the table's indexes are filled: each write stands behind a chunk of that."""
        while any(each.get("Backfilling") for each in self.global_indexes(name)):
            self.database.write(lambda transaction: None)

    def global_indexes(self, name: str = "things") -> list[Answer]:
        indexes: list[Answer] = self.describe(name).get("GlobalSecondaryIndexes", [])
        return indexes


def key_schema(partition: Names, sort: Names | None = None) -> list[dict[str, str]]:
    """A KeySchema; a global index may have several names for each part."""
    return [
        {"AttributeName": name, "KeyType": kind}
        for names, kind in ((partition, "HASH"), (sort or (), "RANGE"))
        for name in ([names] if isinstance(names, str) else names)
    ]


def definitions(names: Iterable[str], types: dict[str, str]) -> list[dict[str, str]]:
    return [
        {"AttributeName": name, "AttributeType": types.get(name, "S")} for name in sorted(names)
    ]


def index(
    name: str,
    partition: Names,
    sort: Names | None = None,
    *,
    projection: str = "ALL",
    include: Iterable[str] = (),
    is_local: bool = False,
) -> Answer:
    """The definition of a secondary index, as CreateTable takes it."""
    shown: dict[str, Any] = {"ProjectionType": projection}
    if include:
        shown["NonKeyAttributes"] = list(include)
    definition = {
        "IndexName": name,
        "KeySchema": key_schema(partition, sort),
        "Projection": shown,
    }
    if not is_local:
        definition["ProvisionedThroughput"] = {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}
    return definition
