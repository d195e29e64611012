"""Writes of one item: decide on what stands there, then apply, with its indexes and observers.

The two steps are apart because a transaction decides all its actions before it applies any.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol
from zlib import adler32

import orjson

from .changes import Change, ChangeObserver
from .errors import (
    ConditionalCheckFailedException,
    DuplicateItemException,
    ValidationException,
)
from .expressions import Condition, Update
from .indexes import (
    EntryChange,
    StoredItem,
    check_index_keys,
    check_index_kinds,
    entry_changes,
    rewrite_entries,
)
from .item_collections import COLLECTION_BYTES_MAX, growth_bytes, resize_collection
from .key_paths import check_not_entered
from .keys import (
    PARTITION_KEY_BYTES_MAX,
    SORT_KEY_BYTES_MAX,
    TERMINATOR,
    escape,
    raw_bytes,
    token_of,
)
from .schema import Table
from .storage import Reader, Transaction
from .time_to_live import move_expiry
from .values import Item, item_size, items_equal, normalise_item

ITEM_BYTES_MAX = 400 * 1024


class ItemKey(NamedTuple):
    """Where an item stands: its row's address, and its key attributes as on the wire."""

    address: tuple[int, bytes, bytes]
    attributes: Item
    size: int

    @property
    def token(self) -> int:
        return self.address[0]

    @property
    def pk(self) -> bytes:
        return self.address[1]


def key_of_item(table: Table, item: Item) -> ItemKey:
    """The key of an item that is to be put. Raises ValidationException in PutItem's words."""
    types = table.attribute_types
    for name in table.key.names:
        value = item.get(name)
        if value is None:
            raise ValidationException(
                f"One or more parameter values were invalid: Missing the key {name} in the item"
            )
        if types[name] not in value:
            raise ValidationException(
                f"One or more parameter values were invalid: Type mismatch for key {name} "
                f"expected: {types[name]} actual: {next(iter(value))}"
            )
    return _encode_key(table, item, "One or more parameter values are not valid.")


_NO_VALUE: dict[str, str] = {}


def key_of_request(table: Table, key: Item) -> ItemKey:
    """The key of a request's `Key` member. Raises ValidationException in GetItem's words."""
    names, types = table.key.names, table.attribute_types
    fits = len(key) == len(names)
    is_canonical = True
    for name in names:
        value = key.get(name, _NO_VALUE)
        if not fits or types[name] not in value:
            raise ValidationException("The provided key element does not match the schema")
        if len(value) != 1 or type(value.get("S")) is not str:
            is_canonical = False  # or not known to be: strings are, and most keys are strings
    if not is_canonical:
        key, _ = normalise_item(key)
    return _encode_key(table, key, "One or more parameter values were invalid:")


def _encode_key(table: Table, item: Item, when_empty: str) -> ItemKey:
    """The key in an item; `when_empty` is how AWS begins its words of an empty attribute there."""
    partition, sort = table.key.partition, table.key.sort
    raw, size = _key_part(table, partition, item, when_empty)
    if len(raw) > PARTITION_KEY_BYTES_MAX:
        raise ValidationException(
            "One or more parameter values were invalid: "
            "Size of hashkey has exceeded the maximum size limit of2048 bytes"
        )
    pk = escape(raw) + TERMINATOR
    if sort is None:
        return ItemKey((token_of(pk), pk, b""), {partition: item[partition]}, size)
    raw, sort_size = _key_part(table, sort, item, when_empty)
    if len(raw) > SORT_KEY_BYTES_MAX:
        raise ValidationException(
            "One or more parameter values were invalid: "
            "Aggregated size of all range keys has exceeded the size limit of 1024 bytes"
        )
    attributes = {partition: item[partition], sort: item[sort]}
    address = (token_of(pk), pk, escape(raw) + TERMINATOR)
    return ItemKey(address, attributes, size + sort_size)


def _key_part(table: Table, name: str, item: Item, when_empty: str) -> tuple[bytes, int]:
    """The raw bytes of a key attribute, and its size (name and value) by DynamoDB's rule."""
    attribute_type = table.attribute_types[name]
    value = item[name]
    content = value[attribute_type]
    raw = content.encode() if attribute_type == "S" else raw_bytes(attribute_type, content)
    if not raw:
        kind = "string" if attribute_type == "S" else "binary"
        raise ValidationException(
            f"{when_empty} The AttributeValue for a key attribute cannot contain an empty {kind} "
            f"value. Key: {name}"
        )
    if attribute_type == "N":
        return raw, item_size({name: value})
    return raw, (len(name) if name.isascii() else len(name.encode())) + len(raw)


class Decision(NamedTuple):
    """What a write found and what it wants to stand there instead; `new` None means nothing."""

    old: StoredItem | None
    new: StoredItem | None


class PutWrite:
    """Replaces an item whole. Raises ValidationException at once for an item that cannot be put."""

    __slots__ = ("condition", "new")
    reads_item = False

    def __init__(self, item: Item, condition: Condition | None) -> None:
        item, size = normalise_item(item)
        if size > ITEM_BYTES_MAX:
            raise ValidationException("Item size has exceeded the maximum allowed size")
        self.condition = condition
        self.new = StoredItem(item, size, orjson.dumps(item))

    def locate(self, table: Table) -> ItemKey:
        key = key_of_item(table, self.new.item)
        check_index_keys(table, self.new.item)
        return key

    def decide(self, table: Table, key: ItemKey, old: StoredItem | None) -> Decision:
        return Decision(old, self.new)


class InsertWrite(PutWrite):
    """Puts an item where there is none: PartiQL's INSERT."""

    __slots__ = ()

    def decide(self, table: Table, key: ItemKey, old: StoredItem | None) -> Decision:
        if old is not None:
            raise DuplicateItemException("Duplicate primary key exists in table")
        return Decision(None, self.new)


class DeleteWrite:
    """Removes an item, if there is one."""

    __slots__ = ("condition", "key")
    reads_item = False

    def __init__(self, key: Item, condition: Condition | None) -> None:
        self.key = key
        self.condition = condition

    def locate(self, table: Table) -> ItemKey:
        return key_of_request(table, self.key)

    def decide(self, table: Table, key: ItemKey, old: StoredItem | None) -> Decision:
        return Decision(old, None)


class CheckWrite(DeleteWrite):
    """Changes nothing: a transaction's ConditionCheck."""

    __slots__ = ()

    def decide(self, table: Table, key: ItemKey, old: StoredItem | None) -> Decision:
        return Decision(old, old)


class UpdateWrite:
    """Changes an item by an update expression, or creates it."""

    __slots__ = ("condition", "key", "update")
    reads_item = True

    def __init__(self, key: Item, update: Update | None, condition: Condition | None) -> None:
        self.key = key
        self.update = update
        self.condition = condition

    def locate(self, table: Table) -> ItemKey:
        key = key_of_request(table, self.key)
        if self.update is not None:
            for name in table.key.names:
                if name in self.update.top_level:
                    raise ValidationException(
                        "One or more parameter values were invalid: "
                        f"Cannot update attribute {name}. This attribute is part of the key"
                    )
            if table.indexes:
                check_index_kinds(table, self.update.kinds)
            if self.update.entered:
                check_not_entered(table, self.update.entered)
        return key

    def decide(self, table: Table, key: ItemKey, old: StoredItem | None) -> Decision:
        item = old.item if old else key.attributes
        if self.update is not None:
            if old is None and not self.update.creates:
                return Decision(None, None)
            item = self.update.apply(item)
        size = item_size(item)
        if size > ITEM_BYTES_MAX:
            raise ValidationException("Item size to update has exceeded the maximum allowed size")
        check_index_keys(table, item, self.update.top_level if self.update else ())
        return Decision(old, StoredItem(item, size, orjson.dumps(item)))


Write = PutWrite | DeleteWrite | UpdateWrite
"""One write of one item, prepared on the caller's thread."""


class RowHistory(Protocol):
    """What wants to know rows of tables and indexes as they were before a change."""

    def recording(self, transaction: Transaction, table: Table) -> Transaction:
        """The transaction, through which the rows of this table and its indexes change."""


class ItemWriter:
    """Decides and applies writes, telling the observers of each change in its transaction."""

    def __init__(
        self, observers: list[ChangeObserver], collection_bytes_max: int = COLLECTION_BYTES_MAX
    ) -> None:
        self._observers = observers
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
        if old is new or (old is not None and new is not None and _equal(old, new)):
            return
        old_size, new_size = old.size if old else 0, new.size if new else 0
        changes: Sequence[EntryChange] = ()
        if table.indexes:
            old = old and old.parsed()
            changes = entry_changes(table, key.address, old, new)
            if table.collection_space is not None:
                grown = growth_bytes(old, new, changes)
                resize_collection(
                    transaction, table.collection_space, key, grown, self.collection_bytes_max
                )
        rows = transaction if self.history is None else self.history.recording(transaction, table)
        if new is None:
            rows.delete(table.space, *key.address)
        else:
            rows.put(table.space, *key.address, new.size, new.body)
        transaction.tally(table.space, (new is not None) - (old is not None), new_size - old_size)
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
