"""Shards: the lineage of a stream. Each partition of a table writes to one open shard at a time."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, replace
from typing import Any

import orjson

from ..engine.schema import StreamSettings, Table
from ..engine.storage import Reader, Transaction
from ..engine.storage.port import META_SPACE
from .sequence import to_wire

SHARD_KIND = b"shard"
SHARD_COUNTER = b"shard-counter"


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


class ShardMap:
    """All shards of the region, mirrored in memory; changed only in the writer's transactions."""

    def __init__(self) -> None:
        self.by_number: dict[int, Shard] = {}
        self.open: dict[tuple[str, int], Shard] = {}
        """The open shard of each (stream ARN, partition), as the writer's thread sees them."""

    def load(self, reader: Reader) -> None:
        shards = [
            Shard(**orjson.loads(body)) for _, _, body in reader.query(META_SPACE, 0, SHARD_KIND)
        ]
        self.by_number = {shard.number: shard for shard in shards}
        self.open = {
            (shard.stream_arn, shard.partition): shard for shard in shards if shard.is_open
        }

    def of_stream(self, stream_arn: str) -> list[Shard]:
        """The stream's shards in the order of their ids."""
        shards = [each for each in self.by_number.values() if each.stream_arn == stream_arn]
        return sorted(shards, key=lambda shard: shard.shard_id)

    def find(self, stream_arn: str, wanted_id: str) -> Shard | None:
        return next(
            (shard for shard in self.of_stream(stream_arn) if shard.shard_id == wanted_id), None
        )

    def stored(self, reader: Reader, number: int) -> Shard | None:
        """A shard as the store holds it now, whatever this transaction has done to it."""
        row = reader.get(META_SPACE, 0, SHARD_KIND, number.to_bytes(4, "big"))
        return None if row is None else Shard(**orjson.loads(row[1]))

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
        row = transaction.get(META_SPACE, 0, SHARD_COUNTER, b"")
        number = (row[0] if row else 0) + 1
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
        closed = replace(shard, end_seq=transaction.next_sequence(), closed_ms=at_ms)
        self.save(transaction, closed)
        return closed

    def save(self, transaction: Transaction, shard: Shard) -> None:
        """Keeps a shard: writes that commit with this one see it at once, readers afterwards."""
        key = shard.number.to_bytes(4, "big")
        transaction.put(META_SPACE, 0, SHARD_KIND, key, 0, orjson.dumps(asdict(shard)))
        before = self.open
        self.open = _with_shard(before, shard)
        transaction.after_rollback(lambda: self._restore(before))
        transaction.after_commit(lambda: self._take(shard))

    def remove(self, transaction: Transaction, shard: Shard) -> None:
        transaction.delete(META_SPACE, 0, SHARD_KIND, shard.number.to_bytes(4, "big"))
        transaction.after_commit(lambda: self._drop(shard))

    def _restore(self, before: dict[tuple[str, int], Shard]) -> None:
        self.open = before

    def _take(self, shard: Shard) -> None:
        # A new dict, not a changed one: readers on other threads hold the one they have.
        self.by_number = {**self.by_number, shard.number: shard}

    def _drop(self, shard: Shard) -> None:
        self.by_number = {
            number: each for number, each in self.by_number.items() if number != shard.number
        }


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
