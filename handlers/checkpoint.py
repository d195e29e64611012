"""Ownership of the checkpoints: who may move a mapping's positions.

A position is moved by compare-and-set in the transaction of the writes it stands for. A mapping has
one owner at a time: taking it over raises its epoch, and whoever commits with an older epoch fails.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from ..engine.storage import Reader, Transaction
from ..streams import Streams
from ..streams.checkpoints import (
    Follower,
    Start,
    begin_in_shards,
    forget_position,
    keep_follower,
    read_epoch,
    read_follower,
    read_position,
    read_positions,
)
from .errors import OwnershipLostError
from .mapping import BEGINNING, EventSourceMapping


class Ownership(NamedTuple):
    """The right to move a mapping's checkpoints, as long as nobody has taken a later epoch.

    `since` is the sequence at which the mapping ran for the first time: LATEST begins behind it.
    `revision` tells whether something was done to the mapping from outside since it was taken.
    """

    mapping: str
    epoch: int
    since: int
    revision: int = 0


def take_ownership(
    transaction: Transaction, streams: Streams, mapping: EventSourceMapping
) -> Ownership:
    """Takes a mapping over from whoever had it; forgets its positions in shards that are gone."""
    follower = _register(transaction, streams, mapping)
    keep_follower(transaction, follower._replace(epoch=follower.epoch + 1))
    for number in read_positions(transaction, mapping.name):
        if number not in streams.shards.by_number:
            forget_position(transaction, mapping.name, number)
    return Ownership(mapping.name, follower.epoch + 1, follower.since, follower.revision)


def is_paused(reader: Reader, name: str) -> bool:
    """Whether a mapping is not to run although its declaration says so."""
    known = read_follower(reader, name)
    return known is not None and known.paused


def note_pin(transaction: Transaction, streams: Streams, mapping: EventSourceMapping) -> None:
    """Pins, or pins no longer, the records of a mapping that is not to run."""
    known = read_follower(transaction, mapping.name)
    if mapping.pins_records or (known is not None and known.pins_records):
        keep_follower(transaction, _register(transaction, streams, mapping))


def _register(transaction: Transaction, streams: Streams, mapping: EventSourceMapping) -> Follower:
    """The mapping as the store is to know it, with positions in the shards that are there."""
    known = read_follower(transaction, mapping.name)
    follower = Follower(
        mapping.name,
        epoch=known.epoch if known else 0,
        since=known.since if known else transaction.next_sequence(),
        table_name=mapping.table_name,
        pins_records=mapping.pins_records,
        paused=known.paused if known else False,
        revision=known.revision if known else 0,
    )
    if known is None or known.table_name != mapping.table_name:
        begin_in_shards(
            transaction,
            streams.shards,
            streams.streams,
            follower,
            start_of(mapping),
        )
    return follower


def start_of(mapping: EventSourceMapping) -> Start | int:
    """Where a mapping begins that has never run; a time is in milliseconds since the epoch."""
    if isinstance(mapping.start, datetime):
        return round(mapping.start.timestamp() * 1000)
    if mapping.start == BEGINNING:
        return Start.ITEMS
    return Start.LATEST if mapping.starting_position == "LATEST" else Start.HORIZON


def check_position(
    reader: Reader, ownership: Ownership, shard_number: int, position: int | None
) -> None:
    """Raises OwnershipLostError unless the mapping is still ours and stands where we left it."""
    check_epoch(reader, ownership)
    if read_position(reader, ownership.mapping, shard_number) != position:
        raise lost_ownership(ownership)


def check_epoch(reader: Reader, ownership: Ownership) -> None:
    """Raises OwnershipLostError unless the mapping is still ours."""
    if read_epoch(reader, ownership.mapping) != ownership.epoch:
        raise lost_ownership(ownership)


def lost_ownership(ownership: Ownership) -> OwnershipLostError:
    return OwnershipLostError(
        f"handler {ownership.mapping!r} has been taken over by another dispatcher: "
        "it runs once for each file, so stop one of the two or give them different names"
    )
