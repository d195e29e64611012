"""The lineage: what must hold of the shards of a stream whenever somebody looks."""

from __future__ import annotations

from random import Random
from typing import Any

from pelton.streams import from_wire
from tests.region import Region

from .model import StreamModel, demand

ShardMember = dict[str, Any]


def described_shards(region: Region, arn: str, random: Random, **more: Any) -> list[ShardMember]:
    """All shards of a stream, by as many pages of DescribeStream as it takes."""
    limit = random.choice([1, 2, 3, 100])
    shards: list[ShardMember] = []
    start: dict[str, str] = {}
    while True:
        answer = region.call("DescribeStream", StreamArn=arn, Limit=limit, **start, **more)
        description = answer["StreamDescription"]
        shards += description["Shards"]
        last = description.get("LastEvaluatedShardId")
        if last is None:
            return shards
        demand(last == shards[-1]["ShardId"], "a page ends with the shard that goes on from it")
        start = {"ExclusiveStartShardId": last}


def check_lineage(region: Region, stream: StreamModel, random: Random, *, is_fresh: bool) -> None:
    """`is_fresh` says that the region knows of every commit."""
    shards = described_shards(region, stream.arn, random)
    ids = [shard["ShardId"] for shard in shards]
    demand(ids == sorted(set(ids)), f"{stream.arn}: shards come in the order of their ids")
    by_id = {shard["ShardId"]: shard for shard in shards}
    for shard in shards:
        start, end = range_of(shard)
        demand(end is None or start <= end, f"{shard['ShardId']} ends behind its start")
        if (parent := by_id.get(shard.get("ParentShardId", ""))) is not None:
            parent_end = range_of(parent)[1]
            demand(parent["ShardId"] < shard["ShardId"], f"{shard['ShardId']} is behind its parent")
            demand(
                parent_end is not None and parent_end < start,
                f"{shard['ShardId']} starts when its parent has ended",
            )
        for told in stream.of_shard(shard["ShardId"]):
            demand(
                start <= told.sequence and (end is None or told.sequence <= end),
                f"{told} is in the range of its shard",
            )
    if is_fresh:
        check_open(region, stream, shards)
        for shard_id, records in stream.by_shard.items():
            is_needed = any(not told.is_trimmed for told in records)
            demand(shard_id in by_id or not is_needed, f"{shard_id} is listed: it has records")


def check_open(region: Region, stream: StreamModel, shards: list[ShardMember]) -> None:
    """Each partition writes to one open shard; a stream that is disabled has none."""
    open_ids = {shard["ShardId"] for shard in shards if range_of(shard)[1] is None}
    if stream.disabled_ms is not None:
        demand(not open_ids, f"{stream.arn} is disabled and has no open shard")
        return
    kept = region.streams.shards_of(stream.arn)
    partitions = [shard.partition for shard in kept if shard.shard_id in open_ids]
    table = region.database.catalog.table(stream.table_name)
    expected = sorted(each.number for each in table.partitions)
    demand(sorted(partitions) == expected, f"{stream.arn}: one open shard for each of {expected}")


def range_of(shard: ShardMember) -> tuple[int, int | None]:
    numbers = shard["SequenceNumberRange"]
    end = numbers.get("EndingSequenceNumber")
    return from_wire(numbers["StartingSequenceNumber"]), None if end is None else from_wire(end)
