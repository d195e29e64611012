"""Index entries: which row of which index an item has, and how a write changes them."""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import Any, NamedTuple

import orjson

from .errors import ValidationException
from .keys import (
    PARTITION_KEY_BYTES_MAX,
    SORT_KEY_BYTES_MAX,
    encode_part,
    raw_bytes,
    token_of,
)
from .schema import Index, Table
from .storage import Transaction
from .values import Item, item_size

SURELY_SHORT = SORT_KEY_BYTES_MAX // 4
"""A key value of no more characters cannot be too long, whatever its type: most need no look."""


class IndexEntry(NamedTuple):
    """The row an item has in one index."""

    token: int
    pk: bytes
    sk: bytes
    size: int
    body: bytes


EntryChange = tuple[Index, IndexEntry | None, IndexEntry | None]
"""An index with the entry an item had in it and the one it gets; None where there is none."""


class StoredItem(NamedTuple):
    """An item with what is known of it: parsed, its size in bytes, and as stored JSON."""

    item: Item
    size: int
    body: bytes

    def parsed(self) -> StoredItem:
        """With its `item`, which a reader that needs only the body has left empty."""
        return self if self.item else self._replace(item=orjson.loads(self.body))


def check_index_kinds(table: Table, kinds: Iterable[tuple[str, str]]) -> None:
    """Raises ValidationException where an attribute is to get another type than an index demands.

    `kinds` are attributes with their types to be. AWS looks at global indexes first.
    """
    types = table.attribute_types
    wrong = {name: kind for name, kind in kinds if types.get(name, kind) != kind}
    if not wrong:
        return
    for index in sorted(table.indexes, key=lambda index: index.is_local):
        for name in index.key.names:
            if name in wrong:
                raise _mismatch(table, index, name, wrong[name])


def _mismatch(table: Table, index: Index, name: str, actual: str) -> ValidationException:
    return ValidationException(
        f"One or more parameter values were invalid: Type mismatch for Index Key {name} Expected: "
        f"{table.attribute_types[name]} Actual: {actual} IndexName: {index.name}"
    )


def check_index_keys(table: Table, item: Item, written: Container[str] | None = None) -> None:
    """Raises ValidationException when an attribute has another type than an index demands.

    Of an update only the attributes that are `written` are looked at (all when None): an item that
    never fitted an index made later may still be updated elsewhere.
    """
    for index in table.indexes:
        for name in index.key.names:
            value = item.get(name)
            if value is None or (written is not None and name not in written):
                continue
            expected = table.attribute_types[name]
            ((actual, content),) = value.items()
            if actual != expected:
                if written is None:
                    raise _mismatch(table, index, name, actual)
                raise ValidationException(
                    "The update expression attempted to update the secondary index key to "
                    "unsupported type"
                )
            if content == "":
                kind = "string" if actual == "S" else "binary"
                raise ValidationException(
                    "One or more parameter values are not valid. A value specified for a "
                    f"secondary index key is not supported. The AttributeValue for a key attribute "
                    f"cannot contain an empty {kind} value. IndexName: {index.name}, "
                    f"IndexKey: {name}"
                )
            if len(content) > SURELY_SHORT:
                _check_size(index, name, actual, content)


def _check_size(index: Index, name: str, attribute_type: str, content: str) -> None:
    size, size_max = len(raw_bytes(attribute_type, content)), _bytes_max(index, name)
    if size > size_max:
        raise ValidationException(
            "One or more parameter values were invalid: Size limit exceeded for Index Key "
            f"{name} Actual Size: {size} bytes Max Size: {size_max} bytes IndexName: {index.name}"
        )


def _bytes_max(index: Index, name: str) -> int:
    return PARTITION_KEY_BYTES_MAX if name in index.key.partitions else SORT_KEY_BYTES_MAX


def index_entry(
    table: Table, index: Index, stored: StoredItem, token: int, pk: bytes, sk: bytes
) -> IndexEntry | None:
    """The item's row in an index, or None when it lacks a key attribute of it or has one that
    cannot be a key, by its type or size (it was put before the index was made).

    `token`, `pk` and `sk` address the item in the table; they end the entry's sort key, so that
    items with equal index keys stand beside each other.
    """
    item, types = stored.item, table.attribute_types
    for name in index.key.names:
        kind = types[name]
        content = item[name].get(kind) if name in item else None
        if not content:
            return None
        if len(content) > SURELY_SHORT and len(raw_bytes(kind, content)) > _bytes_max(index, name):
            return None
    entry_sk = encode_index_parts(table, index.key.sorts, item) + pk + sk
    if index.is_local:
        entry_token, entry_pk = token, pk
    else:
        entry_pk = encode_index_parts(table, index.key.partitions, item)
        entry_token = token_of(entry_pk)
    if index.projection == "ALL":
        return IndexEntry(entry_token, entry_pk, entry_sk, stored.size, stored.body)
    projected = {name: item[name] for name in projected_names(table, index) if name in item}
    body = orjson.dumps(projected)
    return IndexEntry(entry_token, entry_pk, entry_sk, item_size(projected), body)


def encode_index_parts(table: Table, names: tuple[str, ...], item: Item) -> bytes:
    """The values of key attributes, one behind the other; they sort as a tuple of them does."""
    encoded = b""
    for name in names:
        attribute_type = table.attribute_types[name]
        encoded += encode_part(attribute_type, item[name][attribute_type])
    return encoded


def projected_names(table: Table, index: Index) -> tuple[str, ...]:
    """The attributes an index keeps, without duplicates; meaningless for projection ALL."""
    names: dict[str, Any] = dict.fromkeys((*table.key.names, *index.key.names))
    if index.projection == "INCLUDE":
        names.update(dict.fromkeys(index.non_key_attributes))
    return tuple(names)


def entry_changes(
    table: Table,
    address: tuple[int, bytes, bytes],
    old: StoredItem | None,
    new: StoredItem | None,
) -> list[EntryChange]:
    """What one change of one item changes in the table's indexes."""
    changes: list[EntryChange] = []
    for index in table.indexes:
        before = index_entry(table, index, old, *address) if old else None
        after = index_entry(table, index, new, *address) if new else None
        if before != after:
            changes.append((index, before, after))
    return changes


def rewrite_entries(transaction: Transaction, changes: Iterable[EntryChange]) -> None:
    """Makes the rows of indexes follow the changes."""
    for index, before, after in changes:
        if index.is_backfilling and before and not transaction.get(index.space, *before[:3]):
            before = None  # not filled in yet
        if before is not None and (after is None or before[:3] != after[:3]):
            transaction.delete(index.space, before.token, before.pk, before.sk)
        if after is not None:
            transaction.put(index.space, *after)
        transaction.tally(
            index.space,
            (after is not None) - (before is not None),
            (after.size if after else 0) - (before.size if before else 0),
        )
