"""Sizes of partitions: exact through writes and splits, and where a partition is cut in halves."""

from __future__ import annotations

import random

import pytest

from pelton.engine.keys import TOKEN_MAX, TOKEN_MIN, encode_part, token_of
from pelton.engine.partitions import sizes as partition_sizes
from pelton.engine.partitions.sizes import PartitionSize, halving_cut, sizes_of
from pelton.engine.partitions.splitting import split_partition
from tests.region import N, Region, S


def sizes(region: Region) -> dict[int, PartitionSize]:
    table = region.database.catalog.tables["things"]
    return region.database.store.read(lambda reader: sizes_of(reader, table))


def counted(region: Region) -> dict[int, PartitionSize]:
    """The sizes as the rows themselves have them."""
    table = region.database.catalog.tables["things"]
    return region.database.store.read(
        lambda reader: {
            each.number: PartitionSize(
                *reader.measure(table.space, each.token_low, each.token_high)
            )
            for each in table.partitions
        }
    )


def parts_kept(region: Region) -> set[int]:
    table = region.database.catalog.tables["things"]
    return set(region.database.store.read(lambda reader: reader.count_parts(table.space)))


def assert_exact(region: Region) -> None:
    assert sizes(region) == counted(region)
    described = region.describe()
    total = sizes(region).values()
    assert described["ItemCount"] == sum(each.items for each in total)
    assert described["TableSizeBytes"] == sum(each.size_bytes for each in total)


def test_sizes_are_exact_whatever_is_written_and_split(region: Region) -> None:
    chance = random.Random(7)
    region.create(write_units=3_000)
    for round_ in range(6):
        for _ in range(60):
            key = {"id": S(str(chance.randrange(100)))}
            kind = chance.randrange(4)
            if kind == 0:
                region.delete(key)
            elif kind == 1:
                region.update(key, "ADD n :one", values={":one": N(1)})
            else:
                region.put({**key, "text": S("x" * chance.randrange(2_000))})
        assert_exact(region)
        partition = chance.choice(region.database.catalog.tables["things"].partitions)
        split_partition(region.database, "things", partition.number)
        assert_exact(region)
        assert partition.number not in parts_kept(region), round_
    capacity = {"ReadCapacityUnits": 1, "WriteCapacityUnits": 20_000}
    region.call("UpdateTable", TableName="things", ProvisionedThroughput=capacity)
    assert_exact(region)


def test_a_large_partition_is_measured_beforehand_and_its_sum_stays_exact(
    region: Region, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partition_sizes, "COUNTED_ITEMS_MAX", 10)
    region.create()
    for number in range(200):
        region.put({"id": S(str(number)), "text": S("x" * number)})
    before = sizes(region)[0]
    low, high = split_partition(region.database, "things", 0, last_low_token=TOKEN_MIN // 2)
    after = sizes(region)
    assert after[low.number].items + after[high.number].items == before.items == 200
    assert after[low.number].size_bytes + after[high.number].size_bytes == before.size_bytes
    real = counted(region)[low.number]
    assert abs(after[low.number].size_bytes - real.size_bytes) <= 1
    capacity = {"ReadCapacityUnits": 1, "WriteCapacityUnits": 6_000}
    region.call("UpdateTable", TableName="things", ProvisionedThroughput=capacity)
    assert sum(each.items for each in sizes(region).values()) == 200
    assert sum(each.size_bytes for each in sizes(region).values()) == before.size_bytes


def test_no_share_is_less_than_nothing(region: Region, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partition_sizes, "COUNTED_ITEMS_MAX", 10)
    region.create()
    for number in range(100):
        region.put({"id": S(str(number))})
    capacity = {"ReadCapacityUnits": 1, "WriteCapacityUnits": 60_000}
    region.call("UpdateTable", TableName="things", ProvisionedThroughput=capacity)
    shares = sizes(region).values()
    assert len(shares) == 61
    assert sum(each.items for each in shares) == 100
    assert min(min(each) for each in shares) >= 0


def test_a_cut_halves_the_bytes(region: Region) -> None:
    region.create()
    for number in range(500):
        token = token_of(encode_part("S", str(number)))
        # Nearly all bytes stand at one end of the tokens.
        length = 1_000 if token < TOKEN_MIN // 2 else 1
        region.put({"id": S(str(number)), "text": S("x" * length)})
    table = region.database.catalog.tables["things"]
    cut = halving_cut(region.database, table, table.partitions[0])
    assert cut.last_low_token < TOKEN_MIN // 2
    low, high = split_partition(region.database, "things", 0, last_low_token=cut.last_low_token)
    after = sizes(region)
    share = after[low.number].size_bytes / sum(each.size_bytes for each in after.values())
    assert share == pytest.approx(0.5, abs=0.02)
    assert cut.low_share == pytest.approx(share, abs=0.001)
    assert_exact(region)


def test_one_partition_key_is_never_cut(region: Region) -> None:
    region.create(sort="at", types={"at": "N"})
    for at in range(50):
        region.put({"id": S("large"), "at": N(at), "text": S("x" * 1_000)})
    for number in range(50):
        region.put({"id": S(str(number)), "at": N(0)})
    table = region.database.catalog.tables["things"]
    cut = halving_cut(region.database, table, table.partitions[0])
    assert not 0.1 < cut.low_share < 0.9
    assert TOKEN_MIN <= cut.last_low_token < TOKEN_MAX


def test_an_empty_partition_is_cut_in_the_middle(region: Region) -> None:
    region.create()
    table = region.database.catalog.tables["things"]
    assert halving_cut(region.database, table, table.partitions[0]) == (-1, 0.5)
