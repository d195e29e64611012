"""What a request consumed, counted only for a request that asks to be told.

Nothing here limits anything: units are computed after the fact, from what was read or decided.
What limits, where that is switched on, is strictness/throttling.py.
Source: AWS's guide, "DynamoDB read and write operations" and "capacity unit consumption".
"""

from __future__ import annotations

from typing import Any, NamedTuple

from .indexes import index_entry
from .item_collections import GIGABYTE, collection_bytes
from .item_keys import ItemKey
from .schema import Index, Table
from .storage import Reader
from .writes import Decision

READ_UNIT_BYTES = 4096
WRITE_UNIT_BYTES = 1024
TRANSACTION_FACTOR = 2
"""A transaction touches every item twice: to prepare and to commit."""


def read_units(size_bytes: int, *, consistent: bool) -> float:
    """The units of one read; at least those of 4 KB, also where nothing was found.

    >>> read_units(4097, consistent=True), read_units(0, consistent=False)
    (2.0, 0.5)
    """
    return max(1, -(-size_bytes // READ_UNIT_BYTES)) * (1.0 if consistent else 0.5)


def write_units(old_bytes: int, new_bytes: int) -> float:
    """The units of one write: by the larger of the item before and after, at least one."""
    return float(max(1, -(-max(old_bytes, new_bytes) // WRITE_UNIT_BYTES)))


class _Consumption:
    """The units of one table in one request."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.table_units = 0.0
        self.index_units: dict[str, float] = {}

    def add_index(self, index: Index, units: float) -> None:
        self.index_units[index.name] = self.index_units.get(index.name, 0.0) + units

    def describe(self, kind: str, *, by_index: bool) -> dict[str, Any]:
        """A ConsumedCapacity; `kind` is Read or Write where the units are said twice."""

        def units(number: float) -> dict[str, float]:
            said = {"CapacityUnits": number}
            return {**said, f"{kind}CapacityUnits": number} if kind else said

        total = self.table_units + sum(self.index_units.values())
        described: dict[str, Any] = {"TableName": self.table.name, **units(total)}
        if not by_index:
            return described
        described["Table"] = units(self.table_units)
        for member, is_local in (
            ("LocalSecondaryIndexes", True),
            ("GlobalSecondaryIndexes", False),
        ):
            shown = {
                index.name: units(self.index_units[index.name])
                for index in self.table.indexes
                if index.is_local is is_local and index.name in self.index_units
            }
            if shown:
                described[member] = shown
        return described


class Report:
    """What the answer to one request tells of capacity and item collections.

    Made inside the work that answers, since work may be run more than once.
    """

    def __init__(self, request: dict[str, Any], *, factor: int = 1) -> None:
        detail = request.get("ReturnConsumedCapacity") or "NONE"
        self._tells_units = detail != "NONE"
        self._by_index = detail == "INDEXES"
        self._tells_sizes = request.get("ReturnItemCollectionMetrics") == "SIZE"
        self._factor = factor
        self._consumed: dict[str, _Consumption] = {}
        self._collections: dict[str, dict[bytes, dict[str, Any]]] = {}

    def add_read(
        self, table: Table, size_bytes: int, *, consistent: bool, index: Index | None = None
    ) -> None:
        """Counts one item, or one page of a Query or Scan by the sum of its sizes."""
        units = read_units(size_bytes, consistent=consistent) * self._factor
        consumption = self._consumption_of(table)
        if index is None:
            consumption.table_units += units
        else:
            consumption.add_index(index, units)

    def add_write(self, reader: Reader, table: Table, key: ItemKey, decision: Decision) -> None:
        """Counts one write by what it decided, whether or not anything changed by it."""
        if self._tells_units:
            self._count_write(table, key, decision)
        if self._tells_sizes and any(index.is_local for index in table.indexes):
            known = self._collections.setdefault(table.name, {})
            if key.pk not in known:
                known[key.pk] = _collection_metrics(reader, table, key)

    def add_to(self, answer: dict[str, Any], *, kind: str = "") -> dict[str, Any]:
        """The answer with what was asked for, about the one table it is about."""
        if self._tells_units:
            (answer["ConsumedCapacity"],) = self._described(kind)
        for collections in self._collections.values():
            (answer["ItemCollectionMetrics"],) = collections.values()
        return answer

    def add_lists_to(self, answer: dict[str, Any], *, kind: str = "") -> dict[str, Any]:
        """The answer with what was asked for, table by table."""
        if self._tells_units:
            answer["ConsumedCapacity"] = self._described(kind)
        if self._collections:
            answer["ItemCollectionMetrics"] = {
                name: list(collections.values()) for name, collections in self._collections.items()
            }
        return answer

    def _described(self, kind: str) -> list[dict[str, Any]]:
        return [each.describe(kind, by_index=self._by_index) for each in self._consumed.values()]

    def _consumption_of(self, table: Table) -> _Consumption:
        consumption = self._consumed.get(table.name)
        if consumption is None:
            self._consumed[table.name] = consumption = _Consumption(table)
        return consumption

    def _count_write(self, table: Table, key: ItemKey, decision: Decision) -> None:
        old, new = decision
        consumption = self._consumption_of(table)
        units = write_units(old.size if old else 0, new.size if new else 0)
        consumption.table_units += units * self._factor
        if old is new or not table.indexes:
            return
        old, new = old and old.parsed(), new and new.parsed()
        for index in table.indexes:
            writes = index_writes(table, index, key, Decision(old, new))
            if writes:
                consumption.add_index(index, sum(each.units for each in writes) * self._factor)


def report_of(request: dict[str, Any], *, factor: int = 1) -> Report | None:
    """The report a request asks for; None, for next to nothing, where it asks for none."""
    if "ReturnConsumedCapacity" in request or "ReturnItemCollectionMetrics" in request:
        return Report(request, factor=factor)
    return None


class IndexWrite(NamedTuple):
    """The units of one write of an index's row, and the token where it stands."""

    token: int
    units: float


def index_writes(
    table: Table, index: Index, key: ItemKey, decision: Decision
) -> tuple[IndexWrite, ...]:
    """One write for an entry written or deleted, two for one that moves, none for one that stays.

    The decision's items are parsed ones.
    Source: AWS's guide, "provisioned throughput considerations for global secondary indexes".
    """
    old, new = decision
    before = index_entry(table, index, old, *key.address) if old else None
    after = index_entry(table, index, new, *key.address) if new else None
    if before == after:
        return ()
    if before is not None and after is not None and before[:3] == after[:3]:
        return (IndexWrite(after.token, write_units(before.size, after.size)),)
    return tuple(
        IndexWrite(entry.token, write_units(entry.size, 0))
        for entry in (before, after)
        if entry is not None
    )


def _collection_metrics(reader: Reader, table: Table, key: ItemKey) -> dict[str, Any]:
    """How large the items of one partition key are, with their local index entries, in GB."""
    name = table.key.partition
    low = float(collection_bytes(reader, table, key) // GIGABYTE)
    return {
        "ItemCollectionKey": {name: key.attributes[name]},
        "SizeEstimateRangeGB": [low, low + 1.0],
    }
