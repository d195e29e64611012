"""A handler's transaction: writes that become durable together with the handler's position."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any, Protocol

import orjson

from ..engine import Database, Table
from ..engine.cause import Cause, current_cause
from ..engine.indexes import StoredItem
from ..engine.item_keys import ItemKey, key_of_request
from ..engine.model import validate_request
from ..engine.operations.transact_write_items import Action, Located, action_of
from ..engine.storage import Transaction
from ..engine.values import normalise_value
from ..engine.writes import Decision
from ..streams.checkpoints import read_follower
from .errors import ReadConflict
from .python_values import Item, item_to_python, item_to_wire, to_wire

OUTBOX = "pelton.outbox"
"""The table of the effects that are committed and not done yet."""

PAYLOAD_BYTES_MAX = 396 * 1024
"""An item may have 400 KB; the rest is for what the outbox keeps beside the payload."""

PythonItem = dict[str, Any]
Address = tuple[str, tuple[int, bytes, bytes]]


class Face(Protocol):
    """A table as its users see it, who may not see it as it is stored: `pelton.Table` is one."""

    @property
    def name(self) -> str: ...

    def stored_item(self, item: Mapping[str, Any]) -> Mapping[str, Any]: ...

    def stored_key(self, key: Mapping[str, Any]) -> Mapping[str, Any]: ...

    def original(self, item: Mapping[str, Any]) -> PythonItem: ...

    def check_update(self, expression: str, names: Mapping[str, str] | None) -> None: ...


TableName = str | Face


class HandlerWrites(ABC):
    """What a handler reads and writes through; everything commits with the position it reaches.

    Nothing is written while the handler runs. At the commit, items that were read must be what they
    were, else the handler is run again; an update of an item that was not read meets the item as it
    is then, so that counters never conflict. All writes of one item make one change, and the
    changes of one commit are one group in the streams, as those of TransactWriteItems are.
    Items are Python values; `table` is a `pelton.Table`, or the name of one whose items are meant
    as they are stored.
    """

    # --- for the handler -----------------------------------------------------------------------

    def put(self, table: TableName, item: Mapping[str, Any]) -> None:
        """Replaces an item whole, or creates it. Raises ValidationException as PutItem does."""
        stored = item if isinstance(table, str) else table.stored_item(item)
        self._add("Put", {"TableName": _name_of(table), "Item": item_to_wire(stored)})

    def update(
        self,
        table: TableName,
        key: Mapping[str, Any],
        expression: str,
        *,
        names: Mapping[str, str] | None = None,
        values: Mapping[str, Any] | None = None,
    ) -> None:
        """Changes an item by an update expression, or creates it.

        Raises ValidationException as UpdateItem does; what depends on the item shows at the commit.
        Raises ValueError where a table with write shards cannot be updated so.
        """
        if not isinstance(table, str):
            table.check_update(expression, names)
        request: dict[str, Any] = {
            "TableName": _name_of(table),
            "Key": _wire_key(table, key),
            "UpdateExpression": expression,
        }
        if names is not None:
            request["ExpressionAttributeNames"] = dict(names)
        if values is not None:
            request["ExpressionAttributeValues"] = {
                name: to_wire(value) for name, value in values.items()
            }
        self._add("Update", request)

    def delete(self, table: TableName, key: Mapping[str, Any]) -> None:
        """Removes an item if there is one. Raises ValidationException as DeleteItem does."""
        self._add("Delete", {"TableName": _name_of(table), "Key": _wire_key(table, key)})

    def get(self, table: TableName, key: Mapping[str, Any]) -> PythonItem | None:
        """The item of a key as this transaction sees it, its own writes included; None if none."""
        found = self._find(_name_of(table), _wire_key(table, key))
        if found is None:
            return None
        item = item_to_python(found)
        return item if isinstance(table, str) else table.original(item)

    def emit(self, effect: str, payload: Any, *, idempotency_key: str, order_key: str) -> None:
        """Has the function of an effect called with a payload once this transaction is committed.

        `Context.emit` fills in the keys: a text that no other effect has, and one that those share
        which are to happen in order. Raises ValueError for an effect that nobody has registered and
        for a payload of more than 396 KB, TypeError for one that an item cannot hold.
        """
        item = item_to_wire(
            {
                "order_key": order_key,
                "idempotency_key": idempotency_key,
                "effect": effect,
                "payload": payload,
            }
        )
        _, size_bytes = normalise_value(item["payload"])
        if size_bytes > PAYLOAD_BYTES_MAX:
            raise ValueError(
                f"the payload of effect {effect!r} has {size_bytes:,} bytes, and "
                f"{PAYLOAD_BYTES_MAX:,} are the most: put it into a table and emit its key"
            )
        self._emit(effect, item)

    # --- for what calls the handler ------------------------------------------------------------

    @abstractmethod
    def mark(self) -> int:
        """How much has been written so far, for `rewind`."""

    @abstractmethod
    def rewind(self, mark: int) -> None:
        """Forgets the writes since `mark` was taken."""

    # --- where they go -------------------------------------------------------------------------

    @abstractmethod
    def _add(self, kind: str, request: dict[str, Any]) -> None:
        """Keeps the request of a "Put", "Update" or "Delete". Raises ValidationException."""

    @abstractmethod
    def _find(self, table_name: str, wire_key: Item) -> Item | None:
        """The item of a key, both in wire form, as the transaction sees it."""

    @abstractmethod
    def _emit(self, effect: str, item: Item) -> None:
        """Keeps an item of the outbox. Raises ValueError where nobody has registered the effect."""


class HandlerTransaction(HandlerWrites):
    """The writes of one delivery, kept back until they are committed with its position."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._writes: list[Located] = []
        self._by_item: dict[Address, list[Located]] = {}
        self._updates: dict[bytes, Located] = {}
        """The updates so far by their requests: a counter counts the same thing many times."""
        self._reads: dict[Address, tuple[Table, ItemKey, bytes | None]] = {}
        self._causes: dict[Address, Cause] = {}
        """What the writes of each item follow from: of several, the one with the fewest calls."""
        # A handler whose time is up may still run, and must not write into what is committed.
        self._closing = Lock()
        self._is_open = True

    # --- for the worker ------------------------------------------------------------------------

    @property
    def has_writes(self) -> bool:
        return bool(self._writes)

    def mark(self) -> int:
        return len(self._writes)

    def rewind(self, mark: int) -> None:
        if len(self._writes) > mark:
            del self._writes[mark:]
            self._by_item = _grouped(self._writes)

    def close(self) -> None:
        """Refuses what a handler that has returned, or its threads, would still do."""
        with self._closing:
            self._is_open = False

    def answer(self, kind: object, question: list[Any]) -> Any:
        """Does what a handler in another process asks of its transaction. Raises what it meets."""
        answers: dict[object, Callable[..., Any]] = {
            "add": self._add,
            "find": self._find,
            "emit": self._emit,
        }
        if kind not in answers:
            raise ValueError(f"{kind!r} is nothing that a handler can ask for")
        return answers[kind](*question)

    def apply(self, transaction: Transaction) -> None:
        """Checks what was read, then does all writes; nothing is written when one cannot be done.

        Raises ReadConflict where an item that was read has changed, ValidationException where a
        write cannot be done.
        """
        self._check_reads(transaction)
        if not self._writes:
            return
        writer, at_ms = self._database.writer, self._database.clock.now_ms()
        changes = [_folded(self._database, transaction, each) for each in self._current()]
        group = transaction.next_sequence()
        try:
            for table, key, decision in changes:
                transaction.cause = self._causes.get((table.name, key.address))
                writer.apply(transaction, table, key, decision, at_ms=at_ms, group=group)
        finally:
            transaction.cause = None

    # --- inside --------------------------------------------------------------------------------

    def _add(self, kind: str, request: dict[str, Any]) -> None:
        self._check_open()
        located = (
            self._prepared_update(request) if kind == "Update" else self._prepare(kind, request)
        )
        with self._closing:
            self._check_open()
            self._writes.append(located)
            address = _address_of(located)
            self._by_item.setdefault(address, []).append(located)
            cause = current_cause.get()
            if cause is not None:
                known = self._causes.get(address)
                if known is None or cause.depth < known.depth:
                    self._causes[address] = cause

    def _prepared_update(self, request: dict[str, Any]) -> Located:
        try:
            known_by = orjson.dumps(request)
        except TypeError:  # a text or a name that is none: refused in its own words
            return self._prepare("Update", request)
        located = self._updates.get(known_by)
        if located is None:
            located = self._updates[known_by] = self._prepare("Update", request)
        return located

    def _prepare(self, kind: str, request: dict[str, Any]) -> Located:
        validate_request(f"{kind}Item", request)
        return _locate(self._database, action_of({kind: request}))

    def _emit(self, effect: str, item: Item) -> None:
        follower = self._database.store.look_up(lambda reader: read_follower(reader, effect))
        if follower is None or follower.table_name != OUTBOX:
            raise ValueError(
                f"there is no effect {effect!r}: register its function with "
                f"@app.effect({effect!r}), before the app is started"
            )
        self._add("Put", {"TableName": OUTBOX, "Item": item})

    def _find(self, table_name: str, wire_key: Item) -> Item | None:
        self._check_open()
        table = self._database.catalog.table(table_name)
        key = key_of_request(table, wire_key)
        address = (table.name, key.address)
        body = self._read(address, table, key, wire_key)
        stored = None if body is None else StoredItem(orjson.loads(body), 0, body)
        for write in self._by_item.get(address, ()):
            stored = write.action.write.decide(table, key, stored).new
        return None if stored is None else stored.item

    def _read(self, address: Address, table: Table, key: ItemKey, wire_key: Item) -> bytes | None:
        if address not in self._reads:
            # What was read is held against the item at the commit: only the latest will do.
            request = {"TableName": table.name, "Key": wire_key, "ConsistentRead": True}
            answer = self._database.call("GetItem", request, present=_unparsed)
            with self._closing:
                self._check_open()
                self._reads[address] = table, key, answer.get("Item")
        return self._reads[address][2]

    def _check_reads(self, transaction: Transaction) -> None:
        tables = self._database.catalog.tables
        for table, key, body in self._reads.values():
            current = tables.get(table.name)
            is_same = current is not None and current.space == table.space
            row = transaction.get(table.space, *key.address) if is_same else None
            if not is_same or (None if row is None else row[1]) != body:
                raise ReadConflict(f"an item of {table.name} has changed since it was read")

    def _current(self) -> list[list[Located]]:
        """The writes, item by item, with the tables as they are now."""
        tables = self._database.catalog.tables
        if any(tables.get(each.table.name) is not each.table for each in self._writes):
            again = [_locate(self._database, each.action) for each in self._writes]
            return list(_grouped(again).values())
        return list(self._by_item.values())

    def _check_open(self) -> None:
        if not self._is_open:
            raise RuntimeError("this transaction is over: it ends when its handler returns")


def _folded(
    database: Database, transaction: Transaction, writes: list[Located]
) -> tuple[Table, ItemKey, Decision]:
    """What all writes of one item make of it together."""
    action, table, key = writes[0]
    old, new = database.writer.decide(transaction, table, key, action.write)
    for each in writes[1:]:
        new = each.action.write.decide(table, key, new).new
    return table, key, Decision(old, new)


def _locate(database: Database, action: Action) -> Located:
    table = database.catalog.table(action.table_name)
    return Located(action, table, action.write.locate(table))


def _grouped(writes: list[Located]) -> dict[Address, list[Located]]:
    groups: dict[Address, list[Located]] = {}
    for each in writes:
        groups.setdefault(_address_of(each), []).append(each)
    return groups


def _address_of(located: Located) -> Address:
    return located.table.name, located.key.address


def _name_of(table: TableName) -> str:
    return table if isinstance(table, str) else table.name


def _wire_key(table: TableName, key: Mapping[str, Any]) -> Item:
    return item_to_wire(key if isinstance(table, str) else table.stored_key(key))


def _unparsed(body: bytes) -> bytes:
    return body
