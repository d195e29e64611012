"""How far one worker has come, in memory and in the store."""

from __future__ import annotations

from collections.abc import Callable

from ..engine import Database
from ..engine.storage import Transaction
from ..streams.checkpoints import save_position
from .checkpoint import Ownership, check_position


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
