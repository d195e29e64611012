"""Keeps the positions that nothing else has made durable: many in one commit, a moment later."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Protocol

from ..engine import Database
from ..engine.errors import StoreClosedError
from ..engine.storage import Transaction
from .errors import OwnershipLostError
from .progress import Progress
from .scheduler import Scheduler

log = logging.getLogger("pelton.handlers")

SAVE_SECONDS = 0.02
"""How long a position may wait: a commit for each would slow down everyone who writes."""

FAILED_SAVE_SECONDS = 1.0


class Keeping(Protocol):
    """Whoever has a position to keep."""

    @property
    def progress(self) -> Progress: ...

    def lose(self, error: OwnershipLostError) -> None:
        """Its position can no longer be saved: another dispatcher has it."""


class Keeper:
    """Saves positions after a moment, or when it is asked to."""

    def __init__(self, database: Database, scheduler: Scheduler) -> None:
        self._database = database
        self._scheduler = scheduler
        self._lock = threading.Lock()
        self._unsaved: set[Keeping] = set()
        self._is_timed = False

    def note(self, worker: Keeping) -> None:
        """A position has moved in memory."""
        with self._lock:
            self._unsaved.add(worker)
            self._save_in(SAVE_SECONDS)

    def flush(self) -> bool:
        """Saves all positions and waits for it; False when some cannot be saved any more.

        Raises StoreError when the store fails.
        """
        workers = self._take()
        if not workers:
            return True
        try:
            lost = self._database.write(_saving(workers))
        except BaseException:
            self._put_back(workers)
            raise
        return not _tell(lost)

    def _save_in(self, seconds: float) -> None:
        if not self._is_timed:
            self._is_timed = True
            self._scheduler.after(seconds, self._save)

    def _save(self) -> None:
        """Saves all positions without waiting for it; called by a timer."""
        with self._lock:
            self._is_timed = False
        workers = self._take()

        def done(lost: Lost | None, error: BaseException | None) -> None:
            if error is not None:
                log.warning("positions are not saved, will try again: %s", error)
                self._put_back(workers)
            _tell(lost or {})

        try:
            if workers:
                self._database.store.write(_saving(workers), done)
        except StoreClosedError:
            pass  # a crash would do no more: some records are delivered once more

    def _take(self) -> set[Keeping]:
        with self._lock:
            workers, self._unsaved = self._unsaved, set()
            return workers

    def _put_back(self, workers: set[Keeping]) -> None:
        with self._lock:
            self._unsaved |= workers
            self._save_in(FAILED_SAVE_SECONDS)


Lost = dict[Keeping, OwnershipLostError]


def _saving(workers: set[Keeping]) -> Callable[[Transaction], Lost]:
    """The work that saves the positions of workers; it returns those that have lost theirs."""

    def work(transaction: Transaction) -> Lost:
        lost: Lost = {}
        for worker in workers:
            try:
                worker.progress.save(transaction)
            except OwnershipLostError as error:
                lost[worker] = error
        return lost

    return work


def _tell(lost: Lost) -> bool:
    for worker, error in lost.items():
        worker.lose(error)
    return bool(lost)
