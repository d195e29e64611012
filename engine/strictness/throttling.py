"""Throttling: what tables, indexes and their partitions take a second, by AWS's documented limits.

Sources: AWS's guide, "Burst and adaptive capacity", "Partitions and data distribution" and
"Troubleshooting throttling"; the API reference on TransactionCanceledException and
ThrottlingReason.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Iterable
from typing import NamedTuple

from ..clock import Clock
from ..errors import (
    ProvisionedThroughputExceededException,
    ThrottledError,
    ThrottlingException,
)
from ..partitions.heat import Heat, Kind
from ..partitions.partition import (
    PARTITIONS_MAX,
    Partition,
    PartitionLimits,
    divide_tokens,
    partition_count,
)
from ..schema import Index, Table
from .buckets import TokenBucket

BURST_SECONDS = 300
"""How long unused provisioned capacity is kept."""

TABLE_EXCEEDED = (
    "The level of configured provisioned throughput for the table was exceeded. Consider "
    "increasing your provisioning level with the UpdateTable API."
)
INDEX_EXCEEDED = (
    "The level of configured provisioned throughput for one or more global secondary indexes of "
    "the table was exceeded. Consider increasing your provisioning level for the "
    "under-provisioned global secondary indexes with the UpdateTable API."
)
TABLE_BUSY = (
    "Throughput exceeds the current capacity of your table or index. DynamoDB is automatically "
    "scaling your table or index so please try again shortly. If exceptions persist, check if you "
    "have a hot key: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/"
    "bp-partition-key-design.html"
)
INDEX_BUSY = (
    "Throughput exceeds the current capacity for one or more global secondary indexes. DynamoDB "
    "is automatically scaling your index so please try again shortly."
)
MAXIMUM_EXCEEDED = "Throughput exceeds the maximum OnDemandThroughput configured on table or index"


class Cost(NamedTuple):
    """Units that a request needs of a table, or of a global index, for the rows at a token."""

    table: Table
    global_index: Index | None
    kind: Kind
    token: int
    units: float


class Throttle:
    """Keeps count of what everything of a database has left; safe on any thread."""

    def __init__(self, clock: Clock, limits: PartitionLimits, heat: Heat) -> None:
        self._clock = clock
        self._limits = limits
        self._heat = heat
        self._lock = threading.Lock()
        self._lanes: dict[tuple[str, str | None, Kind], _Lane] = {}

    def check(self, cost: Cost) -> None:
        """Raises ThrottledError where there is not enough for a cost; takes nothing."""
        with self._lock:
            self._check(cost)

    def take(self, costs: Iterable[Cost]) -> None:
        """Takes all of the costs, or none and raises ThrottledError."""
        costs = list(costs)
        with self._lock:
            for cost in costs:
                self._check(cost)
            for cost in costs:
                self._lane_of(cost).take(cost.token, cost.units)

    def charge(self, cost: Cost) -> None:
        """Takes what was used already, whether there is enough or not."""
        with self._lock:
            self._lane_of(cost).take(cost.token, cost.units)

    def give_back(self, costs: Iterable[Cost]) -> None:
        """Undoes a `take` whose transaction was undone."""
        with self._lock:
            for cost in costs:
                self._lane_of(cost).take(cost.token, -cost.units)

    def _check(self, cost: Cost) -> None:
        try:
            self._lane_of(cost).check(cost, self._clock.now_ms())
        except ThrottledError:
            if cost.global_index is None and self._heat.random() < self._heat.chance:
                self._heat.note_refused(cost.kind, cost.table, cost.token, cost.units)
            raise

    def _lane_of(self, cost: Cost) -> _Lane:
        index = cost.global_index
        owner = index or cost.table
        name = (cost.table.id, index.name if index else None, cost.kind)
        limit = _limit_of(cost.table.billing_mode, owner, cost.kind)
        lane = self._lanes.get(name)
        if lane is None or lane.limit != limit:
            lane = _Lane(cost.table, owner, limit, self._limits, self._clock.now_ms())
            self._lanes[name] = lane
        elif index is None and len(cost.table.partitions) > len(lane.partitions):
            lane.follow_splits(cost.table.partitions)
        return lane


class _Limit(NamedTuple):
    """What stands above the partitions: a rate, or none for a table on demand without maxima."""

    billing_mode: str
    kind: Kind
    rate: int | None


def _limit_of(billing_mode: str, owner: Table | Index, kind: Kind) -> _Limit:
    if billing_mode != "PAY_PER_REQUEST":
        throughput = owner.throughput
        rate = throughput.read_units if kind == "Read" else throughput.write_units
        return _Limit(billing_mode, kind, rate)
    maximum = owner.settings.get("OnDemandThroughput", {}).get(f"Max{kind}RequestUnits", -1)
    return _Limit(billing_mode, kind, maximum if maximum > 0 else None)


def _index_partitions(index: Table | Index, billing_mode: str, limits: PartitionLimits) -> int:
    given, warm = index.throughput, index.settings.get("WarmThroughput")
    count = partition_count(limits, billing_mode, given.read_units, given.write_units, warm)
    return min(count, PARTITIONS_MAX)


class _Lane:
    """The reads or the writes of one table or global index."""

    def __init__(
        self,
        table: Table,
        owner: Table | Index,
        limit: _Limit,
        limits: PartitionLimits,
        at_ms: int,
    ) -> None:
        self.limit = limit
        self._is_index = isinstance(owner, Index)
        self._arn = table.arn if owner is table else f"{table.arn}/index/{owner.name}"
        self._is_on_demand = limit.billing_mode == "PAY_PER_REQUEST"
        self.partitions: tuple[Partition, ...] = table.partitions
        if self._is_index:
            # An index has a key space of its own, divided by the same rule as a table's.
            self.partitions = divide_tokens(_index_partitions(owner, limit.billing_mode, limits))
        self._whole: TokenBucket | None = None
        if limit.rate is not None:
            # Nothing of a table's capacity was used before anyone counted.
            seconds = 1 if self._is_on_demand else BURST_SECONDS
            unused_seconds = 1 + max(0, at_ms - table.created_ms) / 1000
            self._whole = TokenBucket(
                limit.rate,
                most=limit.rate * seconds,
                level=limit.rate * min(seconds, unused_seconds),
                at_ms=at_ms,
            )
        rate = limits.read_units_max if limit.kind == "Read" else limits.write_units_max
        self._parts = [
            TokenBucket(rate, most=rate, level=rate, at_ms=at_ms) for _ in self.partitions
        ]
        self._high_tokens = [each.token_high for each in self.partitions]

    def follow_splits(self, partitions: tuple[Partition, ...]) -> None:
        """Gives every new partition what was left of the one it is a part of.

        So a split lets nothing through at once that was refused before it.
        """
        self._parts = [self._part_of(each.token_low).copy() for each in partitions]
        self.partitions = partitions
        self._high_tokens = [each.token_high for each in partitions]

    def check(self, cost: Cost, at_ms: int) -> None:
        if self._whole is not None and not self._whole.allows(cost.units, at_ms):
            raise self._exceeded()
        if not self._part_of(cost.token).allows(cost.units, at_ms):
            raise self._busy("KeyRangeThroughputExceeded")

    def take(self, token: int, units: float) -> None:
        if self._whole is not None:
            self._whole.take(units)
        self._part_of(token).take(units)

    def _part_of(self, token: int) -> TokenBucket:
        return self._parts[bisect_left(self._high_tokens, token)]

    def _exceeded(self) -> ThrottledError:
        if self._is_on_demand:
            reasons = self._reasons("MaxOnDemandThroughputExceeded")
            return ThrottlingException(MAXIMUM_EXCEEDED, reasons)
        return self._busy("ProvisionedThroughputExceeded")

    def _busy(self, limit: str) -> ThrottledError:
        reasons = self._reasons(limit)
        if self._is_on_demand:
            return ThrottlingException(INDEX_BUSY if self._is_index else TABLE_BUSY, reasons)
        return ProvisionedThroughputExceededException(
            INDEX_EXCEEDED if self._is_index else TABLE_EXCEEDED, reasons
        )

    def _reasons(self, limit: str) -> list[dict[str, str]]:
        resource = "Index" if self._is_index else "Table"
        return [{"reason": f"{resource}{self.limit.kind}{limit}", "resource": self._arn}]
