"""Shards: the lineage of a stream. Each partition of a table writes to one open shard at a time."""

from __future__ import annotations

import hashlib
from bisect import insort
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import orjson

from ..engine.schema import StreamSettings, Table
from ..engine.storage import Reader, Transaction
from ..engine.storage.port import META_SPACE
from .sequence import to_wire

SHARD_KIND = b"shard"
SHARD_COUNTER = b"shard-counter"
VERSION_KIND = b"shard-version"
CHANGE_KIND = b"shard-change"

TRIMMED = "The data you are trying to access has been trimmed"

CHANGES_KEPT = 256
"""Whoever has missed more changes than these reads all shards again."""


@dataclass(frozen=True, slots=True)
class Shard:
    """A run of records of one partition, in commit order.

    `number` is its place in the store's log. Sequences are the store's own integers; `end_seq` is
    the last sequence that can belong to a closed shard, None while it is open.
    """

    number: int
    shard_id: str
    stream_arn: str
    table_name: str
    partition: int
    parent_id: str | None
    start_seq: int
    end_seq: int | None
    created_ms: int
    closed_ms: int | None = None
    trimmed_seq: int = 0
    """Records up to this sequence have been dropped by retention."""

    @property
    def is_open(self) -> bool:
        return self.end_seq is None

    def position_of(self, sequence: int) -> int:
        """The log position of a sequence: counted from the shard's start, so it stays small."""
        return max(0, sequence - self.start_seq + 1)

    def sequence_at(self, position: int) -> int:
        return self.start_seq + position - 1


def shard_id(created_ms: int, number: int, stream_arn: str) -> str:
    """An id of AWS's shape; ids of one stream sort in the order their shards were made."""
    suffix = hashlib.blake2b(f"{stream_arn}/{number}".encode(), digest_size=4).hexdigest()
    return f"shardId-{created_ms:020d}-{suffix}"


@dataclass(slots=True)
class Siblings:
    """The shards of one stream, kept in the order of their ids.

    Changed in place by the writer's thread, for copies of thousands would hold it up; the others
    take copies of their own, each in one step that no other thread can come between.
    """

    ids: list[str] = field(default_factory=list)
    by_id: dict[str, Shard] = field(default_factory=dict)

    def take(self, shard: Shard) -> None:
        if shard.shard_id not in self.by_id:
            insort(self.ids, shard.shard_id)
        self.by_id[shard.shard_id] = shard

    def drop(self, shard: Shard) -> None:
        if self.by_id.pop(shard.shard_id, None) is not None:
            self.ids.remove(shard.shard_id)

    def in_order(self) -> list[Shard]:
        found = map(self.by_id.get, self.ids.copy())
        return [shard for shard in found if shard is not None]


class ShardMap:
    """All shards of the region, mirrored in memory; changed only in the writer's transactions.

    A journal of the last changes in the store lets other processes take in those alone. How far a
    shard was trimmed is in no journal: `trimmed_of` asks the snapshot that is read.
    """

    def __init__(self) -> None:
        self.by_number: dict[int, Shard] = {}
        self.by_stream: dict[str, Siblings] = {}
        """The shards of each stream ARN; streams whose shards have all gone are not in it."""
        self.open: dict[tuple[str, int], Shard] = {}
        """The open shard of each (stream ARN, partition), as the writer's thread sees them."""
        self._version = -1

    # --- reading -------------------------------------------------------------------------------

    def load(self, reader: Reader) -> None:
        """Takes in what the store holds, when another process (or nobody yet) has read it."""
        version = _version_of(reader)
        missed = version - self._version
        if missed == 0:
            return
        if self._version >= 0 and 0 < missed <= CHANGES_KEPT:
            self._load_changes(reader, self._version)
        else:
            self._load_all(reader)
        self.open = {
            (shard.stream_arn, shard.partition): shard for shard in self.all() if shard.is_open
        }
        self._version = version

    def _load_all(self, reader: Reader) -> None:
        loaded = ShardMap()
        for _, size, body in reader.query(META_SPACE, 0, SHARD_KIND):
            loaded._take(_from_row(size, body))
        self.by_number, self.by_stream = loaded.by_number, loaded.by_stream

    def _load_changes(self, reader: Reader, since: int) -> None:
        low = (since + 1).to_bytes(8, "big")
        changed = {number for _, number, _ in reader.query(META_SPACE, 0, CHANGE_KIND, low=low)}
        for number in sorted(changed):
            shard = self.stored(reader, number)
            if shard is not None:
                self._take(shard)
            elif number in self.by_number:
                self._drop(self.by_number[number])

    def of_stream(self, stream_arn: str) -> list[Shard]:
        """The stream's shards in the order of their ids."""
        siblings = self.by_stream.get(stream_arn)
        return [] if siblings is None else siblings.in_order()

    def find(self, stream_arn: str, wanted_id: str) -> Shard | None:
        siblings = self.by_stream.get(stream_arn)
        return None if siblings is None else siblings.by_id.get(wanted_id)

    def all(self) -> list[Shard]:
        """Every shard of the region, in no order."""
        return list(self.by_number.values())

    def stored(self, reader: Reader, number: int) -> Shard | None:
        """A shard as the store holds it now, whatever this transaction has done to it."""
        row = reader.get(META_SPACE, 0, SHARD_KIND, _key_of(number))
        return None if row is None else _from_row(*row)

    def stored_of(self, reader: Reader, stream_arn: str) -> list[Shard]:
        """The shards of a stream as a snapshot holds them, in the order they were made."""
        named = stream_arn.encode()
        return [
            shard
            for _, size, body in reader.query(META_SPACE, 0, SHARD_KIND)
            if named in body and (shard := _from_row(size, body)).stream_arn == stream_arn
        ]

    def newest_number(self, reader: Reader) -> int:
        """The number of the shard that was made last in the region; numbers have no gaps."""
        row = reader.get(META_SPACE, 0, SHARD_COUNTER, b"")
        return row[0] if row else 0

    def trimmed_of(self, reader: Reader, number: int) -> int | None:
        """The last sequence that was dropped from a shard, 0 before that; None: the shard is gone.

        Whoever reads records asks in the same snapshot, or a hole could look like an end.
        """
        row = reader.get(META_SPACE, 0, SHARD_KIND, _key_of(number))
        return None if row is None else row[0]

    # --- changing ------------------------------------------------------------------------------

    def open_shard(
        self,
        transaction: Transaction,
        table: Table,
        stream: StreamSettings,
        partition: int,
        at_ms: int,
        parent: Shard | None = None,
    ) -> Shard:
        """Makes the partition's next shard; its records come after every sequence given so far."""
        number = self.newest_number(transaction) + 1
        transaction.put(META_SPACE, 0, SHARD_COUNTER, b"", number, b"")
        # Ids carry the time in milliseconds; a child made in its parent's millisecond comes later.
        created_ms = at_ms if parent is None else max(at_ms, parent.created_ms + 1)
        shard = Shard(
            number=number,
            shard_id=shard_id(created_ms, number, stream.arn),
            stream_arn=stream.arn,
            table_name=table.name,
            partition=partition,
            parent_id=parent.shard_id if parent else None,
            start_seq=transaction.next_sequence(),
            end_seq=None,
            created_ms=created_ms,
        )
        self.save(transaction, shard)
        return shard

    def close_shard(self, transaction: Transaction, shard: Shard, at_ms: int) -> Shard:
        # As it is stored, for the mirror need not know how far it was trimmed.
        current = self.stored(transaction, shard.number) or shard
        closed = replace(current, end_seq=transaction.next_sequence(), closed_ms=at_ms)
        self.save(transaction, closed)
        return closed

    def save(self, transaction: Transaction, shard: Shard) -> None:
        """Keeps a shard: writes that commit with this one see it at once, readers afterwards."""
        self.keep_trimmed(transaction, shard)
        before = self.open
        self.open = _with_shard(before, shard)
        transaction.after_rollback(lambda: self._restore(before))
        self._note_change(transaction, shard.number)

    def keep_trimmed(self, transaction: Transaction, shard: Shard) -> None:
        """Keeps a shard of which nothing but `trimmed_seq` has changed."""
        body = orjson.dumps(asdict(shard))
        transaction.put(META_SPACE, 0, SHARD_KIND, _key_of(shard.number), shard.trimmed_seq, body)
        transaction.after_commit(lambda: self._take(shard))

    def remove(self, transaction: Transaction, shard: Shard) -> None:
        transaction.delete(META_SPACE, 0, SHARD_KIND, _key_of(shard.number))
        transaction.after_commit(lambda: self._drop(shard))
        self._note_change(transaction, shard.number)

    def _note_change(self, transaction: Transaction, number: int) -> None:
        version = _version_of(transaction) + 1
        transaction.put(META_SPACE, 0, VERSION_KIND, b"", version, b"")
        transaction.put(META_SPACE, 0, CHANGE_KIND, version.to_bytes(8, "big"), number, b"")
        if version > CHANGES_KEPT:
            old = (version - CHANGES_KEPT).to_bytes(8, "big")
            transaction.delete(META_SPACE, 0, CHANGE_KIND, old)
        transaction.after_commit(lambda: self._reach(version))

    def _reach(self, version: int) -> None:
        self._version = version

    def _restore(self, before: dict[tuple[str, int], Shard]) -> None:
        self.open = before

    def _take(self, shard: Shard) -> None:
        self.by_number[shard.number] = shard
        self.by_stream.setdefault(shard.stream_arn, Siblings()).take(shard)

    def _drop(self, shard: Shard) -> None:
        self.by_number.pop(shard.number, None)
        siblings = self.by_stream.get(shard.stream_arn)
        if siblings is not None:
            siblings.drop(shard)
            if not siblings.ids:
                del self.by_stream[shard.stream_arn]


def _key_of(number: int) -> bytes:
    return number.to_bytes(4, "big")


def _from_row(size: int, body: bytes) -> Shard:
    shard = Shard(**orjson.loads(body))
    return shard if shard.trimmed_seq == size else replace(shard, trimmed_seq=size)


def _version_of(reader: Reader) -> int:
    row = reader.get(META_SPACE, 0, VERSION_KIND, b"")
    return row[0] if row else 0


def _with_shard(shards: dict[tuple[str, int], Shard], shard: Shard) -> dict[tuple[str, int], Shard]:
    """The open shards after `shard` was opened, changed or closed."""
    key = (shard.stream_arn, shard.partition)
    if shard.is_open:
        return {**shards, key: shard}
    current = shards.get(key)
    if current is None or current.number != shard.number:
        return shards
    return {each: value for each, value in shards.items() if each != key}


def describe_shard(shard: Shard) -> dict[str, Any]:
    """A Shard member of DescribeStream."""
    sequences = {"StartingSequenceNumber": to_wire(shard.start_seq)}
    if shard.end_seq is not None:
        sequences["EndingSequenceNumber"] = to_wire(shard.end_seq)
    described: dict[str, Any] = {"ShardId": shard.shard_id, "SequenceNumberRange": sequences}
    if shard.parent_id is not None:
        described["ParentShardId"] = shard.parent_id
    return described
