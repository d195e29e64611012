"""Item collections: the items of one partition key with their entries in local indexes.

The size of each is a row of its own, kept by every write of a table with local indexes, so that
neither the limit nor ItemCollectionMetrics has to add anything up.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from .errors import ItemCollectionSizeLimitExceededException
from .indexes import EntryChange, StoredItem
from .schema import Table
from .storage import Reader, Transaction

if TYPE_CHECKING:
    from .item_keys import ItemKey

GIGABYTE = 1024**3
COLLECTION_BYTES_MAX = 10 * GIGABYTE
"""Source: AWS's guide, "Item collections in local secondary indexes"."""


def growth_bytes(
    old: StoredItem | None, new: StoredItem | None, changes: Iterable[EntryChange]
) -> int:
    """By how much a change of an item lets its collection grow; negative where it shrinks."""
    grown = (new.size if new else 0) - (old.size if old else 0)
    for index, before, after in changes:
        if index.is_local:
            grown += (after.size if after else 0) - (before.size if before else 0)
    return grown


def resize_collection(
    transaction: Transaction, space: int, key: ItemKey, grown_bytes: int, bytes_max: int
) -> None:
    """Keeps a collection's new size.

    Raises ItemCollectionSizeLimitExceededException, before anything is written, where it would
    grow past `bytes_max`; what is larger already may still shrink.
    """
    if grown_bytes == 0:
        return
    size_bytes = _size_of(transaction, space, key) + grown_bytes
    if grown_bytes > 0 and size_bytes > bytes_max:
        raise ItemCollectionSizeLimitExceededException("Collection size exceeded.")
    if size_bytes:
        transaction.put(space, key.token, key.pk, b"", size_bytes, b"")
    else:
        transaction.delete(space, key.token, key.pk, b"")


def collection_bytes(reader: Reader, table: Table, key: ItemKey) -> int:
    """The size of the collection a key is in. The table has local indexes."""
    if table.collection_space is not None:
        return _size_of(reader, table.collection_space, key)
    # The table was made before sizes were kept. Only a large one can hold a collection worth adding
    # up: they are told in gigabytes.
    spaces = [table.space, *(index.space for index in table.indexes if index.is_local)]
    size_bytes = sum(reader.count(space)[1] for space in spaces)
    if size_bytes < GIGABYTE:
        return size_bytes
    return sum(size for space in spaces for _, size, _ in reader.query(space, key.token, key.pk))


def _size_of(reader: Reader, space: int, key: ItemKey) -> int:
    row = reader.get(space, key.token, key.pk, b"")
    return row[0] if row else 0
