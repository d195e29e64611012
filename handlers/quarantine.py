"""Quarantine: items whose changes are kept back, in order, since one of them could not be done.

For each mapping the store knows the keys of the items that are set aside, and of each the sequences
of its letters that are still held: the record that failed and all that came behind it. Both change
in writer transactions alone: a record is held in the commit that moves the position past it, and an
item is let out in the commit that takes its last held letter. So what comes next of the item is
either held behind the others, or delivered after all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from operator import attrgetter

import orjson

from ..engine import Database, PeltonError
from ..engine.storage import Reader, Transaction
from ..engine.storage.port import META_SPACE
from ..streams import Record
from .dead_letters import item_key_of

ITEM_KIND = b"quarantine"
HELD_KIND = b"quarantine-held"

_SEQUENCE_BYTES = 8
_sequence_of = attrgetter("sequence")

Choose = Callable[[list[Record]], list[Record]]


# --- in the store ---------------------------------------------------------------------------------


def items_set_aside(reader: Reader, mapping: str) -> set[bytes]:
    """The keys, as JSON, of the items of a mapping that are set aside."""
    prefix = _prefix(mapping)
    rows = reader.query(META_SPACE, 0, ITEM_KIND, low=prefix, high=_behind(prefix))
    return {sk[len(prefix) :] for sk, _, _ in rows}


def mappings_with_items(reader: Reader) -> set[str]:
    """The names of the mappings that have set items aside."""
    rows = reader.query(META_SPACE, 0, ITEM_KIND)
    return {sk.partition(b"\0")[0].decode() for sk, _, _ in rows}


def is_set_aside(reader: Reader, mapping: str, item_key: bytes) -> bool:
    return reader.get(META_SPACE, 0, ITEM_KIND, _prefix(mapping) + item_key) is not None


def set_aside(transaction: Transaction, mapping: str, record: Record, at_ms: int) -> None:
    """Sets a record's item aside, and holds the record."""
    key = _prefix(mapping) + item_key_of(record)
    if transaction.get(META_SPACE, 0, ITEM_KIND, key) is None:
        body = orjson.dumps({"since_ms": at_ms})
        transaction.put(META_SPACE, 0, ITEM_KIND, key, 0, body)
    hold(transaction, mapping, record)


def hold(transaction: Transaction, mapping: str, record: Record) -> None:
    """Holds a record of an item that is set aside. Raises LetOutMeanwhile where it is no longer."""
    item_key = item_key_of(record)
    if not is_set_aside(transaction, mapping, item_key):
        raise LetOutMeanwhile(f"{item_key.decode()} has been let out of quarantine")
    transaction.put(META_SPACE, 0, HELD_KIND, _held_key(mapping, item_key, record.sequence), 0, b"")


def held_sequences(reader: Reader, mapping: str, item_key: bytes) -> list[int]:
    """The sequences of an item's records that are held, in order."""
    return list(_held(reader, mapping, item_key))


def let_go(transaction: Transaction, mapping: str, item_key: bytes, sequence: int) -> None:
    """Holds a record no longer, if it was held; lets its item out if that was the last."""
    if not is_set_aside(transaction, mapping, item_key):
        return
    transaction.delete(META_SPACE, 0, HELD_KIND, _held_key(mapping, item_key, sequence))
    if not any(True for _ in _held(transaction, mapping, item_key)):
        transaction.delete(META_SPACE, 0, ITEM_KIND, _prefix(mapping) + item_key)


def forget_items(transaction: Transaction, mapping: str) -> None:
    """Lets all items of a mapping out; what was held of them stays as dead letters."""
    prefix = _prefix(mapping)
    for kind in (ITEM_KIND, HELD_KIND):
        rows = transaction.query(META_SPACE, 0, kind, low=prefix, high=_behind(prefix))
        for sk in [sk for sk, _, _ in rows]:
            transaction.delete(META_SPACE, 0, kind, sk)


class LetOutMeanwhile(PeltonError):
    """Raised when a record was to be held whose item is no longer set aside: it is delivered."""


# --- for the workers ------------------------------------------------------------------------------


class Quarantine:
    """The items of a mapping that are set aside, as its workers know them.

    They may know of items that were let out since: `hold` finds out, and they look again. They
    never miss one, for only they set items aside.
    """

    def __init__(self, database: Database, mapping: str) -> None:
        self.mapping = mapping
        self._database = database
        self._items: frozenset[bytes] = frozenset()
        self.look_again()

    def __bool__(self) -> bool:
        return bool(self._items)

    def has(self, record: Record) -> bool:
        """Whether a record is of an item that is set aside, as far as is known."""
        return bool(self._items) and item_key_of(record) in self._items

    def look_again(self) -> None:
        """Reads what the store has: after items were set aside, and when one was let out."""
        self._items = frozenset(
            self._database.store.read(lambda reader: items_set_aside(reader, self.mapping))
        )


class Sieve:
    """Keeps records of items that are set aside from those that are delivered.

    They wait here until the position moves past them, and are held in that commit.
    """

    def __init__(self, choose: Choose, quarantine: Quarantine) -> None:
        self._choose = choose
        self._quarantine = quarantine
        self._waiting: list[Record] = []

    def __call__(self, records: list[Record]) -> list[Record]:
        """The records that are to be delivered."""
        return self._sift(self._choose(records))

    def sift_again(self, records: list[Record]) -> list[Record]:
        """The same for records that were to be delivered, and those waiting, as things are now."""
        records = sorted([*records, *self._waiting], key=_sequence_of)
        self._waiting = []
        return self._sift(records)

    def _sift(self, records: list[Record]) -> list[Record]:
        if not self._quarantine:
            return records
        free: list[Record] = []
        for record in records:
            (self._waiting if self._quarantine.has(record) else free).append(record)
        return free

    def until(self, sequence: int) -> list[Record]:
        """Those waiting that a position at `sequence` is past."""
        if not self._waiting:
            return []
        return [record for record in self._waiting if record.sequence <= sequence]

    def forget(self, sequence: int) -> None:
        """Those up to `sequence` are held now."""
        if self._waiting:
            self._waiting = [record for record in self._waiting if record.sequence > sequence]

    def begin_again(self) -> None:
        """All records behind the position are read again."""
        self._waiting = []


def _held(reader: Reader, mapping: str, item_key: bytes) -> Iterator[int]:
    prefix = _held_key(mapping, item_key)
    for sk, _, _ in reader.query(META_SPACE, 0, HELD_KIND, low=prefix, high=_behind(prefix)):
        yield int.from_bytes(sk[-_SEQUENCE_BYTES:], "big")


def _prefix(mapping: str) -> bytes:
    return mapping.encode() + b"\0"


def _held_key(mapping: str, item_key: bytes, sequence: int | None = None) -> bytes:
    # No JSON has a zero byte, so that no item's rows are among those of another.
    last = b"" if sequence is None else sequence.to_bytes(_SEQUENCE_BYTES, "big")
    return _prefix(mapping) + item_key + b"\0" + last


def _behind(prefix: bytes) -> bytes:
    """The first key behind those that begin with a prefix that ends in a zero byte."""
    return prefix[:-1] + b"\1"
