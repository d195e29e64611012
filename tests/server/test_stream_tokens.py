"""Shard iterators hold their position themselves: servers on one file need nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.cli.processes import Command
from tests.conftest import client_of

TABLE = {
    "TableName": "things",
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
    "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
}


class Clients:
    def __init__(self, url: str) -> None:
        self.dynamodb: Any = client_of("dynamodb", url)
        self.streams: Any = client_of("dynamodbstreams", url)

    def put(self, number: int) -> None:
        item = {"id": {"S": "a"}, "n": {"N": str(number)}}
        self.dynamodb.put_item(TableName="things", Item=item)

    def read(self, iterator: str) -> tuple[list[int], str]:
        """The numbers of the records behind an iterator, and the next one."""
        answer = self.streams.get_records(ShardIterator=iterator)
        numbers = [int(each["dynamodb"]["NewImage"]["n"]["N"]) for each in answer["Records"]]
        return numbers, answer["NextShardIterator"]


@contextmanager
def serving(folder: Path) -> Iterator[Clients]:
    """A server on the one file of a folder, as a process of its own."""
    with Command("serve", "shop.db", "--port", "0", cwd=folder) as command:
        clients = Clients(command.line().rpartition(" at ")[2])
        yield clients
        clients.dynamodb.close()
        clients.streams.close()
        code, _, complaint = command.stop()
        assert (code, complaint) == (0, "")


def test_an_iterator_goes_on_at_another_server_and_after_a_restart(tmp_path: Path) -> None:
    with serving(tmp_path) as first:
        first.dynamodb.create_table(**TABLE)
        arn = first.streams.list_streams()["Streams"][0]["StreamArn"]
        (shard,) = first.streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
        start = first.streams.get_shard_iterator(
            StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="LATEST"
        )["ShardIterator"]
        first.put(1)
        with serving(tmp_path) as second:
            numbers, iterator = second.read(start)
            assert numbers == [1]
            second.put(2)
        first.put(3)
        assert first.read(iterator)[0] == [2, 3]
    with serving(tmp_path) as again:
        numbers, later = again.read(iterator)
        assert numbers == [2, 3]
        again.put(4)
        assert again.read(later)[0] == [4]
        assert again.read(start)[0] == [1, 2, 3, 4]
