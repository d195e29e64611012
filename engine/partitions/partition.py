"""Partitions: ranges of tokens that a table is divided into, and how they divide further.

A table's items live together; a partition is what AWS's limits hold for, and what has one open
shard at a time in the table's stream.
Source: AWS's guide, "Partitions and data distribution" and "Burst and adaptive capacity".
"""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heapify, heappop, heappush

from ..keys import segment_tokens

GIGABYTE = 1024**3

ON_DEMAND_PARTITIONS = 4

PARTITIONS_MAX = 1_024
"""How many one table may have: beyond what an account of AWS gets unless it asks for more."""


@dataclass(frozen=True, slots=True)
class Partition:
    """A range of tokens, both ends included. Numbers are never given twice in a table."""

    number: int
    token_low: int
    token_high: int

    @property
    def width(self) -> int:
        """How many tokens it has."""
        return self.token_high - self.token_low + 1

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
    """How long a partition must be over its units, on average, before it divides."""

    def __post_init__(self) -> None:
        for name in ("read_units_max", "write_units_max", "size_bytes_max", "heat_seconds_min"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be more than 0, not {getattr(self, name)}")


def divide_tokens(count: int) -> tuple[Partition, ...]:
    """`count` partitions of equal width."""
    return tuple(Partition(number, *segment_tokens(number, count)) for number in range(count))


def partition_count(
    limits: PartitionLimits,
    billing_mode: str,
    read_units: int,
    write_units: int,
    warm_throughput: dict[str, int] | None = None,
) -> int:
    """How many partitions a capacity needs: reads and writes share them where it is provisioned.

    A table on demand begins with four. Warm throughput, given as on the wire, is what each kind
    may come to on its own.
    """
    count = ON_DEMAND_PARTITIONS
    if billing_mode != "PAY_PER_REQUEST":
        share = read_units / limits.read_units_max + write_units / limits.write_units_max
        count = max(1, -int(-share // 1))
    for member, most in (
        ("ReadUnitsPerSecond", limits.read_units_max),
        ("WriteUnitsPerSecond", limits.write_units_max),
    ):
        count = max(count, -(-(warm_throughput or {}).get(member, 0) // most))
    return count


def grow(partitions: tuple[Partition, ...], count: int) -> tuple[Partition, ...]:
    """The partitions with the widest halved until there are `count`; never fewer than before."""
    number = max(each.number for each in partitions) + 1
    widest = [(-each.width, each.token_low, each) for each in partitions]
    heapify(widest)
    while len(widest) < count:
        halves = _halves(heappop(widest)[2], number)
        number += 2
        for half in halves:
            heappush(widest, (-half.width, half.token_low, half))
    return tuple(sorted((each for *_, each in widest), key=lambda each: each.token_low))


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
    if len(partitions) >= PARTITIONS_MAX:
        raise ValueError(f"there are {PARTITIONS_MAX} partitions, more than that cannot be")
    last = found.middle if last_low_token is None else last_low_token
    if not found.token_low <= last < found.token_high:
        raise ValueError(
            f"partition {number} cannot be split behind token {last}: it holds the tokens from "
            f"{found.token_low} to {found.token_high}"
        )
    halves = _halves(found, max(each.number for each in partitions) + 1, last)
    position = partitions.index(found)
    return (*partitions[:position], *halves, *partitions[position + 1 :])


def _halves(
    partition: Partition, number: int, last_low_token: int | None = None
) -> tuple[Partition, Partition]:
    last = partition.middle if last_low_token is None else last_low_token
    return (
        Partition(number, partition.token_low, last),
        Partition(number + 1, last + 1, partition.token_high),
    )
