"""Upkeep: the rounds that tables and streams need while nobody writes to them."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from ..engine.errors import StoreError
from ..engine.sweeping import delete_expired

if TYPE_CHECKING:
    from .streams import Streams

log = logging.getLogger("pelton.streams")

UPKEEP_SECONDS = 60.0


class Upkeep:
    """A thread that deletes expired items, rolls shards whose time has come, trims old records and
    takes up the filling of indexes that a full disk has stopped, once a minute.
    """

    def __init__(self, streams: Streams, interval_seconds: float = UPKEEP_SECONDS) -> None:
        self._streams = streams
        self._interval_seconds = interval_seconds
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pelton-upkeep", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Waits for the round under way; call it before the database is closed."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def run_round(self) -> None:
        """One round of it, on the calling thread."""
        self._streams.database.backfill.resume()
        delete_expired(self._streams.database, is_stopping=self._stopping.is_set)
        self._streams.roll_aged()
        self._streams.trim()

    def _run(self) -> None:
        while not self._stopping.wait(self._interval_seconds):
            try:
                self.run_round()
            except StoreError:
                log.exception("a round of upkeep failed; the next one will make up for it")
