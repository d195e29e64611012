"""The lineage of shards as it is told to people."""

from __future__ import annotations

from pelton.engine.partitions.splitting import split_partition
from pelton.streams.lineage import ShardFacts, trace_lineage
from tests.region import N, Region, S


def put(region: Region, count: int) -> None:
    for number in range(count):
        region.put({"id": S(f"{region.clock.now_ms()}-{number}"), "n": N(number)})


def lineage_of(region: Region) -> list[ShardFacts]:
    return trace_lineage(region.streams, region.stream_arn())


def test_each_shard_stands_behind_its_parent_with_what_it_holds(region: Region) -> None:
    region.create(stream="NEW_IMAGE")
    put(region, 10)
    region.clock.advance(seconds=5 * 3600)
    put(region, 4)
    split_partition(region.database, "things", 0)
    region.clock.advance(seconds=10)
    split_partition(region.database, "things", 1)
    region.clock.advance(seconds=10)
    lineage = lineage_of(region)
    assert [(each.state, each.fork, each.shard.partition) for each in lineage] == [
        ("rolled", 0, 0),
        ("split", 0, 0),
        ("split", 1, 1),
        ("open", 2, 3),
        ("open", 2, 4),
        ("open", 1, 2),
    ]
    assert [each.records for each in lineage] == [10, 4, 0, 0, 0, 0]
    assert lineage[0].records_per_second == 10 / (5 * 3600)
    assert [round(each.age_seconds) for each in lineage[2:4]] == [20, 10]
    assert lineage[1].first_ms == lineage[1].last_ms == region.clock.now_ms() - 20_000
    known = set()
    for each in lineage:
        assert each.shard.parent_id is None or each.shard.parent_id in known
        known.add(each.shard.shard_id)


def test_a_partition_that_is_gone_had_the_tokens_of_its_halves(region: Region) -> None:
    region.create(stream="NEW_IMAGE")
    split_partition(region.database, "things", 0)
    split_partition(region.database, "things", 2)
    tokens = {each.shard.partition: each.tokens for each in lineage_of(region)}
    assert tokens[0] == (-(2**63), 2**63 - 1)
    assert tokens[2] == (0, 2**63 - 1)
    assert tokens[3] == (0, 2**62 - 1)


def test_what_was_dropped_is_told_and_a_lineage_can_begin_with_a_child(region: Region) -> None:
    region.create(stream="NEW_IMAGE")
    put(region, 3)
    region.clock.advance(seconds=20 * 3600)
    put(region, 2)
    region.clock.advance(seconds=23 * 3600)
    put(region, 1)
    region.streams.trim()
    first, *_, last = lineage_of(region)
    assert (first.records, first.is_trimmed) == (0, True)
    region.clock.advance(seconds=2 * 3600)
    region.streams.trim()
    second, *_ = lineage_of(region)
    assert (second.shard.parent_id, second.fork) == (first.shard.shard_id, 0)
    assert (last.state, last.records, last.is_trimmed) == ("open", 1, False)
    region.clock.advance(seconds=3600)
    region.call("DeleteTable", TableName="things")
    arn = last.shard.stream_arn
    told = trace_lineage(region.streams, arn)
    assert [(each.state, each.tokens) for each in told][-1] == ("ended", None)
    for _ in range(2):
        region.clock.advance(seconds=25 * 3600)
        region.streams.trim()
    assert trace_lineage(region.streams, arn) == []
