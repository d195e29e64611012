"""The splitter: finds partitions that are too large or too hot, and divides them where it helps."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Literal, NamedTuple

from ..errors import DynamoDBError, SpaceDroppedError
from ..schema import Table
from .heat import KINDS, Kind, Sums
from .partition import PARTITIONS_MAX, Partition
from .sizes import Cut, halving_cut, sizes_of
from .splitting import split_partition

if TYPE_CHECKING:
    from ..database import Database

log = logging.getLogger("pelton.engine")

LONE_SHARE = 0.9
"""Where one half would keep more than this, one key has nearly all, and a split cannot help."""

GROWTH_MIN = 1.1
"""How much a partition that no cut could halve must have grown before another look: each reads it
whole."""


class Split(NamedTuple):
    """What was divided, and why."""

    table_name: str
    partition: Partition
    reason: Literal["size", "heat"]
    halves: tuple[Partition, Partition]


class Splitter:
    """Divides the partitions of a database that are over `Database.partition_limits`.

    Sizes are the file's, and so the same for every process; heat is what this process has seen.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._uncut_bytes: dict[tuple[int, int], int] = {}
        """How large partitions were that no cut could halve, by their table's space and number."""

    def split_due(self, *, is_stopping: Callable[[], bool] = lambda: False) -> list[Split]:
        """Divides what is due, each partition once; halves that are still too large come next."""
        splits: list[Split] = []
        for table in list(self._database.catalog.tables.values()):
            for partition, reason, cut in self._due(table):
                if is_stopping():
                    return splits
                split = self._split(table, partition, reason, cut)
                if split is not None:
                    splits.append(split)
        return splits

    def _due(self, table: Table) -> Iterable[tuple[Partition, Literal["size", "heat"], Cut]]:
        if len(table.partitions) >= PARTITIONS_MAX:
            return
        large = self._too_large(table)
        for partition in table.partitions:
            if partition in large and partition.width > 1:
                cut = self._halve(table, partition, large[partition])
                if cut is not None:
                    yield partition, "size", cut
        for partition, cut in self._too_hot(table):
            if partition not in large:
                yield partition, "heat", cut

    def _too_large(self, table: Table) -> dict[Partition, int]:
        try:
            sizes = self._database.store.read(lambda reader: sizes_of(reader, table))
        except SpaceDroppedError:
            return {}  # The table is gone.
        most = self._database.partition_limits.size_bytes_max
        return {
            each: sizes[each.number].size_bytes
            for each in table.partitions
            if sizes[each.number].size_bytes > most
        }

    def _halve(self, table: Table, partition: Partition, size_bytes: int) -> Cut | None:
        looked_at = table.space, partition.number
        if size_bytes < self._uncut_bytes.get(looked_at, 0) * GROWTH_MIN:
            return None
        try:
            cut = halving_cut(self._database, table, partition)
        except SpaceDroppedError:
            return None
        if helps(cut):
            return cut
        self._uncut_bytes[looked_at] = size_bytes
        return None

    def _too_hot(self, table: Table) -> Iterable[tuple[Partition, Cut]]:
        limits, heat = self._database.partition_limits, self._database.heat
        seconds = limits.heat_seconds_min
        most = {"Read": limits.read_units_max, "Write": limits.write_units_max}
        sums: dict[Kind, Sums] = {kind: heat.sums(table, kind, seconds) for kind in KINDS}
        for partition in table.partitions:
            loads: dict[Kind, float] = {
                kind: sums[kind].by_partition.get(partition.number, 0.0) / seconds / most[kind]
                for kind in KINDS
            }
            hotter: Kind = "Read" if loads["Read"] > loads["Write"] else "Write"
            if loads[hotter] > 1 and partition.width > 1:
                cut = cooling_cut(partition, sums[hotter])
                if helps(cut):
                    yield partition, cut

    def _split(
        self, table: Table, partition: Partition, reason: Literal["size", "heat"], cut: Cut
    ) -> Split | None:
        try:
            halves = split_partition(
                self._database,
                table.name,
                partition.number,
                last_low_token=cut.last_low_token,
            )
        except DynamoDBError:
            return None  # Another process was quicker, or the table is gone.
        log.info("partition %d of %s was split by %s", partition.number, table.name, reason)
        return Split(table.name, partition, reason, halves)


def helps(cut: Cut) -> bool:
    """Whether neither half keeps nearly all."""
    return 1 - LONE_SHARE <= cut.low_share <= LONE_SHARE


def cooling_cut(partition: Partition, sums: Sums) -> Cut:
    """Where a partition of at least two tokens divides so that both halves are as hot.

    Each of the hottest keys has its place; what the others take is as evenly spread as tokens are.
    """
    total = sums.by_partition[partition.number]
    keys = sorted(
        (key.token, key.least) for key in sums.keys.values() if partition.holds(key.token)
    )
    rest = max(0.0, total - sum(units for _, units in keys))
    total = rest + sum(units for _, units in keys)
    cuts: list[tuple[int, float]] = []
    first, known = partition.token_low, 0.0
    for token, units in [*keys, (partition.token_high, 0.0)]:
        # Cuts before this key: right before it, and where half would be among the others.
        wanted = partition.width
        if rest:
            wanted = round((total / 2 - known) / rest * partition.width)
        for last in (token - 1, min(max(partition.token_low + wanted - 1, first), token - 1)):
            if first <= last:
                spread = rest * (last - partition.token_low + 1) / partition.width
                cuts.append((last, known + spread))
        known += units
        first = token
    last, low = min(cuts, key=lambda cut: abs(cut[1] * 2 - total))
    return Cut(last, low / total)
