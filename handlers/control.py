"""Control of mappings from outside: they are paused, resumed, moved and forgotten in the store.

Whoever runs a mapping, in this process or another, notices that its revision has changed, and goes
on from what it finds. Its old epoch commits nothing more.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from enum import Enum
from typing import NamedTuple

from ..engine import Database
from ..engine.storage import Reader, Transaction
from ..streams import Shard, Streams
from ..streams.checkpoints import (
    Follower,
    forget_follower,
    forget_within,
    keep_follower,
    reached,
    read_follower,
    read_lanes,
    read_positions,
    save_lane,
    save_position,
)
from ..streams.losses import GONE, forget_loss
from ..streams.sequence import from_wire, to_wire
from ..streams.start import sequence_before
from .errors import NotCaughtUpError, UnknownMappingError
from .quarantine import forget_items

Target = datetime | str
"""A time, a sequence number, or one of TRIM_HORIZON and LATEST."""

RECORDS_SHOWN = 10


class Way(Enum):
    """Which way positions may be moved: where they are on that side already, they stay."""

    REWIND = "back, so that records are delivered again"
    SKIP = "on, so that records are never delivered"


class ShardMove(NamedTuple):
    """What a move does in one shard: records behind `after` are delivered next."""

    shard_id: str
    before: int
    after: int
    records: int
    """How many records between the two are delivered again, or are skipped."""
    first: list[str]
    """The sequence numbers of the first of them."""


def pause(database: Database, name: str) -> None:
    """Has a mapping called no more, by whoever runs it, until it is resumed.

    Raises UnknownMappingError for one that has never run.
    """
    database.write(lambda work: _change(work, name, paused=True))


def resume(database: Database, name: str) -> None:
    """Has a paused mapping go on where it was. Raises UnknownMappingError."""
    database.write(lambda work: _change(work, name, paused=False))


def move(
    streams: Streams, name: str, target: Target, way: Way, *, dry_run: bool = False
) -> list[ShardMove]:
    """Moves a mapping's positions in all shards to a target, as far as the way allows.

    A rewind ends at the oldest record that is kept. With `dry_run` nothing is moved. Returns the
    shards where something moves. Raises UnknownMappingError, and ValueError for a target that is
    none.
    """
    wanted = _wanted(target)
    if dry_run:
        return streams.database.store.read(lambda reader: _plan(reader, streams, name, wanted, way))

    def work(transaction: Transaction) -> list[ShardMove]:
        moves = _plan(transaction, streams, name, wanted, way)
        _keep_passed_over(transaction, streams, name)
        by_id = {shard.shard_id: shard.number for shard in streams.shards.all()}
        for each in moves:
            number = by_id[each.shard_id]
            lanes = read_lanes(transaction, name, number) if way is Way.SKIP else []
            forget_within(transaction, name, number)
            forget_loss(transaction, name, number)
            for lane, sequence in enumerate(lanes):  # one that is further on stays there
                save_lane(transaction, name, number, lane, max(sequence, each.after))
            save_position(transaction, name, number, each.after)
        if way is Way.SKIP:
            forget_loss(transaction, name, GONE)
        follower = _change(transaction, name)
        since = min([follower.since, *(each.after for each in moves)])
        keep_follower(transaction, follower._replace(since=since))
        return moves

    return streams.database.write(work)


def forget(database: Database, name: str) -> None:
    """Has the store know nothing of a mapping any more: its next start is its first.

    Raises UnknownMappingError.
    """

    def work(transaction: Transaction) -> None:
        find(transaction, name)
        forget_mapping(transaction, name)

    database.write(work)


def forget_mapping(transaction: Transaction, name: str) -> None:
    for number in read_positions(transaction, name):
        forget_loss(transaction, name, number)
    forget_loss(transaction, name, GONE)
    forget_items(transaction, name)
    forget_follower(transaction, name)


def retire(streams: Streams, old: str, new: str) -> None:
    """Forgets a mapping that another one of the same table has caught up with, in one commit.

    Raises NotCaughtUpError while the new one is behind the old one in any shard,
    UnknownMappingError for one that has never run.
    """

    def work(transaction: Transaction) -> None:
        first, second = find(transaction, old), find(transaction, new)
        behind = [
            shard.shard_id
            for shard, sequence in _places(transaction, streams, first)
            if sequence > (reached(transaction, second, shard) or 0)
        ]
        if behind:
            raise NotCaughtUpError(
                f"{new!r} is behind {old!r} in {len(behind)} shard(s), such as {behind[0]}: "
                "let it catch up first"
            )
        forget_mapping(transaction, old)

    streams.database.write(work)


def find(reader: Reader, name: str) -> Follower:
    """The mapping as the store knows it. Raises UnknownMappingError."""
    follower = read_follower(reader, name)
    if follower is None:
        raise UnknownMappingError(f"no handler named {name!r} has ever run in this file")
    return follower


# --- inside ---------------------------------------------------------------------------------------


def _change(transaction: Transaction, name: str, paused: bool | None = None) -> Follower:
    """Raises the epoch, so that nobody commits on, and the revision, so that they look anew."""
    known = find(transaction, name)
    follower = known._replace(
        epoch=known.epoch + 1,
        revision=known.revision + 1,
        paused=known.paused if paused is None else paused,
    )
    keep_follower(transaction, follower)
    return follower


Wanted = Callable[[Reader, Shard, int], int]
"""The sequence to read behind in a shard, given the last that it can have now."""


def _wanted(target: Target) -> Wanted:
    if target == "TRIM_HORIZON":
        return lambda reader, shard, last: shard.start_seq
    if target == "LATEST":
        return lambda reader, shard, last: last
    if isinstance(target, datetime):
        at_ms = round(target.timestamp() * 1000)

        def since(reader: Reader, shard: Shard, last: int) -> int:
            found = sequence_before(reader, shard, at_ms)
            return last if found is None else found

        return since
    try:
        sequence = from_wire(target)
    except ValueError:
        raise ValueError(
            f"{target!r} is no target: give a time, a sequence number, TRIM_HORIZON or LATEST"
        ) from None
    return lambda reader, shard, last: sequence - 1


def _plan(reader: Reader, streams: Streams, name: str, wanted: Wanted, way: Way) -> list[ShardMove]:
    follower = find(reader, name)
    moves = []
    for shard, before in _places(reader, streams, follower):
        trimmed_seq = streams.shards.trimmed_of(reader, shard.number) or 0
        low = max(shard.start_seq, trimmed_seq)
        last = _last_sequence(reader, shard, low)
        after = max(low, min(wanted(reader, shard, last), last))
        if after < before if way is Way.REWIND else after > before:
            moves.append(_move_of(reader, shard, before, after))
    return moves


def _move_of(reader: Reader, shard: Shard, before: int, after: int) -> ShardMove:
    low, high = shard.position_of(min(before, after)), shard.position_of(max(before, after))
    rows = reader.log_read(shard.number, low, high, RECORDS_SHOWN)
    first = [to_wire(shard.sequence_at(row.position)) for row in rows]
    records = reader.log_span(shard.number, low, high).records
    return ShardMove(shard.shard_id, before, after, records, first)


def _keep_passed_over(transaction: Transaction, streams: Streams, name: str) -> None:
    """Gives the mapping positions behind what was over before it, for it may begin earlier now."""
    follower = find(transaction, name)
    for shard, sequence in _places(transaction, streams, follower):
        if reached(transaction, follower, shard) is None:
            save_position(transaction, name, shard.number, sequence)


def _places(reader: Reader, streams: Streams, follower: Follower) -> list[tuple[Shard, int]]:
    """Every shard that is kept of the mapping's table, and how far it is done there.

    What was there before the mapping counts as done: a rewind may go there, too.
    """
    places = []
    for stream in streams.streams.of_table(follower.table_name):
        for shard in streams.shards.stored_of(reader, stream.arn):
            sequence = reached(reader, follower, shard)
            if sequence is None:
                sequence = _last_sequence(reader, shard, shard.start_seq)
            places.append((shard, sequence))
    return places


def _last_sequence(reader: Reader, shard: Shard, low: int) -> int:
    """The last sequence that a shard can have now."""
    if shard.end_seq is not None:
        return max(low, shard.end_seq)
    ends = reader.log_ends(shard.number)
    return low if ends is None else max(low, shard.sequence_at(ends[1].position))
