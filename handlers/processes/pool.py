"""The processes of an app's handlers: idle ones wait for the next delivery of their function."""

from __future__ import annotations

import threading

from ..handler import Handler
from .process import HandlerProcess, start_process

IDLE_MAX = 8
"""Processes that wait for work, of all handlers; those that have waited longest are ended."""


class Processes:
    """Lends out a process of a function at a time; never more than there are deliveries."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[HandlerProcess] = []
        self._lent: set[HandlerProcess] = set()
        self._is_closed = False

    def take(self, handler: Handler, memory_limit_mb: int | None) -> HandlerProcess:
        """A process that is free, or a new one that has yet to begin. Raises OSError.

        It is one of a handler and a limit; a handler that was loaded anew is another one.
        """
        while (found := self._take_idle(handler, memory_limit_mb)) is not None:
            if found.is_alive():
                return found
            self.drop(found)
        process = start_process(handler, memory_limit_mb)
        with self._lock:
            self._lent.add(process)
        return process

    def give_back(self, process: HandlerProcess) -> None:
        """Has it wait for its next delivery."""
        with self._lock:
            self._lent.discard(process)
            self._idle.append(process)
            surplus = self._idle if self._is_closed else self._idle[:-IDLE_MAX]
            self._idle = self._idle[len(surplus) :]
        for each in surplus:
            each.close()

    def drop(self, process: HandlerProcess) -> None:
        """Ends one that nothing more is to be sent to."""
        process.kill()
        with self._lock:
            self._lent.discard(process)

    def pids(self) -> set[int]:
        """The ids of all that live."""
        with self._lock:
            return {each.pid for each in (*self._idle, *self._lent)}

    def close(self) -> None:
        """Ends those that wait; the others end when they are given back."""
        with self._lock:
            self._is_closed = True
            idle, self._idle = self._idle, []
        for each in idle:
            each.let_go()  # so that all end at once
        for each in idle:
            each.close()

    def _take_idle(self, handler: Handler, memory_limit_mb: int | None) -> HandlerProcess | None:
        with self._lock:
            for place in reversed(range(len(self._idle))):
                process = self._idle[place]
                if process.handler is handler and process.memory_limit_mb == memory_limit_mb:
                    del self._idle[place]
                    self._lent.add(process)
                    return process
        return None
