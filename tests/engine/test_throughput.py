"""Provisioned capacity: when it was last raised and lowered, and how often today."""

from __future__ import annotations

from typing import Any

from pelton.engine.schema import Throughput
from tests.region import Region, index

NOW = 1_700_000_000
"""When a region's clock begins: 22:13:20 of a UTC day."""
TWO_HOURS = 2 * 60 * 60


def capacity(read_units: int, write_units: int) -> dict[str, int]:
    return {"ReadCapacityUnits": read_units, "WriteCapacityUnits": write_units}


def change(region: Region, read_units: int, write_units: int) -> dict[str, Any]:
    """What UpdateTable tells of the capacity it was asked for."""
    answer = region.call(
        "UpdateTable",
        TableName="things",
        ProvisionedThroughput=capacity(read_units, write_units),
    )
    told: dict[str, Any] = answer["TableDescription"]["ProvisionedThroughput"]
    return told


def test_a_table_tells_its_last_increase_and_decrease(region: Region) -> None:
    region.create()
    assert region.describe()["ProvisionedThroughput"] == {
        "NumberOfDecreasesToday": 0,
        **capacity(1, 1),
    }
    raised = {"LastIncreaseDateTime": float(NOW)}
    assert change(region, 5, 5) == {"NumberOfDecreasesToday": 0, **capacity(5, 5), **raised}
    region.clock.advance(seconds=10)
    lowered = {"LastDecreaseDateTime": NOW + 10.0}
    told = {"NumberOfDecreasesToday": 1, **capacity(4, 5), **raised, **lowered}
    assert change(region, 4, 5) == told
    assert region.describe()["ProvisionedThroughput"] == told
    region.clock.advance(seconds=10)
    assert change(region, 3, 6) == {
        "NumberOfDecreasesToday": 2,
        "LastIncreaseDateTime": NOW + 20.0,
        "LastDecreaseDateTime": NOW + 20.0,
        **capacity(3, 6),
    }


def test_decreases_are_counted_by_the_day(region: Region) -> None:
    region.create()
    change(region, 5, 5)
    assert change(region, 4, 5)["NumberOfDecreasesToday"] == 1
    region.clock.advance(seconds=TWO_HOURS)
    assert region.describe()["ProvisionedThroughput"]["NumberOfDecreasesToday"] == 0
    assert change(region, 4, 6)["NumberOfDecreasesToday"] == 0
    assert change(region, 4, 5)["NumberOfDecreasesToday"] == 1


def test_an_index_tells_them_of_its_own_capacity(region: Region) -> None:
    region.create(shared=[index("by-v", "v")])
    update = {"IndexName": "by-v", "ProvisionedThroughput": capacity(2, 1)}
    region.call("UpdateTable", TableName="things", GlobalSecondaryIndexUpdates=[{"Update": update}])
    (told,) = region.describe()["GlobalSecondaryIndexes"]
    assert told["ProvisionedThroughput"]["LastIncreaseDateTime"] == float(NOW)
    assert "LastIncreaseDateTime" not in region.describe()["ProvisionedThroughput"]


def test_a_change_of_nothing_is_neither() -> None:
    held = Throughput(2, 2, decreases_today=1, increased_ms=1, decreased_ms=2)
    assert held.changed(2, 2, at_ms=3) == held
    assert Throughput().changed(2, 2, at_ms=3) == Throughput(2, 2)  # it was billed on demand
