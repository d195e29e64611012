"""Reading a stream from outside, by the operations any client has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .failure import CommandError

if TYPE_CHECKING:
    from pelton import App

RENEWAL_SECONDS = 300.0
"""How often a reader that waits must read nevertheless: iterators expire after 15 minutes."""


def all_streams(app: App) -> list[dict[str, Any]]:
    """Every stream that can still be read."""
    request: dict[str, Any] = {}
    streams: list[dict[str, Any]] = []
    while True:
        answer = app.call("ListStreams", request)
        streams += answer["Streams"]
        if "LastEvaluatedStreamArn" not in answer:
            return streams
        request = {"ExclusiveStartStreamArn": answer["LastEvaluatedStreamArn"]}


def stream_of_table(app: App, table: str) -> str:
    """The ARN of a table's latest stream. Raises CommandError where it never had one."""
    described = app.call("DescribeTable", {"TableName": table})["Table"]
    if "LatestStreamArn" not in described:
        raise CommandError(f"table {table} has no stream: create tables with --stream to have one")
    arn: str = described["LatestStreamArn"]
    return arn


def shards_of(app: App, arn: str) -> list[dict[str, Any]]:
    """All shards of a stream, parents before children."""
    request: dict[str, Any] = {"StreamArn": arn}
    shards: list[dict[str, Any]] = []
    while True:
        described = app.call("DescribeStream", request)["StreamDescription"]
        shards += described["Shards"]
        if "LastEvaluatedShardId" not in described:
            return shards
        request["ExclusiveStartShardId"] = described["LastEvaluatedShardId"]


class StreamTail:
    """A position in a stream: all its shards, each after its parent.

    `latest` leaves out the records from before it was made.
    """

    def __init__(self, app: App, arn: str, *, latest: bool) -> None:
        self._app = app
        self._arn = arn
        self._iterators: dict[str, str] = {}
        self._finished: set[str] = set()
        if latest:
            for shard in shards_of(app, arn):
                if "EndingSequenceNumber" in shard["SequenceNumberRange"]:
                    self._finished.add(shard["ShardId"])
                else:
                    self._open(shard["ShardId"], "LATEST")

    def read(self) -> list[dict[str, Any]]:
        """The next records, at most a page of each shard, in the order of their commits.

        Empty when everything was read that is there.
        """
        while True:
            self._open_new_shards()
            finished_before = len(self._finished)
            records = [
                record for shard_id in list(self._iterators) for record in self._read_page(shard_id)
            ]
            # A shard that ended without a record may have children with some.
            if records or len(self._finished) == finished_before:
                return sorted(records, key=_sequence_of)

    def _open_new_shards(self) -> None:
        shards = shards_of(self._app, self._arn)
        unfinished = {each["ShardId"] for each in shards} - self._finished
        for shard in shards:
            shard_id = shard["ShardId"]
            is_new = shard_id in unfinished and shard_id not in self._iterators
            if is_new and shard.get("ParentShardId") not in unfinished:
                self._open(shard_id, "TRIM_HORIZON")

    def _open(self, shard_id: str, kind: str) -> None:
        request = {"StreamArn": self._arn, "ShardId": shard_id, "ShardIteratorType": kind}
        self._iterators[shard_id] = self._app.call("GetShardIterator", request)["ShardIterator"]

    def _read_page(self, shard_id: str) -> list[dict[str, Any]]:
        answer = self._app.call("GetRecords", {"ShardIterator": self._iterators[shard_id]})
        if "NextShardIterator" in answer:
            self._iterators[shard_id] = answer["NextShardIterator"]
        else:
            del self._iterators[shard_id]
            self._finished.add(shard_id)
        records: list[dict[str, Any]] = answer["Records"]
        return records


def _sequence_of(record: dict[str, Any]) -> int:
    return int(record["dynamodb"]["SequenceNumber"])
