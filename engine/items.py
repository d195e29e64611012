"""Writes of one item: decide on what stands there, then apply, with its indexes and observers.

The two steps are apart because a transaction decides all its actions before it applies any.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol
from zlib import adler32

import orjson

from .capacity import TRANSACTION_FACTOR
from .changes import Change, ChangeObserver
from .errors import ConditionalCheckFailedException
from .indexes import (
    EntryChange,
    StoredItem,
    entry_changes,
    rewrite_entries,
)
from .item_collections import COLLECTION_BYTES_MAX, growth_bytes, resize_collection
from .item_keys import ItemKey
from .partitions.heat import Heat
from .schema import Table
from .storage import Reader, Transaction
from .time_to_live import move_expiry
from .values import Item, items_equal
from .writes import Decision, Write


class RowHistory(Protocol):
    """What wants to know rows of tables and indexes as they were before a change."""

    def recording(self, transaction: Transaction, table: Table) -> Transaction:
        """The transaction, through which the rows of this table and its indexes change."""


class ItemWriter:
    """Decides and applies writes, telling the observers of each change in its transaction."""

    def __init__(
        self,
        observers: list[ChangeObserver],
        heat: Heat,
        collection_bytes_max: int = COLLECTION_BYTES_MAX,
    ) -> None:
        self._observers = observers
        self._heat = heat
        self.collection_bytes_max = collection_bytes_max
        """How large the items of one partition key may be in a table with local indexes."""
        self.history: RowHistory | None = None
        """What notes rows before they change; None unless strictness asks for it."""

    def decide(self, reader: Reader, table: Table, key: ItemKey, write: Write) -> Decision:
        """Raises ConditionalCheckFailedException (with the item) where the condition fails."""
        parse = write.condition is not None or write.reads_item
        old = read_item(reader, table, key, parse=parse)
        if write.condition is not None:
            item = old.item if old else None
            if not write.condition.matches(item):
                if self._heat.random() < self._heat.chance:
                    self._heat.note_write(table, key, old.size if old else 0, 0)
                raise ConditionalCheckFailedException(item=item)
        return write.decide(table, key, old)

    def apply(
        self,
        transaction: Transaction,
        table: Table,
        key: ItemKey,
        decision: Decision,
        *,
        at_ms: int,
        group: int = 0,
        identity: dict[str, str] | None = None,
    ) -> None:
        """Writes what was decided; nothing at all where old and new are equal by value.

        Raises ItemCollectionSizeLimitExceededException, before it has written anything, where the
        items of the partition key would become too large.
        """
        old, new = decision
        old_size, new_size = old.size if old else 0, new.size if new else 0
        if self._heat.random() < self._heat.chance and identity is None:
            factor = TRANSACTION_FACTOR if group else 1
            self._heat.note_write(table, key, old_size, new_size, factor)
        if old is new or (old is not None and new is not None and _equal(old, new)):
            return
        changes: Sequence[EntryChange] = ()
        if table.indexes:
            old = old and old.parsed()
            changes = entry_changes(table, key.address, old, new)
            if table.collection_space is not None:
                added = growth_bytes(old, new, changes)
                resize_collection(
                    transaction, table.collection_space, key, added, self.collection_bytes_max
                )
        rows = transaction if self.history is None else self.history.recording(transaction, table)
        if new is None:
            rows.delete(table.space, *key.address)
        else:
            rows.put(table.space, *key.address, new.size, new.body)
        part = table.partition_of(key.token).number
        grown = new_size - old_size
        transaction.tally(table.space, (new is not None) - (old is not None), grown, part)
        if changes:
            rewrite_entries(rows, changes)
        if table.time_to_live is not None:
            old = old and old.parsed()
            move_expiry(transaction, table.time_to_live, key, old and old.item, new and new.item)
        if table.stream is None:
            return
        change = Change(
            table,
            key.token,
            key.attributes,
            key.size,
            old.body if old else None,
            old_size,
            new.body if new else None,
            new_size,
            at_ms,
            group,
            identity,
        )
        for observer in self._observers:
            observer(transaction, change)


_UNPARSED: Item = {}


def read_item(
    reader: Reader, table: Table, key: ItemKey, *, parse: bool = True
) -> StoredItem | None:
    """The item that stands at a key; its `item` is left empty where `parse` is not asked for."""
    row = reader.get(table.space, *key.address)
    if row is None:
        return None
    size, body = row
    return StoredItem(orjson.loads(body) if parse else _UNPARSED, size, body)


def _equal(old: StoredItem, new: StoredItem) -> bool:
    if old.body == new.body:
        return True
    # Equal values in another order are the same bytes in another order: of the same length and sum
    # (the low half of adler32). Nearly every change stops here, unparsed.
    if len(old.body) != len(new.body):
        return False
    if adler32(old.body) & 0xFFFF != adler32(new.body) & 0xFFFF:
        return False
    return items_equal(orjson.loads(old.body), new.item)
