"""Retention: records older than a day leave, in chunks so short that no writer waits for them.

What a mapping has pinned stays. What another has missed is counted as its loss.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from ..engine import Database
from ..engine.storage import Reader, Transaction
from ..engine.storage.port import POSITION_MAX, LogPrefix
from .checkpoints import followers_of
from .losses import gather_losses, note_losses
from .pins import pinned_behind
from .shards import Shard, ShardMap
from .stream import StreamMap

CHUNK_RECORDS = 64
CHUNK_BYTES_MAX = 128 * 1024
CHUNK_RECORDS_MAX = 5_000
REST_TIMES = 4.0
"""How much longer the rest behind a chunk is than the chunk was, so that few writes meet one."""
RELEASE_BYTES_MIN = 128 * 1024
"""A chunk gives twice what it dropped back to the file system, and at least this: to move a page to
where one has become free takes longer than to drop what was on it.
"""

Rest = Callable[[float], bool]
"""Lets so many seconds pass, for others to write in; True has the trimming stop for now."""


class _Pace:
    """How many records a chunk drops: no megabyte, but twice what was written since the last one.

    So trimming keeps up with its rests too, however many write meanwhile.
    """

    def __init__(self, records: int) -> None:
        self._records = records
        self._sequence: int | None = None

    def find(self, transaction: Transaction, number: int, before_ms: int, until: int) -> LogPrefix:
        """Which of a shard's expired records the next chunk drops."""
        before, now = self._sequence, transaction.next_sequence()
        self._sequence = now
        least = 1 if before is None else min(2 * (now - before), CHUNK_RECORDS_MAX)
        return transaction.log_expired(
            number,
            before_ms,
            until,
            limit=max(self._records, least),
            least=least,
            size_bytes_max=CHUNK_BYTES_MAX,
        )


def trim_expired(
    database: Database,
    shards: ShardMap,
    streams: StreamMap,
    retention_ms: int,
    *,
    chunk_records: int = CHUNK_RECORDS,
    rest: Rest | None = None,
) -> int:
    """Drops expired records, then closed shards and disabled streams with nothing left.

    Each chunk is a transaction of its own, and `rest` is called behind it. Returns how many records
    were dropped.
    """
    before_ms = database.clock.now_ms() - retention_ms
    pace = _Pace(chunk_records)
    trimmed = 0
    for shard in database.store.read(lambda reader: _expired(reader, shards, before_ms)):
        work = _chunk_work(shards, shard.number, before_ms, pace)
        while True:
            start = time.perf_counter()
            count = database.write(work)
            trimmed += count
            if not count:
                break
            if rest is not None and rest((time.perf_counter() - start) * REST_TIMES):
                return trimmed
        if shard.closed_ms is not None and shard.closed_ms < before_ms:
            database.write(_shard_removal(shards, streams, shard.number))
    for stream in list(streams.by_arn.values()):
        is_over = stream.disabled_ms is not None and stream.disabled_ms < before_ms
        if is_over and not shards.of_stream(stream.arn):
            database.write(_stream_removal(streams, stream.arn))
    return trimmed


def _expired(reader: Reader, shards: ShardMap, before_ms: int) -> list[Shard]:
    """The shards that have something to drop, or are to be dropped themselves."""
    return [
        shard
        for shard in sorted(shards.all(), key=lambda shard: shard.number)
        if (shard.closed_ms is not None and shard.closed_ms < before_ms)
        or reader.log_expired(shard.number, before_ms, POSITION_MAX, 1).records
    ]


def _chunk_work(
    shards: ShardMap, number: int, before_ms: int, pace: _Pace
) -> Callable[[Transaction], int]:
    def work(transaction: Transaction) -> int:
        shard = shards.stored(transaction, number)
        if shard is None:
            return 0
        followers = followers_of(transaction, shard.table_name)
        until = pinned_behind(transaction, followers, shard)
        found = pace.find(transaction, number, before_ms, until)
        if not found.records:
            return 0
        trimmed_seq = shard.sequence_at(found.last)
        note_losses(transaction, followers, shard, trimmed_seq)
        transaction.log_drop(number, found.last)
        shards.keep_trimmed(transaction, replace(shard, trimmed_seq=trimmed_seq))
        transaction.release_space(max(RELEASE_BYTES_MIN, 2 * found.size_bytes))
        return found.records

    return work


def _shard_removal(
    shards: ShardMap, streams: StreamMap, number: int
) -> Callable[[Transaction], None]:
    def work(transaction: Transaction) -> None:
        shard = shards.stored(transaction, number)
        # It may have records that are pinned, or look younger than its end, where the clock was
        # set back.
        if shard is None or transaction.log_ends(number) is not None:
            return
        if shard.parent_id is not None and shards.find(shard.stream_arn, shard.parent_id):
            # Readers would take its children for shards without a parent, and read them before
            # what the shards ahead of it still hold.
            return
        gather_losses(transaction, followers_of(transaction, shard.table_name), shard)
        shards.remove(transaction, shard)
        streams.note_removal(transaction, shard.stream_arn, shard.trimmed_seq)

    return work


def _stream_removal(streams: StreamMap, arn: str) -> Callable[[Transaction], None]:
    return lambda transaction: streams.remove(transaction, arn)
