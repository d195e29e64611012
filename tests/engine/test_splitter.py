"""The splitter: what is too large or too hot divides, where it helps, and nothing is lost."""

from __future__ import annotations

import itertools
import threading
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pelton.engine import Strictness
from pelton.engine.errors import ThrottledError
from pelton.engine.partitions import Partition, PartitionLimits, divide_tokens
from pelton.engine.partitions.heat import Sums
from pelton.engine.partitions.heavy_keys import HeavyKey
from pelton.engine.partitions.splitter import cooling_cut
from pelton.engine.partitions.splitting import split_partition
from tests.region import N, Region, S, index


def partitions_of(region: Region) -> tuple[Partition, ...]:
    return region.database.catalog.tables["things"].partitions


def reasons(region: Region) -> list[str]:
    return [each.reason for each in region.database.splitter.split_due()]


@pytest.fixture
def small(region: Region) -> Region:
    """Partitions take 10 units a second or 10,000 bytes; a minute of heat is enough."""
    region.database.partition_limits = PartitionLimits(
        read_units_max=10, write_units_max=10, size_bytes_max=10_000, heat_seconds_min=60
    )
    region.create(stream="NEW_IMAGE", sort="n", types={"n": "N"})
    return region


def write_each_second(region: Region, seconds: int, *names: str) -> None:
    for second in range(seconds):
        for name in names:
            region.put({"id": S(name), "n": N(second % 3)})
        region.clock.advance(seconds=1)


def test_what_is_too_large_divides_until_it_is_not(small: Region) -> None:
    for number in range(60):
        small.put({"id": S(str(number)), "n": N(0), "text": S("x" * 980)})
    rounds = 0
    while reasons(small):
        rounds += 1
    assert rounds == 3  # 60 KB: 2, 4, 8 partitions
    assert len(partitions_of(small)) == 8
    counts = small.database.store.read(
        lambda reader: reader.count_parts(small.database.catalog.tables["things"].space)
    )
    assert max(size for _, size in counts.values()) <= 10_000
    assert sum(rows for rows, _ in counts.values()) == 60


def test_one_large_key_is_left_alone(small: Region) -> None:
    for number in range(30):
        small.put({"id": S("large"), "n": N(number), "text": S("x" * 980)})
    looked_at: list[Any] = []
    measure = small.database.store.read

    def counting(work: Any) -> Any:
        looked_at.append(work)
        return measure(work)

    small.database.store.read = counting  # type: ignore[method-assign]
    assert reasons(small) == []
    first = len(looked_at)
    assert reasons(small) == []
    assert len(looked_at) == first + 1, "it is not read whole again until it has grown"
    for number in range(30, 35):
        small.put({"id": S("large"), "n": N(number), "text": S("x" * 980)})
    assert reasons(small) == []
    assert len(looked_at) > first + 10


def test_what_is_hot_for_long_divides_by_its_heat(small: Region) -> None:
    names = [f"key{number}" for number in range(12)]
    write_each_second(small, 40, *names)
    assert reasons(small) == [], "8 units a second over the minute"
    write_each_second(small, 20, *names)
    assert reasons(small) == ["heat"]
    low, high = partitions_of(small)
    table = small.database.catalog.tables["things"]
    key_tokens = {
        key.token: key.value for key in small.database.heat.sums(table, "Write", 60).keys.values()
    }
    assert sum(low.holds(token) for token in key_tokens) == 6
    assert sum(high.holds(token) for token in key_tokens) == 6
    assert reasons(small) == [], "the halves are cold until they have been hot for themselves"
    write_each_second(small, 120, *names)
    assert reasons(small) == [], "each half is within its limits"


def test_reads_heat_as_well(small: Region) -> None:
    for second in range(60):
        for number in range(12):
            key = {"id": S(f"key{number}"), "n": N(0)}
            small.get(key, ConsistentRead=True)
        small.clock.advance(seconds=1)
        assert second < 59 or reasons(small) == ["heat"]


def test_one_hot_key_is_left_alone(small: Region) -> None:
    write_each_second(small, 60, *["hot"] * 15, "other")
    assert reasons(small) == []
    assert len(partitions_of(small)) == 1


def test_who_is_throttled_is_hot_too(small: Region) -> None:
    small.database.partition_limits = PartitionLimits(write_units_max=10, heat_seconds_min=60)
    small.database.strictness = Strictness(throttles=True)
    capacity = {"ReadCapacityUnits": 1, "WriteCapacityUnits": 10}
    small.call("UpdateTable", TableName="things", ProvisionedThroughput=capacity)
    before = len(partitions_of(small))
    refused = 0
    for second in range(360):
        for number in range(15 * before):
            try:
                small.put({"id": S(str(number)), "n": N(second)})
            except ThrottledError:
                refused += 1
        small.clock.advance(seconds=1)
    assert refused > 300
    assert set(reasons(small)) == {"heat"}


TOKENS = st.integers(0, 11)


@settings(deadline=None)
@given(keys=st.dictionaries(TOKENS, st.integers(1, 100), max_size=5), rest=st.integers(0, 100))
def test_no_cut_balances_heat_better(keys: dict[int, int], rest: int) -> None:
    total = sum(keys.values()) + rest
    if total == 0:
        return
    partition = Partition(7, 0, 11)
    heavy = {token: HeavyKey(token, None, units, units) for token, units in keys.items()}
    cut = cooling_cut(partition, Sums(60.0, {7: total}, heavy))

    def low_units(last: int) -> float:
        known = sum(units for token, units in keys.items() if token <= last)
        return known + rest * (last + 1) / 12

    assert cut.low_share == pytest.approx(low_units(cut.last_low_token) / total)
    best = min(abs(low_units(last) - total / 2) for last in range(11))
    assert abs(low_units(cut.last_low_token) - total / 2) <= best + rest / 12 + 1e-9


def test_pages_and_indexes_go_on_across_splits(region: Region) -> None:
    shared = index("by-kind", "kind")
    local = index("by-age", "id", "age", is_local=True)
    region.create(
        sort="n", types={"n": "N", "age": "N"}, stream="KEYS_ONLY", local=[local], shared=[shared]
    )
    ids = [str(number) for number in range(40)]
    for name, number in itertools.product(ids, range(3)):
        region.put({"id": S(name), "n": N(number), "kind": S("k"), "age": N(9 - number)})

    def split_some() -> None:
        largest = max(partitions_of(region), key=lambda each: each.width)
        split_partition(region.database, "things", largest.number)

    segments: list[list[Any]] = []
    for segment in range(3):
        request: dict[str, Any] = {"TotalSegments": 3, "Segment": segment, "Limit": 7}
        found: list[Any] = []
        while True:
            answer = region.call("Scan", TableName="things", **request)
            found += answer["Items"]
            if "LastEvaluatedKey" not in answer:
                break
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
            split_some()
        segments.append(found)
    keys = [(item["id"]["S"], item["n"]["N"]) for found in segments for item in found]
    assert sorted(keys) == sorted((name, str(number)) for name in ids for number in range(3))
    for name in ids:
        values = {":id": S(name)}
        by_age = region.items(
            "Query",
            TableName="things",
            IndexName="by-age",
            KeyConditionExpression="id = :id",
            ExpressionAttributeValues=values,
        )
        assert [item["n"]["N"] for item in by_age] == ["2", "1", "0"]
    all_of_kind = region.items(
        "Query",
        TableName="things",
        IndexName="by-kind",
        KeyConditionExpression="kind = :k",
        ExpressionAttributeValues={":k": S("k")},
    )
    assert len(all_of_kind) == 120
    assert len(partitions_of(region)) > 10


def test_nothing_is_lost_or_doubled_while_threads_write(region: Region) -> None:
    region.create(stream="NEW_IMAGE", write_units=2_000)
    writers, each_writes = 4, 150
    failures: list[BaseException] = []

    def write(writer: int) -> None:
        try:
            for number in range(each_writes):
                name = f"{writer}-{number % 50}"
                region.update({"id": S(name)}, "ADD n :one", values={":one": N(1)})
        except BaseException as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(writers)]
    for thread in threads:
        thread.start()
    splits = 0
    while (
        any(thread.is_alive() for thread in threads) and splits < 40
    ):  # their shards fit in one page
        largest = max(partitions_of(region), key=lambda each: each.width)
        split_partition(region.database, "things", largest.number)
        splits += 1
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(partitions_of(region)) == 3 + splits
    seen: dict[str, list[int]] = {}
    for record in region.records():
        image = record["dynamodb"]["NewImage"]
        seen.setdefault(image["id"]["S"], []).append(int(image["n"]["N"]))
    assert len(seen) == writers * 50
    assert [numbers for numbers in seen.values() if numbers != [1, 2, 3]] == []


def test_a_full_table_is_left_as_it_is(region: Region) -> None:
    region.database.partition_limits = PartitionLimits(write_units_max=1, size_bytes_max=1)
    region.create(write_units=1_023)
    assert len(partitions_of(region)) == len(divide_tokens(1_024))
    for number in range(30):
        region.put({"id": S(str(number))})
    assert reasons(region) == []
