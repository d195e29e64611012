"""How far one worker has come, in memory and in the store: in a shard, or in a lane of one."""

from __future__ import annotations

from collections.abc import Callable

from ..engine import Database
from ..engine.storage import Transaction
from ..streams.checkpoints import forget_lanes, read_lanes, save_lane, save_position
from .checkpoint import Ownership, check_epoch, check_position, lost_ownership


class Progress:
    """A mapping's position in one shard: the sequence up to which it is done.

    A delivery that wrote something moves it by `commit`, which waits: position and writes are one
    commit. One that wrote nothing moves it by `advance`; a keeper makes that durable a moment
    later, so a crash then delivers some records once more, but no handler waits for the disk.
    """

    def __init__(
        self,
        database: Database,
        ownership: Ownership,
        shard_number: int,
        *,
        start: int,
        stored: int | None,
    ) -> None:
        self._database = database
        self._ownership = ownership
        self._shard_number = shard_number
        # What the writer's transactions find in the store; only they change it.
        self._stored = stored
        self._start = start
        self.sequence = start if stored is None else stored

    def commit(self, sequence: int, write: Callable[[Transaction], None]) -> None:
        """Moves to `sequence` in one commit with what `write` does.

        Raises what `write` raises, OwnershipLostError or StoreError; then nothing has moved.
        """

        def work(transaction: Transaction) -> None:
            self._check(transaction)
            write(transaction)
            self._save(transaction, sequence)

        self._database.write(work)
        self.sequence = sequence

    def advance(self, sequence: int) -> None:
        """Moves in memory."""
        self.sequence = sequence

    def save(self, transaction: Transaction) -> None:
        """Makes the position durable, unless it is already. Raises OwnershipLostError."""
        sequence = self.sequence
        if sequence > (self._start if self._stored is None else self._stored):
            self._check(transaction)
            self._save(transaction, sequence)

    def _check(self, transaction: Transaction) -> None:
        check_position(transaction, self._ownership, self._shard_number, self._stored)

    def _save(self, transaction: Transaction, sequence: int) -> None:
        save_position(transaction, self._ownership.mapping, self._shard_number, sequence)
        before, self._stored = self._stored, sequence
        transaction.after_rollback(lambda: self._restore(before))

    def _restore(self, before: int | None) -> None:
        self._stored = before


class LanePositions:
    """What the store holds of the lanes of one shard; the writer's transactions keep it current.

    `starts` are where the lanes begin, whether they are stored already or not.
    """

    def __init__(self, starts: list[int], *, are_stored: bool) -> None:
        self.starts = starts
        self._stored = list(starts) if are_stored else None

    def check(self, transaction: Transaction, ownership: Ownership, shard_number: int) -> None:
        """Raises OwnershipLostError unless all lanes stand where these workers left them."""
        check_epoch(transaction, ownership)
        if read_lanes(transaction, ownership.mapping, shard_number) != (self._stored or []):
            raise lost_ownership(ownership)

    def save(
        self,
        transaction: Transaction,
        ownership: Ownership,
        shard_number: int,
        lane: int,
        sequence: int,
    ) -> None:
        """Moves one lane, and the shard's own position with the last of them."""
        before = self._stored
        current = list(self.starts if before is None else before)
        current[lane] = sequence
        if before is None:
            for each, position in enumerate(current):
                save_lane(transaction, ownership.mapping, shard_number, each, position)
        else:
            save_lane(transaction, ownership.mapping, shard_number, lane, sequence)
        save_position(transaction, ownership.mapping, shard_number, min(current))
        self._stored = current
        transaction.after_rollback(lambda: self._restore(before))

    def stored_of(self, lane: int) -> int:
        return (self.starts if self._stored is None else self._stored)[lane]

    def _restore(self, before: list[int] | None) -> None:
        self._stored = before


class LaneProgress(Progress):
    """A mapping's position in one lane of a shard."""

    def __init__(
        self,
        database: Database,
        ownership: Ownership,
        shard_number: int,
        lane: int,
        positions: LanePositions,
    ) -> None:
        start = positions.starts[lane]
        super().__init__(database, ownership, shard_number, start=start, stored=None)
        self._lane = lane
        self._positions = positions

    def save(self, transaction: Transaction) -> None:
        if self.sequence > self._positions.stored_of(self._lane):
            self._check(transaction)
            self._save(transaction, self.sequence)

    def _check(self, transaction: Transaction) -> None:
        self._positions.check(transaction, self._ownership, self._shard_number)

    def _save(self, transaction: Transaction, sequence: int) -> None:
        self._positions.save(transaction, self._ownership, self._shard_number, self._lane, sequence)


def join_lanes(
    transaction: Transaction, ownership: Ownership, shard_number: int, sequence: int
) -> None:
    """Has a shard, all of whose lanes have reached a sequence, go on from there in one piece."""
    check_epoch(transaction, ownership)
    forget_lanes(transaction, ownership.mapping, shard_number)
    save_position(transaction, ownership.mapping, shard_number, sequence)
