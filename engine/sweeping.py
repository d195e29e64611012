"""The sweeper: deletes expired items, as the service itself, in short transactions."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import orjson

from .errors import SpaceDroppedError
from .indexes import StoredItem
from .item_keys import key_of_item
from .schema import Table
from .storage import Transaction
from .time_to_live import expired_addresses
from .writes import Decision

if TYPE_CHECKING:
    from .database import Database

IDENTITY = {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"}
"""Whom stream records name for a deletion by time to live."""

CHUNK_ITEMS = 100


def delete_expired(
    database: Database,
    *,
    chunk_items: int = CHUNK_ITEMS,
    is_stopping: Callable[[], bool] = lambda: False,
) -> int:
    """Deletes the items of all tables whose time has come; returns how many.

    A chunk is one transaction, so that no writer waits for more than that. A table where nothing
    has expired costs one look at its earliest row.
    """
    deleted = 0
    for table in list(database.catalog.tables.values()):
        while _has_expired(database, table) and not is_stopping():
            count = database.write(_chunk_work(database, table.name, chunk_items))
            if count == 0:
                break
            deleted += count
    return deleted


def _has_expired(database: Database, table: Table) -> bool:
    time_to_live = table.time_to_live
    if time_to_live is None:
        return False
    now_ms = database.clock.now_ms()
    try:
        return bool(
            database.store.read(lambda reader: expired_addresses(reader, time_to_live, now_ms, 1))
        )
    except SpaceDroppedError:
        return False  # The table is gone, or its time to live was disabled.


def _chunk_work(database: Database, name: str, limit: int) -> Callable[[Transaction], int]:
    def work(transaction: Transaction) -> int:
        # What was seen from outside may have changed: only this transaction's view decides.
        table = database.catalog.tables.get(name)
        if table is None or table.time_to_live is None:
            return 0
        at_ms = database.clock.now_ms()
        addresses = expired_addresses(transaction, table.time_to_live, at_ms, limit)
        count = 0
        for address in addresses:
            row = transaction.get(table.space, *address)
            assert row is not None, "an expiry row stands for an item"
            old = StoredItem(orjson.loads(row[1]), *row)
            key = key_of_item(table, old.item)
            database.writer.apply(
                transaction, table, key, Decision(old, None), at_ms=at_ms, identity=IDENTITY
            )
            count += 1
        return count

    return work
