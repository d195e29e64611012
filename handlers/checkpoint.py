"""Checkpoints: how far each mapping has come in each shard, kept beside the tables themselves.

A position is a row of the store, moved by compare-and-set in the transaction of the writes it
stands for. A mapping has one owner at a time: taking it over raises its epoch, and whoever commits
with an older epoch fails.
"""

from __future__ import annotations

from collections.abc import Container
from typing import NamedTuple

from ..engine.storage import Reader, Transaction
from ..engine.storage.port import META_SPACE
from .errors import OwnershipLostError

OWNER_KIND = b"mapping"
CHECKPOINT_KIND = b"checkpoint"

_SHARD_BYTES = 4


class Ownership(NamedTuple):
    """The right to move a mapping's checkpoints, as long as nobody has taken a later epoch.

    `since` is the sequence at which the mapping ran for the first time: LATEST begins behind it.
    """

    mapping: str
    epoch: int
    since: int


def take_ownership(transaction: Transaction, mapping: str, shards: Container[int]) -> Ownership:
    """Takes a mapping over from whoever had it; forgets its positions in shards that are gone."""
    key = mapping.encode()
    row = transaction.get(META_SPACE, 0, OWNER_KIND, key)
    epoch = row[0] + 1 if row else 1
    since = int(row[1]) if row else transaction.next_sequence()
    transaction.put(META_SPACE, 0, OWNER_KIND, key, epoch, str(since).encode())
    for number in read_positions(transaction, mapping):
        if number not in shards:
            transaction.delete(META_SPACE, 0, CHECKPOINT_KIND, _key_of(mapping, number))
    return Ownership(mapping, epoch, since)


def read_positions(reader: Reader, mapping: str) -> dict[int, int]:
    """The sequence a mapping has reached, by the numbers of the shards where it has begun."""
    prefix = mapping.encode()
    rows = reader.query(META_SPACE, 0, CHECKPOINT_KIND, low=prefix + b"\0", high=prefix + b"\1")
    return {int.from_bytes(sk[-_SHARD_BYTES:], "big"): sequence for sk, sequence, _ in rows}


def check_position(
    reader: Reader, ownership: Ownership, shard_number: int, position: int | None
) -> None:
    """Raises OwnershipLostError unless the mapping is still ours and stands where we left it."""
    owner = reader.get(META_SPACE, 0, OWNER_KIND, ownership.mapping.encode())
    row = reader.get(META_SPACE, 0, CHECKPOINT_KIND, _key_of(ownership.mapping, shard_number))
    if owner is None or owner[0] != ownership.epoch or (row[0] if row else None) != position:
        raise OwnershipLostError(
            f"handler {ownership.mapping!r} has been taken over by another dispatcher: "
            "it runs once for each file, so stop one of the two or give them different names"
        )


def save_position(
    transaction: Transaction, ownership: Ownership, shard_number: int, sequence: int
) -> None:
    """Moves the checkpoint; only behind `check_position` in the same transaction."""
    key = _key_of(ownership.mapping, shard_number)
    transaction.put(META_SPACE, 0, CHECKPOINT_KIND, key, sequence, b"")


def _key_of(mapping: str, shard_number: int) -> bytes:
    return mapping.encode() + b"\0" + shard_number.to_bytes(_SHARD_BYTES, "big")
