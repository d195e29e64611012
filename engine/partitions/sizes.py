"""Sizes of partitions: how many items and bytes each has, kept exactly while it divides.

Every write adds to the counts of the partition it falls in, in its own commit. What a split gives
to each part is counted in the split's own transaction where that is quick; a large partition is
measured beside the writes beforehand, so its parts are about right and their sum is exact.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from ..schema import Table
from ..storage import Reader, Transaction
from .partition import Partition

if TYPE_CHECKING:
    from ..database import Database

COUNTED_ITEMS_MAX = 20_000
COUNTED_BYTES_MAX = 16 * 1024 * 1024
"""A partition of more is not counted while the writer waits."""

PIECES = 64
DEPTH_MAX = 4
"""So often a piece of the range is looked at more closely to find where half of the bytes end."""


class PartitionSize(NamedTuple):
    items: int
    size_bytes: int

    def share(self, part: float) -> PartitionSize:
        # Rounded down, so that the shares of a whole never come to more than it.
        return PartitionSize(int(self.items * part), int(self.size_bytes * part))

    def plus(self, other: PartitionSize) -> PartitionSize:
        return PartitionSize(self.items + other.items, self.size_bytes + other.size_bytes)

    @property
    def is_quickly_counted(self) -> bool:
        return self.items <= COUNTED_ITEMS_MAX and self.size_bytes <= COUNTED_BYTES_MAX


class SizedPartition(NamedTuple):
    """A partition with what is in it."""

    partition: Partition
    items: int
    size_bytes: int


class Cut(NamedTuple):
    """A place to divide a partition, and which share of its bytes is then in the lower half."""

    last_low_token: int
    low_share: float


def sizes_of(reader: Reader, table: Table) -> dict[int, PartitionSize]:
    """The size of each partition of a table, by its number."""
    counts = reader.count_parts(table.space)
    return {
        each.number: PartitionSize(*counts.get(each.number, (0, 0))) for each in table.partitions
    }


def sized_partitions(database: Database, table_name: str) -> tuple[SizedPartition, ...]:
    """The partitions of a table in the order of their tokens.

    Raises ResourceNotFoundException for a table that is not there.
    """
    table = database.catalog.table(table_name)
    sizes = database.store.read(lambda reader: sizes_of(reader, table))
    return tuple(SizedPartition(each, *sizes[each.number]) for each in table.partitions)


def divide_sizes(
    transaction: Transaction, old: Table, new: Table, shares: dict[int, float] | None = None
) -> None:
    """Gives what the partitions that are gone had to those in their place.

    `shares` says what the first of its parts gets of a partition too large to be counted here; by
    the width of the parts unless it does, as tokens are spread evenly. Where many divide at once,
    that is so for those behind the first that are too large together.
    """
    kept = set(new.partitions)
    counted = PartitionSize(0, 0)
    for gone in old.partitions:
        if gone in kept:
            continue
        parts = [each for each in new.partitions if gone.holds(each.token_low)]
        whole = PartitionSize(*transaction.drop_part(old.space, gone.number))
        rest = whole
        counted = counted.plus(whole)
        for part in parts[:-1]:
            if counted.is_quickly_counted:
                size = PartitionSize(
                    *transaction.measure(old.space, part.token_low, part.token_high)
                )
            else:
                share = (shares or {}).get(gone.number, part.width / gone.width)
                size = whole.share(share)
            transaction.tally(old.space, *size, part.number)
            rest = PartitionSize(rest.items - size.items, rest.size_bytes - size.size_bytes)
        transaction.tally(old.space, *rest, parts[-1].number)


def share_below(database: Database, table: Table, partition: Partition, last: int) -> float:
    """Which share of a partition's bytes has tokens up to `last`; read beside the writes."""
    low = sum(_measured(database, table, partition.token_low, last))
    high = sum(_measured(database, table, last + 1, partition.token_high))
    return low / (low + high) if low + high else 0.5


def halving_cut(database: Database, table: Table, partition: Partition) -> Cut:
    """Where a partition of at least two tokens divides so that both halves have as many bytes.

    All items of one partition key stay together, so the halves may differ by as much as those are.
    """
    low, high = partition.token_low, partition.token_high
    whole, before = 0, 0
    cuts: list[tuple[int, int]] = []
    for _ in range(DEPTH_MAX):
        sizes = _measured(database, table, low, high)
        whole = whole or sum(sizes)
        if whole == 0:
            return Cut(partition.middle, 0.5)
        ends = _ends(low, high, len(sizes))
        below = before
        for position, size in enumerate(sizes):
            below += size
            cuts.append((ends[position + 1] - 1, below))
            if below * 2 >= whole:
                before = below - size
                low, high = ends[position], ends[position + 1] - 1
                break
        if low == high or below - before < whole // 100:
            break
    last, below = min(
        (cut for cut in cuts if partition.token_low <= cut[0] < partition.token_high),
        key=lambda cut: abs(cut[1] * 2 - whole),
        default=(partition.middle, whole // 2),
    )
    return Cut(last, below / whole)


def _measured(database: Database, table: Table, low: int, high: int) -> list[int]:
    """The bytes of equal pieces of a range of tokens, each read on its own: a long read would
    keep the log of writes from being emptied.
    """
    ends = _ends(low, high, min(PIECES, high - low + 1))
    return [_measure(database, table, first, end - 1) for first, end in pairwise(ends)]


def _measure(database: Database, table: Table, low: int, high: int) -> int:
    return database.store.read(lambda reader: reader.measure(table.space, low, high))[1]


def _ends(low: int, high: int, pieces: int) -> list[int]:
    """Where each of the pieces begins, and behind the last."""
    width = high - low + 1
    return [low + width * piece // pieces for piece in range(pieces + 1)]
