"""What consumers read: a table on a real socket whose history a test writes and knows."""

from __future__ import annotations

import itertools
import random
import threading
from collections import Counter, defaultdict
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple

from pelton.engine import Database, ManualClock
from pelton.engine.operations.operation import DatabaseParts, Present
from pelton.engine.partitions.splitting import split_partition
from pelton.server import Server
from pelton.streams import StreamLimits, Streams
from tests.conftest import client_of

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodbstreams import DynamoDBStreamsClient

TABLE = "orders"
ITEMS = 60
SHARD_SECONDS_MAX = 60.0
LOGGED = ("ListStreams", "DescribeStream", "GetShardIterator", "GetRecords")


class Change(NamedTuple):
    """One change as every consumer can tell it: `number` is unique but for a REMOVE, which tells
    the number that the item had.
    """

    id: str
    event: str
    number: int


class Request(NamedTuple):
    """A request that a consumer made, and how many changes had been written by then."""

    operation: str
    members: dict[str, Any]
    written: int


class Source:
    """Serves a table of orders; its clock moves only where the test rolls shards.

    The table starts with one partition, so every split is the test's own.
    """

    def __init__(self, seed: int = 0) -> None:
        self.clock = ManualClock()
        self.database = Database(":memory:", clock=self.clock)
        limits = StreamLimits(shard_seconds_max=SHARD_SECONDS_MAX, iterator_seconds_max=86_400)
        self.streams = Streams(self.database, limits)
        self.server = Server(self.database, port=0)
        self.requests: list[Request] = []
        self.history: list[Change] = []
        self.rolls = self.splits = 0
        self._random = random.Random(seed)
        self._numbers = itertools.count(1)
        self._now: dict[str, int] = {}
        self._lock = threading.Lock()
        for name in LOGGED:
            self._log(name)

    def __enter__(self) -> Source:
        self.server.start()
        self.client: DynamoDBClient = client_of("dynamodb", self.url)
        self.reader: DynamoDBStreamsClient = client_of("dynamodbstreams", self.url)
        described = self.client.create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )
        self.stream_arn = described["TableDescription"]["LatestStreamArn"]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.client.close()
        self.reader.close()
        self.server.stop()
        self.database.close()

    @property
    def url(self) -> str:
        return self.server.url

    # --- writing -------------------------------------------------------------------------------

    def write(self, changes: int) -> list[Change]:
        """Puts, updates and deletes orders over the socket; returns the changes in their order."""
        return [self._write_one() for _ in range(changes)]

    def roll(self) -> None:
        """Lets the shards' time come: the next change of each partition rolls its shard."""
        self.clock.advance(seconds=SHARD_SECONDS_MAX + 1)
        self.rolls += 1

    def roll_idle(self) -> None:
        """Rolls every open shard although nobody writes, as upkeep does."""
        self.roll()
        assert self.streams.roll_aged() > 0

    def split(self) -> None:
        """Divides a partition of the table; its shard closes and two open."""
        partition = self._random.choice(self.database.catalog.table(TABLE).partitions)
        split_partition(self.database, TABLE, partition.number)
        self.splits += 1

    def _write_one(self) -> Change:
        order = f"order-{self._random.randrange(ITEMS):02}"
        key: Any = {"id": {"S": order}}
        before = self._now.get(order)
        if before is not None and self._random.random() < 0.2:
            self.client.delete_item(TableName=TABLE, Key=key)
            del self._now[order]
            change = Change(order, "REMOVE", before)
        else:
            number = next(self._numbers)
            self.client.update_item(
                TableName=TABLE,
                Key=key,
                UpdateExpression="SET n = :n",
                ExpressionAttributeValues={":n": {"N": str(number)}},
            )
            self._now[order] = number
            change = Change(order, "INSERT" if before is None else "MODIFY", number)
        self.history.append(change)
        return change

    # --- what is known of readers -----------------------------------------------------------------

    def asked(self, operation: str) -> list[Request]:
        with self._lock:
            return [each for each in self.requests if each.operation == operation]

    def shards(self) -> dict[str, list[Change]]:
        """Every change by the shard it lies in, read with nothing but the API; parents first."""
        shards: dict[str, list[Change]] = {}
        page: Any = {}
        while True:
            answer = self.reader.describe_stream(StreamArn=self.stream_arn, **page)
            described = answer["StreamDescription"]
            for shard in described["Shards"]:
                shards[shard["ShardId"]] = self._read(shard["ShardId"])
            if "LastEvaluatedShardId" not in described:
                return shards
            page = {"ExclusiveStartShardId": described["LastEvaluatedShardId"]}

    def _read(self, shard_id: str) -> list[Change]:
        iterator: str | None = self.reader.get_shard_iterator(
            StreamArn=self.stream_arn, ShardId=shard_id, ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        changes: list[Change] = []
        while iterator is not None:
            answer = self.reader.get_records(ShardIterator=iterator)
            changes += [change_of(record) for record in answer["Records"]]
            if not answer["Records"]:
                break
            iterator = answer.get("NextShardIterator")
        return changes

    def _log(self, name: str) -> None:
        operation = self.database.operations[name]

        def prepare(database: DatabaseParts, request: dict[str, Any], present: Present) -> Any:
            with self._lock:
                self.requests.append(Request(name, dict(request), len(self.history)))
            return operation.prepare(database, request, present)

        self.database.operations[name] = operation._replace(prepare=prepare)


def change_of(record: Any) -> Change:
    """A change as a record of GetRecords tells it."""
    told = record["dynamodb"]
    image = told["NewImage"] if "NewImage" in told else told["OldImage"]
    return Change(told["Keys"]["id"]["S"], record["eventName"], int(image["n"]["N"]))


def by_item(changes: list[Change]) -> dict[str, list[Change]]:
    """The changes of each item, in the order given."""
    items: dict[str, list[Change]] = defaultdict(list)
    for change in changes:
        items[change.id].append(change)
    return items


def first_sights(changes: list[Change]) -> list[Change]:
    """The changes without what is delivered again."""
    return list(dict.fromkeys(changes))


def missing(written: list[Change], seen: list[Change]) -> list[Change]:
    """What was written and never seen, in the order written."""
    return [change for change in written if change not in set(seen)]


def assert_read_once_in_order(written: list[Change], seen: list[Change]) -> None:
    """Every change was seen once, and those of an item in the order they were made."""
    assert Counter(seen) == Counter(written)
    assert by_item(seen) == by_item(written)
