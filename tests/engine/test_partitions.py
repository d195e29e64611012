"""Partitions: how many a table has, how they divide, and that they always hold every token once."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pelton.engine.keys import TOKEN_MAX, TOKEN_MIN
from pelton.engine.partitions.partition import (
    PARTITIONS_MAX,
    Partition,
    PartitionLimits,
    divide_tokens,
    grow,
    partition_count,
    split,
)
from pelton.engine.partitions.splitting import split_partition
from tests.region import Region

TOKENS = st.integers(TOKEN_MIN, TOKEN_MAX)


def partitions_of(region: Region, name: str = "things") -> tuple[Partition, ...]:
    return region.database.catalog.tables[name].partitions


def create_on_demand(region: Region, **more: Any) -> None:
    region.call(
        "CreateTable",
        TableName="things",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        **more,
    )


def assert_all_held_once(partitions: tuple[Partition, ...]) -> None:
    assert partitions[0].token_low == TOKEN_MIN
    assert partitions[-1].token_high == TOKEN_MAX
    for before, after in zip(partitions, partitions[1:], strict=False):
        assert before.token_high + 1 == after.token_low
    assert all(each.width > 0 for each in partitions)
    assert len({each.number for each in partitions}) == len(partitions)


@settings(deadline=None)
@given(start=st.integers(1, 40), cuts=st.lists(TOKENS, max_size=30), count=st.integers(1, 120))
def test_however_they_divide_every_token_is_in_one(start: int, cuts: list[int], count: int) -> None:
    partitions = divide_tokens(start)
    given_numbers = {each.number for each in partitions}
    for token in cuts:
        found = next(each for each in partitions if each.holds(token))
        if found.width == 1:
            continue
        last = min(token, found.token_high - 1)
        before, partitions = partitions, split(partitions, found.number, last)
        assert_all_held_once(partitions)
        new = {each.number for each in partitions} - {each.number for each in before}
        assert len(new) == 2
        assert not new & given_numbers
        given_numbers |= new
    grown = grow(partitions, count)
    assert_all_held_once(grown)
    assert len(grown) == max(len(partitions), count)
    stayed = set(grown) & set(partitions)
    assert not {each.number for each in set(grown) - stayed} & given_numbers


@given(start=st.integers(1, 64), count=st.integers(1, 300))
def test_the_widest_divide_first(start: int, count: int) -> None:
    widths = [each.width for each in grow(divide_tokens(start), count)]
    assert max(widths) <= 2 * min(widths) + 2


@settings(max_examples=20, deadline=None)
@given(cuts=st.lists(TOKENS, max_size=20), tokens=st.lists(TOKENS, min_size=1))
def test_a_table_finds_the_partition_of_a_token(cuts: list[int], tokens: list[int]) -> None:
    region = Region()
    try:
        region.create(write_units=3_000)
        for cut in cuts:
            found = region.database.catalog.tables["things"].partition_of(cut)
            if found.width == 1:
                continue
            last = min(cut, found.token_high - 1)
            split_partition(region.database, "things", found.number, last_low_token=last)
        table = region.database.catalog.tables["things"]
        edges = [end for each in table.partitions for end in (each.token_low, each.token_high)]
        for token in tokens + edges:
            assert table.partition_of(token).holds(token)
    finally:
        region.close()


@pytest.mark.parametrize(
    ("read_units", "write_units", "count"),
    [(1, 1, 1), (3_000, 0, 1), (3_000, 1, 2), (1_500, 500, 1), (6_000, 2_000, 4), (1, 40_000, 41)],
)
def test_provisioned_capacity_needs(read_units: int, write_units: int, count: int) -> None:
    limits = PartitionLimits()
    assert partition_count(limits, "PROVISIONED", read_units, write_units) == count


def test_warm_throughput_is_what_each_kind_may_come_to(region: Region) -> None:
    create_on_demand(region)
    assert len(partitions_of(region)) == 4
    warm = {"ReadUnitsPerSecond": 15_000, "WriteUnitsPerSecond": 4_000}
    region.call("UpdateTable", TableName="things", WarmThroughput=warm)
    assert len(partitions_of(region)) == 5
    warm = {"ReadUnitsPerSecond": 15_000, "WriteUnitsPerSecond": 12_000}
    region.call("UpdateTable", TableName="things", WarmThroughput=warm)
    assert len(partitions_of(region)) == 12
    assert_all_held_once(partitions_of(region))


def test_a_table_is_created_warm(region: Region) -> None:
    create_on_demand(region, WarmThroughput={"WriteUnitsPerSecond": 7_001})
    assert [each.number for each in partitions_of(region)] == [*range(8)]


def test_more_capacity_makes_more_partitions_and_less_keeps_them(region: Region) -> None:
    region.create(stream="KEYS_ONLY", write_units=900)

    def provision(write_units: int) -> int:
        capacity = {"ReadCapacityUnits": 1, "WriteCapacityUnits": write_units}
        region.call("UpdateTable", TableName="things", ProvisionedThroughput=capacity)
        assert_all_held_once(partitions_of(region))
        return len(partitions_of(region))

    assert provision(2_500) == 3
    assert provision(10) == 3
    assert provision(5_000) == 6
    shards = region.shards(region.stream_arn())
    open_ones = [
        each for each in shards if "EndingSequenceNumber" not in each["SequenceNumberRange"]
    ]
    assert len(open_ones) == 6
    ids = {each["ShardId"] for each in shards}
    assert all(each["ParentShardId"] in ids for each in open_ones)


def test_a_table_switched_to_on_demand_gets_four(region: Region) -> None:
    region.create()
    region.call("UpdateTable", TableName="things", BillingMode="PAY_PER_REQUEST")
    assert len(partitions_of(region)) == 4
    capacity = {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}
    region.call(
        "UpdateTable",
        TableName="things",
        BillingMode="PROVISIONED",
        ProvisionedThroughput=capacity,
    )
    assert len(partitions_of(region)) == 4


def test_limits_decide_how_many(region: Region) -> None:
    region.database.partition_limits = PartitionLimits(read_units_max=10, write_units_max=5)
    region.create(write_units=50)
    assert len(partitions_of(region)) == 11


def test_there_are_never_more_than_a_table_may_have(region: Region) -> None:
    region.create(write_units=1)
    capacity = {"ReadCapacityUnits": 1, "WriteCapacityUnits": PARTITIONS_MAX * 1_000}
    code, message = region.refusal(
        "UpdateTable", TableName="things", ProvisionedThroughput=capacity
    )
    assert code == "LimitExceededException"
    assert "needs 1025 partitions, and a table may have 1024" in message
    full = divide_tokens(PARTITIONS_MAX)
    with pytest.raises(ValueError, match="more than that cannot be"):
        split(full, 0)


def test_limits_are_more_than_nothing() -> None:
    with pytest.raises(ValueError, match="write_units_max must be more than 0, not 0"):
        PartitionLimits(write_units_max=0)
