"""Stored keys, as anyone can compute them."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pelton import WriteShards
from tests.write_sharding.orders import TOPIC

if TYPE_CHECKING:
    pass


@pytest.mark.parametrize(
    ("value", "hashed"),
    [("order-17", b"order-17"), ("ö", "ö".encode()), (150, b"150"), (b"\x00\xff", b"\x00\xff")]
    + [(each, b"150") for each in (Decimal("1.5E2"), 150.0)],
)
def test_a_calculated_shard_follows_from_the_sha_256_of_the_value(
    value: Any, hashed: bytes
) -> None:
    number = int(hashlib.sha256(hashed).hexdigest()[:16], 16) % 10
    assert WriteShards(10).calculated(TOPIC, value) == f"{TOPIC}#{number}"


def test_a_calculated_shard_needs_a_value_of_a_scalar_type() -> None:
    with pytest.raises(TypeError, match="str, a number or bytes"):
        WriteShards(10).calculated(TOPIC, [1])  # type: ignore[arg-type]


def test_random_shards_are_all_drawn_and_are_among_the_keys() -> None:
    shards = WriteShards(5, by="random", separator=".")
    source = Random(1)
    drawn = {shards.random(TOPIC, source) for _ in range(200)}
    assert drawn == set(shards.keys(TOPIC)) == {f"{TOPIC}.{number}" for number in range(5)}


@settings(deadline=None)
@given(st.text(min_size=1), st.integers(0, 199), st.sampled_from(["#", ".", "##", "-shard-"]))
def test_the_original_of_a_stored_key_is_the_key(key: str, number: int, separator: str) -> None:
    shards = WriteShards(200, separator=separator)
    assert shards.original(shards.key(key, number)) == key


@pytest.mark.parametrize("key", ["plain", "a#10", "a#07", "a#", "a#x", "a#²", "a#-1"])
def test_a_key_without_a_number_of_a_shard_is_its_own_original(key: str) -> None:
    assert WriteShards(10).original(key) == key


@pytest.mark.parametrize(
    ("count", "more"),
    [(1, {}), (201, {}), (10, {"by": ""}), (10, {"separator": ""}), (10, {"separator": "0"})],
)
def test_shards_that_could_not_be_told_apart_are_refused(count: int, more: Any) -> None:
    with pytest.raises(ValueError, match="shards, not|`by` is|separator"):
        WriteShards(count, **more)
