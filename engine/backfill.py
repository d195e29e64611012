"""Filling an index that was made for a table with items: in chunks, with writes going on between.

Writes keep the entries of what they touch right from the moment the index is there; a chunk adds
those of the next items in the table's order that nobody has touched. How far it has come is a row
of the store, so that whoever opens the store next goes on from there.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from .errors import StoreClosedError
from .indexes import StoredItem, index_entry
from .keys import TOKEN_MAX, TOKEN_MIN
from .schema import Index, Table
from .storage import Reader, Transaction
from .storage.port import META_SPACE

if TYPE_CHECKING:
    from .database import Database

log = logging.getLogger("pelton.engine")

REACHED_KIND = b"backfill"
"""Rows that say, by an index's space, which item of its table was the last one looked at."""

FIRST_ITEMS = 500
"""So many are filled in with the request: most tables of tests are no larger, and ready at once."""

CHUNK_ITEMS = 50
CHUNK_BYTES = 512 * 1024
"""A chunk ends with the item that reaches either: no writer waits for more than that."""

Address = tuple[int, bytes, bytes]
Work = Callable[[Transaction], Any]
Done = Callable[[Any, BaseException | None], None]


class Fill(NamedTuple):
    """An index that is being filled; its space tells it from a later one of the same name."""

    table: str
    space: int


def fill_first(transaction: Transaction, table: Table, index: Index) -> bool:
    """Begins to fill a new index; returns whether that was all."""
    return _fill(transaction, table, index, FIRST_ITEMS)


def _fill(transaction: Transaction, table: Table, index: Index, items_max: int) -> bool:
    """Writes the entries of the next items; returns whether that was the end of the table.

    An item that lacks a key attribute, or has a value there that cannot be a key, has no entry.
    """
    count = size_bytes = 0
    rows = transaction.scan(
        table.space,
        after=_reached(transaction, index),
        token_low=TOKEN_MIN,
        token_high=TOKEN_MAX,
    )
    for token, pk, sk, size, body in rows:
        stored = StoredItem(orjson.loads(body), size, body)
        entry = index_entry(table, index, stored, token, pk, sk)
        # One that is there already was put by a write of the item since the index was made.
        if entry is not None and transaction.get(index.space, *entry[:3]) is None:
            transaction.put(index.space, *entry)
            transaction.tally(index.space, 1, entry.size)
        count += 1
        size_bytes += size
        if count == items_max or size_bytes >= CHUNK_BYTES:
            _note_reached(transaction, index, (token, pk, sk))
            return False
    return True


def forget_reached(transaction: Transaction, index: Index) -> None:
    """Removes what is kept of an index's filling, when it is over or the index goes."""
    transaction.delete(META_SPACE, 0, REACHED_KIND, _key_of(index))


def _reached(reader: Reader, index: Index) -> Address | None:
    row = reader.get(META_SPACE, 0, REACHED_KIND, _key_of(index))
    if row is None:
        return None
    token, pk, sk = orjson.loads(row[1])
    return token, bytes.fromhex(pk), bytes.fromhex(sk)


def _note_reached(transaction: Transaction, index: Index, address: Address) -> None:
    token, pk, sk = address
    body = orjson.dumps([token, pk.hex(), sk.hex()])
    transaction.put(META_SPACE, 0, REACHED_KIND, _key_of(index), 0, body)


def _key_of(index: Index) -> bytes:
    return index.space.to_bytes(8, "big")


class Backfill:
    """Fills a database's new indexes, one chunk after the other, each as a work in its queue.

    It has no thread: a chunk's outcome queues the next one behind the writes that came meanwhile.
    Several processes may fill one index together, since each chunk begins where the last one of any
    of them ended.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._under_way: set[Fill] = set()
        self._seen: dict[str, Table] | None = None
        database.catalog.observers.append(self._follow_table)
        database.store.on_foreign_commit(lambda transaction: self._look_if_changed())
        self.resume()

    def resume(self) -> None:
        """Goes on with what a process that ended, or a full disk, has left unfinished."""
        if any(fills_of(table) for table in self._database.catalog.tables.values()):
            # The set of what is under way belongs to the writer's thread.
            self._queue(lambda transaction: None, lambda result, error: self._look(), alone=False)

    # --- on the writer's thread ----------------------------------------------------------------

    def _follow_table(self, transaction: Transaction, old: Table | None, new: Table | None) -> None:
        for fill in fills_of(new) if new else ():
            transaction.after_commit(partial(self._start, fill))

    def _look_if_changed(self) -> None:
        if self._database.catalog.tables is not self._seen:
            self._look()

    def _look(self) -> None:
        self._seen = self._database.catalog.tables
        for table in self._seen.values():
            for fill in fills_of(table):
                self._start(fill)

    def _start(self, fill: Fill) -> None:
        if fill not in self._under_way:
            self._under_way.add(fill)
            self._go_on(fill)

    def _go_on(self, fill: Fill) -> None:
        def work(transaction: Transaction) -> bool | None:
            found = self._find(fill)
            return None if found is None else _fill(transaction, *found, CHUNK_ITEMS)

        def done(is_end: bool | None, error: BaseException | None) -> None:
            if error is not None or is_end is None:
                self._end(fill, error)
            elif is_end:
                self._finish(fill)
            else:
                self._go_on(fill)

        self._queue(work, done, alone=False)

    def _finish(self, fill: Fill) -> None:
        """Makes the index ready for readers. All items have their entries: what was put behind the
        last chunk's end was put by writes that knew of the index.
        """

        def work(transaction: Transaction) -> None:
            found = self._find(fill)
            if found is not None:
                table, index = found
                ready = replace(index, is_backfilling=False)
                indexes = tuple(ready if each is index else each for each in table.indexes)
                forget_reached(transaction, index)
                self._database.catalog.change(transaction, table, replace(table, indexes=indexes))

        self._queue(work, lambda result, error: self._end(fill, error), alone=True)

    def _find(self, fill: Fill) -> tuple[Table, Index] | None:
        """The index as it is now; None when it or its table has been deleted, or it is filled."""
        table = self._database.catalog.tables.get(fill.table)
        for index in table.indexes if table else ():
            if index.space == fill.space and index.is_backfilling:
                assert table is not None, "it has the index"
                return table, index
        return None

    def _end(self, fill: Fill, error: BaseException | None) -> None:
        self._under_way.discard(fill)
        if error is not None:
            log.error("the filling of an index of %s stopped: %s", fill.table, error)

    def _queue(self, work: Work, done: Done, *, alone: bool) -> None:
        try:
            self._database.store.write(work, done, alone=alone)
        except StoreClosedError:
            return  # Whoever opens the store next goes on.


def fills_of(table: Table) -> list[Fill]:
    """The indexes of a table that are not filled yet."""
    return [Fill(table.name, index.space) for index in table.indexes if index.is_backfilling]
