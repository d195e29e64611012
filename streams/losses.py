"""Losses: records that retention took before the mappings they were meant for had done them.

Each is counted in the transaction that drops the records, so that it is told exactly, however long
after. Those of shards that have gone as a whole are kept together, one for each mapping.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import orjson

from ..engine.storage import Reader, Transaction
from ..engine.storage.port import META_SPACE
from .checkpoints import Follower, key_of_shard, reached, read_position
from .shards import Shard

LOSS_KIND = b"loss"

GONE = 0
"""Stands for all shards that have gone; no shard has this number."""


class Loss(NamedTuple):
    """Records that a mapping has missed; times are when they were made."""

    through: int
    """The sequence of the last of them."""
    records: int
    first_ms: int
    last_ms: int
    shard_ids: list[str]
    """The shard they were in; of those that have gone, the first and the last one."""


def read_loss(reader: Reader, mapping: str, shard_number: int) -> Loss | None:
    """What a mapping has missed in a shard, or in all those that have GONE.

    A loss in a shard that is kept counts for a mapping that stands before its end.
    """
    row = reader.get(META_SPACE, 0, LOSS_KIND, key_of_shard(mapping, shard_number))
    return None if row is None else Loss(row[0], *orjson.loads(row[1]))


def forget_loss(transaction: Transaction, mapping: str, shard_number: int) -> None:
    transaction.delete(META_SPACE, 0, LOSS_KIND, key_of_shard(mapping, shard_number))


def note_losses(
    transaction: Transaction, followers: Iterable[Follower], shard: Shard, through: int
) -> None:
    """Counts what is about to be dropped up to a sequence and was not done by its mappings."""
    for follower in followers:
        position = reached(transaction, follower, shard)
        if position is None or position >= through:
            continue
        known = read_loss(transaction, follower.name, shard.number)
        if known is not None and known.through <= position:
            known = None  # the mapping was ahead of what it had saved
        after = shard.position_of(position)
        span = transaction.log_span(shard.number, after, shard.position_of(through))
        if span.records:
            loss = Loss(through, span.records, span.first_ms, span.last_ms, [shard.shard_id])
            _keep(transaction, follower.name, shard.number, _joined(known, loss))


def gather_losses(transaction: Transaction, followers: Iterable[Follower], shard: Shard) -> None:
    """Moves the losses in a shard that goes to those of the shards that have gone."""
    for follower in followers:
        loss = read_loss(transaction, follower.name, shard.number)
        if loss is None:
            continue
        forget_loss(transaction, follower.name, shard.number)
        position = read_position(transaction, follower.name, shard.number)
        if position is None or position < loss.through:
            known = read_loss(transaction, follower.name, GONE)
            _keep(transaction, follower.name, GONE, _joined(known, loss))


def _keep(transaction: Transaction, mapping: str, shard_number: int, loss: Loss) -> None:
    key = key_of_shard(mapping, shard_number)
    transaction.put(META_SPACE, 0, LOSS_KIND, key, loss.through, orjson.dumps(loss[1:]))


def _joined(first: Loss | None, second: Loss) -> Loss:
    if first is None:
        return second
    ids = list(dict.fromkeys([first.shard_ids[0], second.shard_ids[-1]]))
    return Loss(
        through=max(first.through, second.through),
        records=first.records + second.records,
        first_ms=min(first.first_ms, second.first_ms),
        last_ms=max(first.last_ms, second.last_ms),
        shard_ids=ids,
    )
