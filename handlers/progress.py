"""How far one worker has come, in memory and in the store."""

from __future__ import annotations

import threading
from collections.abc import Callable

from ..engine import Database
from ..engine.storage import Transaction
from .checkpoint import Ownership, check_position, save_position


class Progress:
    """A mapping's position in one shard: the sequence up to which it is done.

    A delivery that wrote something moves it by `commit`, which waits: position and writes are one
    commit. One that wrote nothing moves it by `advance`, and `save` makes it durable behind: a
    crash then delivers some records once more, but no handler waits for the disk.
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
        self._stored = stored
        self._saved = self.sequence = start if stored is None else stored
        self._landed = threading.Event()
        self._landed.set()
        self.failure: BaseException | None = None
        """What became of the last save, if it failed."""

    def commit(self, sequence: int, write: Callable[[Transaction], None]) -> None:
        """Moves to `sequence` in one commit with what `write` does.

        Raises what `write` raises, OwnershipLostError or StoreError; then nothing has moved.
        """
        self._landed.wait()
        self._database.write(self._move(sequence, write))
        self._stored = self._saved = self.sequence = sequence

    def advance(self, sequence: int) -> None:
        """Moves in memory."""
        self.sequence = sequence

    def save(self, landed: Callable[[], None]) -> bool:
        """Begins to save the position, unless a save is on its way; False: there is nothing to.

        Calls `landed` on the writer's thread when the save has ended, well or with a `failure`.
        """
        if self.sequence == self._saved:
            return False
        if not self._landed.is_set():
            return True
        target = self.sequence

        def done(result: None, error: BaseException | None) -> None:
            if error is None:
                self._stored = self._saved = target
            self.failure = error
            self._landed.set()
            landed()

        self._landed.clear()
        try:
            self._database.store.write(self._move(target, _nothing), done)
        except BaseException:
            self._landed.set()
            raise
        return True

    def flush(self) -> None:
        """Saves the position and waits for it. Raises as `commit` does."""
        self._landed.wait()
        if self.sequence != self._saved:
            self.commit(self.sequence, _nothing)

    def _move(
        self, sequence: int, write: Callable[[Transaction], None]
    ) -> Callable[[Transaction], None]:
        stored = self._stored

        def work(transaction: Transaction) -> None:
            check_position(transaction, self._ownership, self._shard_number, stored)
            write(transaction)
            save_position(transaction, self._ownership, self._shard_number, sequence)

        return work


def _nothing(transaction: Transaction) -> None:
    pass
