"""Metering: what requests read and write, held against the capacities it is taken from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, cast

from ..capacity import index_writes, read_units, write_units
from ..errors import ConditionalCheckFailedException
from ..item_keys import ItemKey
from ..items import ItemWriter
from ..schema import Table
from ..storage import Reader, Transaction
from ..storage.port import Row
from ..values import item_size
from ..writes import Decision, Write
from .spaces import Spaces
from .throttling import Cost, Throttle


class MeteredReader:
    """A reader whose reads are taken from the capacity of what they read; for one request.

    What a page of rows costs is known when it has been read: it needs the least that a read costs
    at its first row, and `settle` takes the rest, even into debt. A missing item costs the least.
    `consistent` tells whether the request reads a table consistently.
    """

    def __init__(
        self,
        reader: Reader,
        spaces: Spaces,
        throttle: Throttle,
        consistent: Callable[[Table], bool],
        factor: int,
    ) -> None:
        self._reader = reader
        self._spaces = spaces
        self._throttle = throttle
        self._consistent = consistent
        self._factor = factor
        self._pages: list[_MeteredPage] = []
        self.gets = 0
        """How many items were read by key."""

    def get(self, space: int, token: int, pk: bytes, sk: bytes) -> tuple[int, bytes] | None:
        least = self._least_cost(space, token)
        if least is None:
            return self._reader.get(space, token, pk, sk)
        self._throttle.check(least)
        row = self._reader.get(space, token, pk, sk)
        size = row[0] if row else 0
        units = read_units(size, consistent=self._consistent(least.table)) * self._factor
        self._throttle.charge(least._replace(units=units))
        self.gets += 1
        return row

    def query(
        self, space: int, token: int, pk: bytes, **bounds: Any
    ) -> Iterator[tuple[bytes, int, bytes]]:
        page = self._begin_page(space, token)
        rows = self._reader.query(space, token, pk, **bounds)
        if page is None:
            return rows
        return page.counted((token, row[1], row) for row in rows)

    def scan(
        self,
        space: int,
        *,
        after: tuple[int, bytes, bytes] | None = None,
        token_low: int,
        token_high: int,
    ) -> Iterator[Row]:
        page = self._begin_page(space, token_low if after is None else after[0])
        rows = self._reader.scan(space, after=after, token_low=token_low, token_high=token_high)
        return rows if page is None else page.counted((row.token, row.size, row) for row in rows)

    def settle(self) -> None:
        """Takes what the pages of the request came to."""
        for page in self._pages:
            consistent = self._consistent(page.least.table)
            units = read_units(page.size_bytes, consistent=consistent) * self._factor
            for token, size in page.sizes.items():
                share = size / page.size_bytes if page.size_bytes else 1.0
                self._throttle.charge(page.least._replace(token=token, units=units * share))
        self._pages.clear()

    def _begin_page(self, space: int, token: int) -> _MeteredPage | None:
        least = self._least_cost(space, token)
        if least is None:
            return None
        self._throttle.check(least)
        page = _MeteredPage(least)
        self._pages.append(page)
        return page

    def _least_cost(self, space: int, token: int) -> Cost | None:
        owner = self._spaces.owner_of(space)
        if owner is None:
            return None
        table, index = owner
        units = read_units(0, consistent=self._consistent(table)) * self._factor
        # A local index stands in the table's partitions and is read by the table's capacity.
        index = None if index is None or index.is_local else index
        return Cost(table, index, "Read", token, units)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reader, name)


class _MeteredPage:
    """Rows that are read in order; `sizes` has their bytes by the partition of the row."""

    def __init__(self, least: Cost) -> None:
        self.least = least
        self.size_bytes = 0
        self.sizes: dict[int, int] = {least.token: 0}

    def counted(self, rows: Iterator[tuple[int, int, Any]]) -> Iterator[Any]:
        for token, size, row in rows:
            self.size_bytes += size
            self.sizes[token] = self.sizes.get(token, 0) + size
            yield row


class MeteredWriter(ItemWriter):
    """Decides a write only where there is capacity for it; `factor` is 2 in transactions.

    A condition that fails costs what the item that stands there would. Work that is undone gets its
    units back.
    """

    def __init__(self, writer: ItemWriter, throttle: Throttle, factor: int) -> None:
        # Not the base's: all that a writer has is the database's own writer's.
        self._writer = writer
        self._throttle = throttle
        self._factor = factor

    def decide(self, reader: Reader, table: Table, key: ItemKey, write: Write) -> Decision:
        try:
            decision = self._writer.decide(reader, table, key, write)
        except ConditionalCheckFailedException as error:
            size = item_size(error.item) if error.item else 0
            units = write_units(size, 0) * self._factor
            self._take(reader, [Cost(table, None, "Write", key.token, units)])
            raise
        self._take(reader, self._costs_of(table, key, decision))
        return decision

    def apply(self, *args: Any, **options: Any) -> None:
        self._writer.apply(*args, **options)

    def _costs_of(self, table: Table, key: ItemKey, decision: Decision) -> list[Cost]:
        old, new = decision
        units = write_units(old.size if old else 0, new.size if new else 0) * self._factor
        costs = [Cost(table, None, "Write", key.token, units)]
        if old is new or not table.indexes:
            return costs
        parsed = Decision(old and old.parsed(), new and new.parsed())
        for index in table.indexes:
            owner = None if index.is_local else index
            for token, units in index_writes(table, index, key, parsed):
                costs.append(Cost(table, owner, "Write", token, units * self._factor))
        return costs

    def _take(self, reader: Reader, costs: list[Cost]) -> None:
        self._throttle.take(costs)
        # Whatever decides a write runs in a transaction of the writer.
        transaction = cast(Transaction, reader)
        transaction.after_rollback(partial(self._throttle.give_back, costs))
