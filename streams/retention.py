"""Retention: records older than a day leave, in chunks so short that no writer waits for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ..engine import Database
from ..engine.storage import Transaction
from .shards import ShardMap
from .stream import StreamMap

RELEASE_BYTES_MAX = 1024 * 1024


def trim_expired(
    database: Database,
    shards: ShardMap,
    streams: StreamMap,
    retention_ms: int,
    chunk_records: int,
) -> int:
    """Drops expired records, then closed shards and disabled streams with nothing left.

    Each chunk is a transaction of its own. Returns how many records were dropped.
    """
    before_ms = database.clock.now_ms() - retention_ms
    trimmed = 0
    for shard in shards.all():
        while count := database.write(_chunk_work(shards, shard.number, before_ms, chunk_records)):
            trimmed += count
        if shard.closed_ms is not None and shard.closed_ms < before_ms:
            database.write(_shard_removal(shards, streams, shard.number))
    for stream in list(streams.by_arn.values()):
        is_over = stream.disabled_ms is not None and stream.disabled_ms < before_ms
        if is_over and not shards.of_stream(stream.arn):
            database.write(_stream_removal(streams, stream.arn))
    return trimmed


def _chunk_work(
    shards: ShardMap, number: int, before_ms: int, limit: int
) -> Callable[[Transaction], int]:
    def work(transaction: Transaction) -> int:
        shard = shards.stored(transaction, number)
        count, last = transaction.log_trim(number, before_ms, limit)
        if shard is None or not count:
            return 0
        shards.save(transaction, replace(shard, trimmed_seq=shard.sequence_at(last)))
        transaction.release_space(RELEASE_BYTES_MAX)
        return count

    return work


def _shard_removal(
    shards: ShardMap, streams: StreamMap, number: int
) -> Callable[[Transaction], None]:
    def work(transaction: Transaction) -> None:
        shard = shards.stored(transaction, number)
        # It may have records that look younger than its end, where the clock was set back.
        if shard is not None and transaction.log_ends(number) is None:
            shards.remove(transaction, shard)
            streams.note_removal(transaction, shard.stream_arn, shard.trimmed_seq)

    return work


def _stream_removal(streams: StreamMap, arn: str) -> Callable[[Transaction], None]:
    return lambda transaction: streams.remove(transaction, arn)
