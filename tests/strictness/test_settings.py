"""The switches as values: what they are written as, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from pelton.engine import Strictness
from tests.region import Region, S


def test_everything_is_off_unless_switched_on() -> None:
    assert Strictness().is_off
    assert Strictness(seed=7).is_off
    assert not Strictness(throttles=True).is_off


def test_the_switches_survive_json() -> None:
    strictness = Strictness(seed=3, throttles=True, unprocessed_probability=0.25)
    assert Strictness.from_json(strictness.to_json()) == strictness


def test_a_latency_is_one_number_or_two() -> None:
    assert Strictness(latency_ms=20).latency_range_ms == (20, 20)
    spread = Strictness.from_options(["latency_ms=5-50"])
    assert spread == Strictness(latency_ms=(5, 50))
    assert Strictness.from_json({"latency_ms": [5, 50]}) == spread
    assert Strictness.from_options(["latency_ms=20"]) == Strictness(latency_ms=20)


def test_switches_are_written_as_options() -> None:
    options = ["throttles", "seed=3", "unprocessed_probability=0.25"]
    expected = Strictness(seed=3, throttles=True, unprocessed_probability=0.25)
    assert Strictness.from_options(options) == expected
    assert Strictness.from_options(["throttles=false"]).is_off


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "an object of switches"),
        ({"throttle": True}, "there is no switch 'throttle'; there are seed, throttles, "),
        ({"throttles": 1}, "throttles is true or false, not 1"),
        ({"seed": "x"}, "seed is a whole number, not 'x'"),
        ({"creating_ms": -1}, "creating_ms is a number of milliseconds from 0 on, not -1"),
        ({"latency_ms": [9, 5]}, "latency_ms is a number or the least and the most"),
        ({"latency_ms": [1, 2, 3]}, "latency_ms is a number or the least and the most"),
        ({"latency_ms": "fast"}, "latency_ms is a whole number, not 'fast'"),
        ({"seed": True}, "seed is a whole number, not True"),
        ({"unprocessed_probability": 1.5}, "unprocessed_probability is a number from 0 to 1"),
    ],
)
def test_what_cannot_be_is_refused(data: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Strictness.from_json(data)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("seed=x", "seed is a whole number, not 'x'"),
        ("throttles=maybe", "throttles is true or false, not 'maybe'"),
        ("unprocessed_probability=often", "unprocessed_probability is a number from 0 to 1"),
        ("seed", "seed is a whole number, not True"),
    ],
)
def test_an_option_that_cannot_be_is_refused(option: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Strictness.from_options([option])


def test_a_database_tells_its_switches_and_is_lenient_again_without_them(region: Region) -> None:
    assert region.database.strictness == Strictness()
    region.database.strictness = Strictness(throttles=True)
    assert region.database.strictness == Strictness(throttles=True)
    region.create()
    region.put({"id": S("a")})
    assert region.refusal("PutItem", TableName="things", Item={"id": S("a")}) == (
        "ProvisionedThroughputExceededException",
        "The level of configured provisioned throughput for the table was exceeded. Consider "
        "increasing your provisioning level with the UpdateTable API.",
    )
    region.database.strictness = Strictness()
    region.put({"id": S("a")})
