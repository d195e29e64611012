"""Pins: mappings whose undone records stay, however old they are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ..engine.storage import Reader, Transaction
from ..engine.storage.port import POSITION_MAX
from .checkpoints import Follower, followers_of, keep_follower, reached, read_follower
from .lags import Lag, measure_lag
from .shards import Shard, ShardMap
from .stream import StreamMap


class Pin(NamedTuple):
    """A pin and what would have left the streams by now without it."""

    name: str
    """The handler's."""
    table_name: str
    records: int
    size_bytes: int
    oldest_ms: int | None
    """When the oldest of them was made; None where there is none."""


def pinned_behind(reader: Reader, followers: Iterable[Follower], shard: Shard) -> int:
    """The log position in a shard behind which records must stay."""
    positions = [
        sequence
        for follower in followers
        if follower.pins_records and (sequence := reached(reader, follower, shard)) is not None
    ]
    return min(map(shard.position_of, positions), default=POSITION_MAX)


def list_pins(reader: Reader, shards: ShardMap, streams: StreamMap, before_ms: int) -> list[Pin]:
    """The pins in the order of their names; records made before `before_ms` are held back."""
    return [
        _pin_of(measure_lag(reader, shards, streams, follower, before_ms))
        for follower in followers_of(reader, None)
        if follower.pins_records
    ]


def _pin_of(lag: Lag) -> Pin:
    follower = lag.follower
    return Pin(follower.name, follower.table_name, lag.records, lag.size_bytes, lag.oldest_ms)


def remove_pin(transaction: Transaction, name: str) -> bool:
    """Lets go of what a mapping pins; False where it pins nothing."""
    follower = read_follower(transaction, name)
    if follower is None or not follower.pins_records:
        return False
    keep_follower(transaction, follower._replace(pins_records=False))
    return True
