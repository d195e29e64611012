"""Splits: a partition divides while writes go on, and its shard gets two children."""

from __future__ import annotations

import pytest

from pelton.engine.errors import ValidationException
from pelton.engine.partitions import PartitionLimits
from pelton.engine.partitions.splitting import split_partition
from pelton.streams import Upkeep
from tests.region import N, Region, S


def test_a_split_closes_the_shard_and_opens_two_children(region: Region) -> None:
    region.create(stream="NEW_IMAGE")
    for number in range(20):
        region.put({"id": S(str(number)), "n": N(number)})
    low, high = split_partition(region.database, "things", 0)
    assert (low.number, high.number, low.token_high + 1) == (1, 2, high.token_low)
    for number in range(20, 40):
        region.put({"id": S(str(number)), "n": N(number)})
    parent, *children = region.shards(region.stream_arn())
    assert "EndingSequenceNumber" in parent["SequenceNumberRange"]
    assert [each["ParentShardId"] for each in children] == [parent["ShardId"]] * 2
    records = region.records()
    assert sorted(int(each["dynamodb"]["NewImage"]["n"]["N"]) for each in records) == [*range(40)]
    shards = [region.streams.shards.find(region.stream_arn(), each["ShardId"]) for each in children]
    assert [shard.partition for shard in shards if shard] == [1, 2]


def test_a_partition_that_is_not_there_cannot_be_split(region: Region) -> None:
    region.create(stream="NEW_IMAGE")
    before = region.shards(region.stream_arn())
    with pytest.raises(ValidationException, match="there is no partition 7: there are 0"):
        split_partition(region.database, "things", 7)
    assert region.shards(region.stream_arn()) == before


def test_upkeep_splits_what_is_too_large(region: Region) -> None:
    region.database.partition_limits = PartitionLimits(size_bytes_max=2_000)
    region.create(stream="KEYS_ONLY")
    for number in range(40):
        region.put({"id": S(str(number)), "text": S("x" * 80)})
    upkeep = Upkeep(region.streams)
    upkeep.run_round()
    assert len(region.database.catalog.tables["things"].partitions) == 2
    for number in range(40, 60):
        region.put({"id": S(str(number)), "text": S("x" * 80)})
    upkeep.run_round()
    assert len(region.database.catalog.tables["things"].partitions) == 4
    keys = [int(each["dynamodb"]["Keys"]["id"]["S"]) for each in region.records()]
    assert sorted(keys) == [*range(60)]
