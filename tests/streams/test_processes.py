"""Several processes on one file: one log in commit order, one lineage, one set of tables."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pelton.engine.storage import Transaction
from tests.region import Answer, N, Region, S

OTHER = """
import json, sys
from pelton.engine import DynamoDBError
from tests.region import Region
region = Region(sys.argv[1])
for line in sys.stdin:
    operation, request = json.loads(line)
    try:
        if operation == "advance":
            answer = region.clock.advance(**request)
        elif operation == "look":
            answer = region.database.write(lambda transaction: None)
        else:
            answer = region.call(operation, **request)
    except DynamoDBError as error:
        answer = {"error": error.code}
    print(json.dumps(answer), flush=True)
region.close()
"""


class OtherRegion:
    """The same file, opened by another process."""

    def __init__(self, path: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", OTHER, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
            text=True,
        )

    def call(self, operation: str, **request: Any) -> Any:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps([operation, request]) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def put_number(self, number: int) -> None:
        assert self.call("PutItem", **put_request(number)) == {}

    def close(self) -> None:
        self._process.communicate()
        assert self._process.returncode == 0


def put_request(number: int) -> Answer:
    return {"TableName": "things", "Item": {"id": S("a"), "n": N(number)}}


def put_number(region: Region, number: int) -> None:
    region.call("PutItem", **put_request(number))


def numbers_of(records: list[Answer]) -> list[int]:
    return [int(record["dynamodb"]["NewImage"]["n"]["N"]) for record in records]


def look(region: Region) -> None:
    """Takes in what other processes have committed, as every write does."""
    region.database.write(lambda transaction: None)


@pytest.fixture
def region(tmp_path: Path) -> Iterator[Region]:
    region = Region(tmp_path / "x.db")
    region.create(stream="NEW_IMAGE")
    yield region
    region.close()


@pytest.fixture
def other(region: Region, tmp_path: Path) -> Iterator[OtherRegion]:
    other = OtherRegion(tmp_path / "x.db")
    yield other
    other.close()


def test_processes_write_one_log_in_commit_order(region: Region, other: OtherRegion) -> None:
    for number in range(0, 10, 2):
        put_number(region, number)
        other.put_number(number + 1)
    records = region.records()
    assert numbers_of(records) == list(range(10))
    sequences = [int(record["dynamodb"]["SequenceNumber"]) for record in records]
    assert sequences == sorted(set(sequences))
    (shard,) = region.shards(region.stream_arn())
    iterator = other.call(
        "GetShardIterator",
        StreamArn=region.stream_arn(),
        ShardId=shard["ShardId"],
        ShardIteratorType="TRIM_HORIZON",
    )
    assert other.call("GetRecords", **iterator)["Records"] == records


def test_a_failed_write_after_anothers_commit_keeps_the_order(
    region: Region, other: OtherRegion
) -> None:
    put_number(region, 1)
    other.put_number(2)
    _, put = region.database.prepare("PutItem", put_request(0))

    def fail(transaction: Transaction) -> None:
        put(transaction)
        raise ValueError("undone")

    # It takes in the other's commit and is rolled back: the numbers must not go back with it.
    with pytest.raises(ValueError):
        region.database.write(fail)
    put_number(region, 3)
    assert numbers_of(region.records()) == [1, 2, 3]


def test_a_shard_rolled_by_one_process_is_not_written_by_the_other(
    region: Region, other: OtherRegion
) -> None:
    put_number(region, 1)
    other.call("advance", seconds=4 * 3600)
    other.put_number(2)
    put_number(region, 3)
    arn = region.stream_arn()
    parent, child = region.shards(arn)
    assert child["ParentShardId"] == parent["ShardId"]
    assert numbers_of(region.read(region.iterator(arn, parent["ShardId"]))[0]) == [1]
    assert numbers_of(region.read(region.iterator(arn, child["ShardId"]))[0]) == [2, 3]


def test_an_iterator_of_a_shard_that_one_process_has_just_made_works_in_the_other(
    region: Region, other: OtherRegion
) -> None:
    arn = region.stream_arn()
    other.call("advance", seconds=4 * 3600)
    other.put_number(1)
    described = other.call("DescribeStream", StreamArn=arn)["StreamDescription"]
    token = other.call(
        "GetShardIterator",
        StreamArn=arn,
        ShardId=described["Shards"][-1]["ShardId"],
        ShardIteratorType="TRIM_HORIZON",
    )["ShardIterator"]
    assert numbers_of(region.read(token)[0]) == [1]


def test_tables_made_and_dropped_by_one_process_are_so_for_the_other(
    region: Region, other: OtherRegion
) -> None:
    region.create("more", stream="KEYS_ONLY")
    other.call("look")
    assert other.call("ListTables")["TableNames"] == ["more", "things"]
    assert other.call("PutItem", TableName="more", Item={"id": S("a")}) == {}
    assert len(region.records(region.stream_arn("more"))) == 1
    other.call("DeleteTable", TableName="things")
    look(region)
    code, _ = region.refusal("PutItem", **put_request(1))
    assert code == "ResourceNotFoundException"


def test_a_write_prepared_before_anothers_drop_of_the_table_is_refused(
    region: Region, other: OtherRegion
) -> None:
    other.call("DeleteTable", TableName="things")
    # Nothing here has looked since: the commit itself must notice.
    code, _ = region.refusal("PutItem", **put_request(1))
    assert code == "ResourceNotFoundException"


def test_a_read_after_anothers_drop_of_the_table_is_refused(
    region: Region, other: OtherRegion
) -> None:
    get = {"TableName": "things", "Key": {"id": S("a")}}
    assert region.call("GetItem", **get) == {}
    other.call("DeleteTable", TableName="things")
    code, _ = region.refusal("GetItem", **get)
    assert code == "ResourceNotFoundException"


def test_readers_are_told_of_another_processs_commits(region: Region, other: OtherRegion) -> None:
    arn = region.stream_arn()
    (shard,) = region.shards(arn)
    iterator = region.iterator(arn, shard["ShardId"], "LATEST")
    told = threading.Event()
    calls: list[frozenset[int] | None] = []

    def note(shards: frozenset[int] | None) -> None:
        calls.append(shards)
        told.set()

    region.streams.on_append(note)
    other.put_number(1)
    assert told.wait(30)
    assert calls[0] is None
    assert numbers_of(region.read(iterator)[0]) == [1]


def test_trimming_by_one_process_is_known_to_the_other(region: Region, other: OtherRegion) -> None:
    put_number(region, 1)
    arn = region.stream_arn()
    other.call("advance", seconds=25 * 3600)
    shard_id = region.shards(arn)[0]["ShardId"]
    iterator = other.call(
        "GetShardIterator", StreamArn=arn, ShardId=shard_id, ShardIteratorType="TRIM_HORIZON"
    )
    region.clock.advance(seconds=25 * 3600)
    assert region.streams.trim() == 1
    other.call("look")
    assert other.call("GetRecords", **iterator) == {"error": "TrimmedDataAccessException"}
