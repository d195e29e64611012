"""Lags: how far each mapping is behind the streams it follows, by what the store has of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ..engine.storage import Reader
from ..engine.storage.port import POSITION_MAX
from .checkpoints import Follower, followers_of, reached
from .shards import Shard, ShardMap
from .stream import StreamMap


class ShardLag(NamedTuple):
    """The records of one shard that a mapping has not done."""

    shard: Shard
    sequence: int
    """Where the mapping stands in it."""
    records: int
    size_bytes: int
    oldest_ms: int | None
    """When the oldest of them was made; None where there is none."""


class Lag(NamedTuple):
    """The records that a mapping has not done, in all shards that are meant for it."""

    follower: Follower
    shards: tuple[ShardLag, ...]

    @property
    def records(self) -> int:
        return sum(each.records for each in self.shards)

    @property
    def size_bytes(self) -> int:
        return sum(each.size_bytes for each in self.shards)

    @property
    def oldest_ms(self) -> int | None:
        return min(
            (each.oldest_ms for each in self.shards if each.oldest_ms is not None), default=None
        )


def list_lags(reader: Reader, shards: ShardMap, streams: StreamMap) -> list[Lag]:
    """The lag of every mapping that has ever run, in the order of their names.

    A position that was reached a moment ago may not be there yet.
    """
    followers = followers_of(reader, None)
    return [measure_lag(reader, shards, streams, follower) for follower in followers]


def measure_lag(
    reader: Reader,
    shards: ShardMap,
    streams: StreamMap,
    follower: Follower,
    before_ms: int | None = None,
) -> Lag:
    """The lag of one mapping; of the records made before `before_ms`, if it is given."""
    behind = []
    for shard, sequence in places_of(reader, shards, streams, follower):
        after = shard.position_of(sequence)
        span = reader.log_span(shard.number, after, POSITION_MAX, before_ms)
        oldest_ms = span.first_ms if span.records else None
        behind.append(ShardLag(shard, sequence, span.records, span.size_bytes, oldest_ms))
    return Lag(follower, tuple(behind))


def places_of(
    reader: Reader, shards: ShardMap, streams: StreamMap, follower: Follower
) -> Iterator[tuple[Shard, int]]:
    """The shards that are meant for a mapping, and the sequence it has reached in each."""
    for stream in streams.of_table(follower.table_name):
        for shard in shards.stored_of(reader, stream.arn):
            sequence = reached(reader, follower, shard)
            if sequence is not None:
                yield shard, sequence


def oldest_behind_ms(reader: Reader, places: Iterable[tuple[Shard, int]]) -> int | None:
    """When the oldest record behind these sequences was made; None where all shards end there."""
    oldest = None
    for shard, sequence in places:
        for row in reader.log_read(shard.number, shard.position_of(sequence), POSITION_MAX, 1):
            oldest = row.at_ms if oldest is None else min(oldest, row.at_ms)
    return oldest
