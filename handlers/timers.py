"""Timers: one thread that sleeps until the next is due, and exists only once one was set."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable

log = logging.getLogger("pelton.handlers")


class Timers:
    """Calls functions after a while, each on the timers' thread; they must be quick."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._is_stopping = False

    def after(self, seconds: float, callback: Callable[[], None]) -> None:
        """Calls `callback` in so many seconds."""
        with self._changed:
            due = time.monotonic() + seconds
            heapq.heappush(self._heap, (due, next(self._numbers), callback))
            if self._thread is None and not self._is_stopping:
                self._thread = threading.Thread(
                    target=self._run, name="pelton-handlers-timers", daemon=True
                )
                self._thread.start()
            elif self._heap[0][0] == due:
                self._changed.notify()

    def stop(self) -> None:
        """Forgets the timers that are not due yet."""
        with self._changed:
            self._is_stopping = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                callback = self._next_due()
            if callback is None:
                return
            try:
                callback()
            except Exception:
                log.exception("a timer's callback failed")

    def _next_due(self) -> Callable[[], None] | None:
        while not self._is_stopping:
            now = time.monotonic()
            if self._heap and self._heap[0][0] <= now:
                return heapq.heappop(self._heap)[2]
            self._changed.wait(self._heap[0][0] - now if self._heap else None)
        return None
