"""The writes of one item: what each wants to stand where something else stood."""

from __future__ import annotations

from typing import NamedTuple

import orjson

from .errors import DuplicateItemException, ValidationException
from .expressions import Condition, Update
from .indexes import (
    StoredItem,
    check_index_keys,
    check_index_kinds,
)
from .item_keys import ItemKey, key_of_item, key_of_request
from .key_paths import check_not_entered
from .schema import Table
from .values import Item, item_size, normalise_item

ITEM_BYTES_MAX = 400 * 1024


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
            item = self.update.apply(item)  # Also where nothing is there to change: it may fail.
            if old is None and not self.update.creates:
                return Decision(None, None)
        size = item_size(item)
        if size > ITEM_BYTES_MAX:
            raise ValidationException("Item size to update has exceeded the maximum allowed size")
        check_index_keys(table, item, self.update.top_level if self.update else ())
        return Decision(old, StoredItem(item, size, orjson.dumps(item)))


Write = PutWrite | DeleteWrite | UpdateWrite
"""One write of one item, prepared on the caller's thread."""
