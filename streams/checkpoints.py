"""Checkpoints: how far each mapping has come in each shard, kept beside the tables themselves.

The streams know of them so that retention can tell whom a record that goes was still meant for.
Who may move a position is the business of those who call the handlers.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

import orjson

from ..engine.storage import Reader, Transaction
from ..engine.storage.port import META_SPACE
from .shards import Shard, ShardMap
from .start import sequence_before
from .stream import StreamMap

MAPPING_KIND = b"mapping"
CHECKPOINT_KIND = b"checkpoint"
LANE_KIND = b"checkpoint-lane"
WINDOW_KIND = b"checkpoint-window"
"""What a mapping that gathers state over windows has of the one that is open in a shard."""
FRONTIER_KIND = b"checkpoint-frontier"

_SHARD_BYTES = 4


class Follower(NamedTuple):
    """A mapping as the store knows it, whether it runs or not.

    `since` is the sequence at which it ran for the first time. `epoch` counts its owners.
    """

    name: str
    epoch: int
    since: int
    table_name: str
    pins_records: bool
    """Whether records that it has not done stay, however old they are."""
    paused: bool = False
    """Whether it is not to be run, whatever its declaration says."""
    revision: int = 0
    """Counts what was done to it from outside: whoever runs it then has to look at it anew."""


class Frontier(NamedTuple):
    """How far a mapping that begins with all items has read them: the address of the last one."""

    token: int
    pk: bytes
    sk: bytes


FRONTIER_START = Frontier(-(2**63), b"", b"")
"""Before every item."""


def read_follower(reader: Reader, name: str) -> Follower | None:
    row = reader.get(META_SPACE, 0, MAPPING_KIND, name.encode())
    return None if row is None else _from_row(name, *row)


def read_epoch(reader: Reader, name: str) -> int | None:
    """The epoch alone: it is asked for with every position that is saved."""
    row = reader.get(META_SPACE, 0, MAPPING_KIND, name.encode())
    return None if row is None else row[0]


def followers_of(reader: Reader, table_name: str | None) -> list[Follower]:
    """The mappings of a table, or of all, in the order of their names."""
    rows = reader.query(META_SPACE, 0, MAPPING_KIND)
    followers = [_from_row(sk.decode(), epoch, body) for sk, epoch, body in rows]
    return [each for each in followers if table_name is None or each.table_name == table_name]


def keep_follower(transaction: Transaction, follower: Follower) -> None:
    body: dict[str, object] = {
        "since": follower.since,
        "table": follower.table_name,
        "pins": follower.pins_records,
    }
    if follower.paused:
        body["paused"] = True
    if follower.revision:
        body["revision"] = follower.revision
    key = follower.name.encode()
    transaction.put(META_SPACE, 0, MAPPING_KIND, key, follower.epoch, orjson.dumps(body))


def forget_follower(transaction: Transaction, name: str) -> None:
    """Has the store know nothing of a mapping any more: its next start is its first."""
    for number in read_positions(transaction, name):
        forget_position(transaction, name, number)
    transaction.delete(META_SPACE, 0, MAPPING_KIND, name.encode())


def _from_row(name: str, epoch: int, body: bytes) -> Follower:
    kept = orjson.loads(body)
    return Follower(
        name,
        epoch,
        kept["since"],
        kept["table"],
        kept["pins"],
        kept.get("paused", False),
        kept.get("revision", 0),
    )


# --- positions ------------------------------------------------------------------------------------


def read_positions(reader: Reader, mapping: str) -> dict[int, int]:
    """The sequence a mapping has reached, by the numbers of the shards where it has begun.

    In a shard that it divides in lanes, it is where the last of them is.
    """
    prefix = mapping.encode()
    rows = reader.query(META_SPACE, 0, CHECKPOINT_KIND, low=prefix + b"\0", high=prefix + b"\1")
    return {int.from_bytes(sk[-_SHARD_BYTES:], "big"): sequence for sk, sequence, _ in rows}


def read_position(reader: Reader, mapping: str, shard_number: int) -> int | None:
    row = reader.get(META_SPACE, 0, CHECKPOINT_KIND, key_of_shard(mapping, shard_number))
    return None if row is None else row[0]


def save_position(transaction: Transaction, mapping: str, shard_number: int, sequence: int) -> None:
    key = key_of_shard(mapping, shard_number)
    transaction.put(META_SPACE, 0, CHECKPOINT_KIND, key, sequence, b"")


def forget_position(transaction: Transaction, mapping: str, shard_number: int) -> None:
    forget_within(transaction, mapping, shard_number)
    forget_frontier(transaction, mapping, shard_number)
    transaction.delete(META_SPACE, 0, CHECKPOINT_KIND, key_of_shard(mapping, shard_number))


def read_lanes(reader: Reader, mapping: str, shard_number: int) -> list[int]:
    """The positions of the lanes that a mapping divides a shard in; none where it does not."""
    low = key_of_shard(mapping, shard_number)
    rows = reader.query(META_SPACE, 0, LANE_KIND, low=low, high=low + b"\xff")
    return [sequence for _, sequence, _ in rows]


def save_lane(
    transaction: Transaction, mapping: str, shard_number: int, lane: int, sequence: int
) -> None:
    key = key_of_shard(mapping, shard_number) + bytes([lane])
    transaction.put(META_SPACE, 0, LANE_KIND, key, sequence, b"")


def forget_within(transaction: Transaction, mapping: str, shard_number: int) -> None:
    """Forgets what a mapping keeps of a shard beside its position: lanes and windows."""
    for kind in (LANE_KIND, WINDOW_KIND):
        _forget_each(transaction, kind, key_of_shard(mapping, shard_number))


def forget_lanes(transaction: Transaction, mapping: str, shard_number: int) -> None:
    _forget_each(transaction, LANE_KIND, key_of_shard(mapping, shard_number))


def _forget_each(transaction: Transaction, kind: bytes, low: bytes) -> None:
    for sk, _, _ in list(transaction.query(META_SPACE, 0, kind, low=low, high=low + b"\xff")):
        transaction.delete(META_SPACE, 0, kind, sk)


def read_window(reader: Reader, mapping: str, shard_number: int, lane: int) -> bytes | None:
    """What a mapping has gathered over the window that is open in a lane of a shard."""
    key = key_of_shard(mapping, shard_number) + bytes([lane])
    row = reader.get(META_SPACE, 0, WINDOW_KIND, key)
    return None if row is None else row[1]


def count_window_lanes(reader: Reader, mapping: str, shard_number: int) -> int:
    """How many lanes a shard was divided in when its windows were opened; 0 where none is open."""
    low = key_of_shard(mapping, shard_number)
    rows = reader.query(META_SPACE, 0, WINDOW_KIND, low=low, high=low + b"\xff")
    return max((sk[-1] + 1 for sk, _, _ in rows), default=0)


def save_window(
    transaction: Transaction, mapping: str, shard_number: int, lane: int, body: bytes
) -> None:
    key = key_of_shard(mapping, shard_number) + bytes([lane])
    transaction.put(META_SPACE, 0, WINDOW_KIND, key, 0, body)


def forget_window(transaction: Transaction, mapping: str, shard_number: int, lane: int) -> None:
    key = key_of_shard(mapping, shard_number) + bytes([lane])
    transaction.delete(META_SPACE, 0, WINDOW_KIND, key)


def read_frontier(reader: Reader, mapping: str, shard_number: int) -> Frontier | None:
    """How far the items of a shard's partition are read; None where they all are."""
    row = reader.get(META_SPACE, 0, FRONTIER_KIND, key_of_shard(mapping, shard_number))
    if row is None:
        return None
    token, body = row
    pk_bytes = int.from_bytes(body[:2], "big")
    return Frontier(token, body[2 : 2 + pk_bytes], body[2 + pk_bytes :])


def save_frontier(
    transaction: Transaction, mapping: str, shard_number: int, frontier: Frontier
) -> None:
    key = key_of_shard(mapping, shard_number)
    body = len(frontier.pk).to_bytes(2, "big") + frontier.pk + frontier.sk
    transaction.put(META_SPACE, 0, FRONTIER_KIND, key, frontier.token, body)


def forget_frontier(transaction: Transaction, mapping: str, shard_number: int) -> None:
    transaction.delete(META_SPACE, 0, FRONTIER_KIND, key_of_shard(mapping, shard_number))


def key_of_shard(mapping: str, shard_number: int) -> bytes:
    """The key of a row that is kept for a mapping and a shard."""
    return mapping.encode() + b"\0" + shard_number.to_bytes(_SHARD_BYTES, "big")


def reached(reader: Reader, follower: Follower, shard: Shard) -> int | None:
    """The sequence up to which a mapping is done with a shard; None where it is not meant for it.

    A mapping gets positions in the shards that are there when it first runs, and reads those that
    are made later from their start.
    """
    position = read_position(reader, follower.name, shard.number)
    if position is None and shard.start_seq > follower.since:
        return shard.start_seq
    return position


class Start(Enum):
    """Where a mapping begins that has never run."""

    HORIZON = "with the oldest record that is kept"
    LATEST = "with the next record"
    ITEMS = "with every item that is there, and then the next record"


def begin_in_shards(
    transaction: Transaction,
    shards: ShardMap,
    streams: StreamMap,
    follower: Follower,
    start: Start | int,
) -> None:
    """Gives a mapping that runs for the first time its positions in the table's shards.

    `start` may be a time, in milliseconds since the epoch. From then on, what retention takes from
    behind the positions is a loss.
    """
    known = read_positions(transaction, follower.name)
    begins_now = start in (Start.LATEST, Start.ITEMS)
    for stream in streams.of_table(follower.table_name):
        siblings = shards.of_stream(stream.arn)
        if not any(shard.is_open for shard in siblings):
            continue
        for shard in siblings:
            if shard.number in known or (begins_now and not shard.is_open):
                continue
            trimmed_seq = shards.trimmed_of(transaction, shard.number) or 0
            position = max(shard.start_seq, trimmed_seq, follower.since if begins_now else 0)
            if isinstance(start, int):
                found = sequence_before(transaction, shard, start)
                end = follower.since if shard.end_seq is None else shard.end_seq
                position = max(position, end if found is None else found)
            save_position(transaction, follower.name, shard.number, position)
            if start is Start.ITEMS:
                save_frontier(transaction, follower.name, shard.number, FRONTIER_START)
