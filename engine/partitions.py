"""Partitions: ranges of tokens that a table is divided into, and how they divide further.

A table's items live together; a partition is what AWS's limits hold for, and what has one open
shard at a time in the table's stream.
Source: AWS's guide, "Partitions and data distribution" and "Burst and adaptive capacity".
"""

from __future__ import annotations

from dataclasses import dataclass

from .keys import segment_tokens

GIGABYTE = 1024**3

ON_DEMAND_PARTITIONS = 4


@dataclass(frozen=True, slots=True)
class Partition:
    """A range of tokens, both ends included. Numbers are never given twice in a table."""

    number: int
    token_low: int
    token_high: int

    def holds(self, token: int) -> bool:
        return self.token_low <= token <= self.token_high

    @property
    def middle(self) -> int:
        """The token behind which the upper half begins."""
        return (self.token_low + self.token_high) // 2


@dataclass(frozen=True, slots=True)
class PartitionLimits:
    """What one partition takes before it divides; AWS's own numbers unless a test wants others."""

    read_units_max: int = 3_000
    """Read units a second."""
    write_units_max: int = 1_000
    """Write units a second."""
    size_bytes_max: int = 10 * GIGABYTE
    heat_seconds_min: float = 300.0
    """How long a partition must be over its units before it divides."""


def divide_tokens(count: int) -> tuple[Partition, ...]:
    """`count` partitions of equal width."""
    return tuple(Partition(number, *segment_tokens(number, count)) for number in range(count))


def partition_count(billing_mode: str, read_units: int, write_units: int) -> int:
    """How many partitions a table starts with, by AWS's rule of 3,000 RCU and 1,000 WCU each."""
    if billing_mode == "PAY_PER_REQUEST":
        return ON_DEMAND_PARTITIONS
    limits = PartitionLimits()
    share = read_units / limits.read_units_max + write_units / limits.write_units_max
    return max(1, -int(-share // 1))


def split(
    partitions: tuple[Partition, ...], number: int, last_low_token: int | None = None
) -> tuple[Partition, ...]:
    """The partitions with one divided in two, in the order of their tokens.

    The lower half ends with `last_low_token`, by default the middle. Raises ValueError where there
    is no such partition or one of the halves would be empty.
    """
    found = next((each for each in partitions if each.number == number), None)
    if found is None:
        numbers = ", ".join(str(each.number) for each in partitions)
        raise ValueError(f"there is no partition {number}: there are {numbers}")
    last = found.middle if last_low_token is None else last_low_token
    if not found.token_low <= last < found.token_high:
        raise ValueError(
            f"partition {number} cannot be split behind token {last}: it holds the tokens from "
            f"{found.token_low} to {found.token_high}"
        )
    low = max(each.number for each in partitions) + 1
    halves = (
        Partition(low, found.token_low, last),
        Partition(low + 1, last + 1, found.token_high),
    )
    position = partitions.index(found)
    return (*partitions[:position], *halves, *partitions[position + 1 :])
