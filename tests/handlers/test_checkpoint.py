from __future__ import annotations

import pytest

from pelton.engine.storage import Transaction
from pelton.handlers import EventSourceMapping, Handler
from pelton.handlers.checkpoint import Ownership, check_position, take_ownership
from pelton.handlers.errors import OwnershipLostError
from pelton.streams.checkpoints import read_positions, save_position
from tests.handlers.stage import Stage


def take(stage: Stage, name: str = "note") -> Ownership:
    mapping = EventSourceMapping(Handler(name, print), "things")
    return stage.database.write(
        lambda transaction: take_ownership(transaction, stage.streams, mapping)
    )


def move(
    stage: Stage, ownership: Ownership, shard: int, position: int | None, sequence: int
) -> None:
    def work(transaction: Transaction) -> None:
        check_position(transaction, ownership, shard, position)
        save_position(transaction, ownership.mapping, shard, sequence)

    stage.database.write(work)


def positions(stage: Stage, name: str = "note") -> dict[int, int]:
    return stage.database.store.read(lambda reader: read_positions(reader, name))


def test_taking_over_raises_the_epoch_and_keeps_the_beginning(stage: Stage) -> None:
    first, second = take(stage), take(stage)
    assert (first.epoch, second.epoch) == (1, 2)
    assert first.since == second.since > 0
    assert take(stage, "other").epoch == 1


def test_positions_move_by_compare_and_set(stage: Stage) -> None:
    ownership = take(stage)
    move(stage, ownership, 1, None, 5)
    move(stage, ownership, 1, 5, 8)
    move(stage, ownership, 300, None, 6)
    assert positions(stage) == {1: 8, 300: 6}
    for stale in (None, 5, 9):
        with pytest.raises(OwnershipLostError):
            move(stage, ownership, 1, stale, 10)
    assert positions(stage) == {1: 8, 300: 6}


def test_an_older_epoch_moves_nothing(stage: Stage) -> None:
    zombie = take(stage)
    take(stage)
    with pytest.raises(OwnershipLostError, match="'note' has been taken over"):
        move(stage, zombie, 1, None, 5)
    assert positions(stage) == {}


def test_positions_in_shards_that_are_gone_are_forgotten(stage: Stage) -> None:
    ownership = take(stage)
    stage.source()
    for shard in (1, 99):
        move(stage, ownership, shard, None, 5)
    take(stage)
    assert positions(stage) == {1: 5}


def test_names_that_begin_alike_are_kept_apart(stage: Stage) -> None:
    for name in ("note", "note2", "not", "noté"):
        move(stage, take(stage, name), 1, None, len(name.encode()))
    assert positions(stage, "note") == {1: 4}
    assert positions(stage, "not") == {1: 3}
