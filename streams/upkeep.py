"""Upkeep: the rounds that tables and streams need while nobody writes to them."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from ..engine.errors import StoreError
from ..engine.sweeping import delete_expired
from .retention import Rest

if TYPE_CHECKING:
    from .streams import Streams

log = logging.getLogger("pelton.streams")

UPKEEP_SECONDS = 60.0
UPKEEP_SECONDS_MIN = 0.05
ROUNDS_PER_LIMIT = 4
"""How often it looks while the shortest of the limits passes, where that is less than minutes."""


class Upkeep:
    """A thread that deletes expired items, rolls shards whose time has come, trims old records and
    takes up the filling of indexes that a full disk has stopped: once a minute, or more often where
    limits are short. Trimming that takes longer goes on in the next round.
    """

    def __init__(self, streams: Streams) -> None:
        self._streams = streams
        limits = streams.limits
        shortest = min(limits.shard_seconds_max, limits.retention_seconds)
        self.interval_seconds = max(
            UPKEEP_SECONDS_MIN, min(UPKEEP_SECONDS, shortest / ROUNDS_PER_LIMIT)
        )
        self._round_ends_at = 0.0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pelton-upkeep", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Waits for what is under way; call it before the database is closed."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def run_round(self, rest: Rest | None = None) -> None:
        """One round of it, on the calling thread; `rest` is for `Streams.trim`."""
        self._streams.database.backfill.resume()
        delete_expired(self._streams.database, is_stopping=self._stopping.is_set)
        self._streams.database.splitter.split_due(is_stopping=self._stopping.is_set)
        self._streams.roll_aged()
        self._streams.trim(rest=rest)

    def _run(self) -> None:
        pause_seconds = self.interval_seconds
        while not self._stopping.wait(pause_seconds):
            self._round_ends_at = time.monotonic() + self.interval_seconds
            try:
                self.run_round(self._rest)
            except StoreError:
                log.exception("a round of upkeep failed; the next one will make up for it")
            pause_seconds = max(0.0, self._round_ends_at - time.monotonic())

    def _rest(self, seconds: float) -> bool:
        return self._stopping.wait(seconds) or time.monotonic() > self._round_ends_at
