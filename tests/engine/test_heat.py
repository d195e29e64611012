"""Heat: what partitions and keys take, by request, in time, in bounded memory."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pelton.engine import ManualClock, Strictness
from pelton.engine.errors import ConditionalCheckFailedException, ThrottledError
from pelton.engine.keys import encode_part, token_of
from pelton.engine.partitions import PartitionLimits
from pelton.engine.partitions.heat import Heat, TableHeat
from pelton.engine.partitions.heavy_keys import HeavyKeys
from tests.region import N, Region, S, index


@pytest.fixture
def wide(region: Region) -> Region:
    """A table of four partitions."""
    region.create(write_units=3_000)
    return region


def heat_of(region: Region, seconds: float = 60.0) -> TableHeat:
    return region.database.heat.of(region.database.catalog.tables["things"], seconds)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 9)), max_size=400), st.integers(1, 12))
def test_counts_are_within_the_bounds_of_the_sketch(
    added: list[tuple[int, int]], keys_max: int
) -> None:
    exact: Counter[int] = Counter()
    keys = HeavyKeys(keys_max)
    for token, units in added:
        exact[token] += units
        keys.add(token, None, units)
    found = {key.token: key for key in keys}
    error_most = exact.total() / keys_max
    assert len(found) <= 2 * keys_max
    assert keys.missed_most <= error_most
    for token, units in exact.items():
        if token in found:
            assert found[token].least <= units <= found[token].most
            assert found[token].most - found[token].least <= error_most
        else:
            assert units <= keys.missed_most


def test_a_key_says_which_share_it_takes(wide: Region) -> None:
    for number in range(19):
        wide.put({"id": S(str(number))})
    for _ in range(81):
        wide.put({"id": S("user#1")})
    wide.clock.advance(seconds=10)
    heat = heat_of(wide)
    hottest = heat.hottest_writes[0]
    assert (hottest.value, hottest.share) == (S("user#1"), 0.81)
    assert heat.seconds == 10
    assert heat.write_units_per_second == 10
    assert heat.read_units_per_second == 0
    hot = wide.database.catalog.tables["things"].partition_of(hottest.token)
    (warmest,) = [each for each in heat.partitions if each.partition == hot]
    assert warmest.write_units_per_second >= 8.1
    total = sum(each.write_units_per_second for each in heat.partitions)
    assert total == pytest.approx(10)


def test_what_is_long_ago_is_cold(wide: Region) -> None:
    for _ in range(60):
        wide.put({"id": S("a")})
    wide.clock.advance(seconds=60)
    assert heat_of(wide).write_units_per_second == 1
    wide.clock.advance(seconds=5)
    assert heat_of(wide).write_units_per_second == pytest.approx(0.5)
    wide.clock.advance(seconds=5)
    assert heat_of(wide).write_units_per_second == 0
    assert heat_of(wide, 300).write_units_per_second == pytest.approx(60 / 70)


@pytest.mark.parametrize(
    ("operation", "request_", "reads", "writes"),
    [
        ("GetItem", {"Key": {"id": S("a")}}, 1.5, 0),
        ("GetItem", {"Key": {"id": S("a")}, "ConsistentRead": True}, 3, 0),
        ("GetItem", {"Key": {"id": S("none")}}, 0.5, 0),
        ("PutItem", {"Item": {"id": S("a")}}, 0, 10),
        ("PutItem", {"Item": {"id": S("b"), "text": S("x" * 1_500)}}, 0, 2),
        ("DeleteItem", {"Key": {"id": S("a")}}, 0, 10),
        ("DeleteItem", {"Key": {"id": S("none")}}, 0, 1),
        (
            "Query",
            {
                "KeyConditionExpression": "id = :id",
                "ExpressionAttributeValues": {":id": S("a")},
            },
            1.5,
            0,
        ),
        ("Scan", {"ConsistentRead": True}, 3, 0),
    ],
)
def test_each_request_counts_by_its_units(
    region: Region, operation: str, request_: dict[str, object], reads: float, writes: float
) -> None:
    region.create(write_units=3_000)
    region.put({"id": S("a"), "text": S("x" * 10_000)})
    region.clock.advance(seconds=1_000)
    region.call(operation, TableName="things", **request_)
    region.clock.advance(seconds=60)
    heat = heat_of(region)
    assert heat.read_units_per_second * heat.seconds == pytest.approx(reads)
    assert heat.write_units_per_second * heat.seconds == pytest.approx(writes)


def test_batches_transactions_and_statements_count(region: Region) -> None:
    region.create(write_units=3_000)
    puts = [{"PutRequest": {"Item": {"id": S(name)}}} for name in "ab"]
    region.call("BatchWriteItem", RequestItems={"things": puts})
    region.call("BatchGetItem", RequestItems={"things": {"Keys": [{"id": S(x)} for x in "abc"]}})
    item = {"TableName": "things", "Item": {"id": S("a")}}
    region.call("TransactWriteItems", TransactItems=[{"Put": item}])
    key = {"TableName": "things", "Key": {"id": S("a")}}
    region.call("TransactGetItems", TransactItems=[{"Get": key}])
    statement = "SELECT * FROM things WHERE id = 'a'"
    region.call("BatchExecuteStatement", Statements=[{"Statement": statement}])
    region.clock.advance(seconds=1)
    heat = heat_of(region)
    assert heat.write_units_per_second == 2 + 2
    assert heat.read_units_per_second == 1.5 + 2 + 0.5


def test_a_failed_condition_and_a_throttled_request_count(region: Region) -> None:
    region.create(write_units=2)
    region.database.strictness = Strictness(throttles=True)
    condition = {"ConditionExpression": "attribute_exists(id)"}
    with pytest.raises(ConditionalCheckFailedException):
        region.put({"id": S("a")}, **condition)
    region.put({"id": S("a")})
    for _ in range(3):
        with pytest.raises(ThrottledError):
            region.put({"id": S("a")})
    region.clock.advance(seconds=1)
    heat = heat_of(region)
    assert heat.write_units_per_second == 5
    assert heat.hottest_writes[0].value == S("a")


def test_a_global_index_has_heat_of_its_own_that_is_not_kept(region: Region) -> None:
    region.create(write_units=10, shared=[index("by-kind", "kind")])
    region.put({"id": S("a"), "kind": S("k")})
    region.call(
        "Query",
        TableName="things",
        IndexName="by-kind",
        KeyConditionExpression="kind = :k",
        ExpressionAttributeValues={":k": S("k")},
    )
    region.clock.advance(seconds=1)
    assert heat_of(region).read_units_per_second == 0
    assert heat_of(region).write_units_per_second == 1


def test_a_scan_is_spread_over_the_partitions_that_it_read(wide: Region) -> None:
    for number in range(40):
        wide.put({"id": S(str(number)), "text": S("x" * 8_000)})
    wide.clock.advance(seconds=100)
    wide.call("Scan", TableName="things")
    wide.clock.advance(seconds=1)
    partitions = heat_of(wide).partitions
    rates = [each.read_units_per_second for each in partitions]
    assert min(rates) > 0
    assert sum(rates) == pytest.approx(heat_of(wide).read_units_per_second)
    assert heat_of(wide).hottest_reads == ()


def test_of_many_requests_a_part_stands_for_all(region: Region) -> None:
    region.create(write_units=3_000)
    table = region.database.catalog.tables["things"]
    chance = random.Random(3)
    clock = ManualClock()
    heat = Heat(clock, draw=chance.random, noted_per_second_max=100)
    noted = 0
    for _ in range(60):
        for _ in range(20):
            clock.advance(seconds=0.05)
            for number in range(100):
                name = "hot" if number < 60 else str(chance.randrange(1_000))
                if heat.random() < heat.chance:
                    noted += 1
                    token = token_of(encode_part("S", name))
                    heat.note_refused("Write", table, token, 1)
    assert noted < 60 * 100 * 2
    told = heat.of(table)
    assert told.write_units_per_second == pytest.approx(2_000, rel=0.1)
    assert told.hottest_writes[0].share == pytest.approx(0.6, abs=0.05)


def test_slots_are_as_short_as_the_limits_need() -> None:
    clock = ManualClock()
    region = Region(clock=clock)
    region.database.partition_limits = PartitionLimits(heat_seconds_min=3)
    region.create()
    for number in range(30):
        region.put({"id": S("a"), "n": N(number)})
        clock.advance(seconds=0.1)
    table = region.database.catalog.tables["things"]
    sums = region.database.heat.sums(table, "Write", 3)
    assert sums.total / 3 == pytest.approx(10)
    clock.advance(seconds=1.5)
    assert region.database.heat.sums(table, "Write", 3).total == pytest.approx(15, abs=2)
    region.close()
