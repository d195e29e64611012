"""Answers on their way from the writer's thread to the event loop."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from typing import Protocol

log = logging.getLogger("pelton.server")


class Arriving(Protocol):
    """Something that waits to be told, on the event loop's thread, that its answer is there."""

    def arrive(self) -> None: ...


class Mailbox:
    """Carries answers to the event loop, waking it once for the burst that a commit makes.

    Made on the event loop's thread. A wake-up costs a system call and a change of threads, which
    is as much as the rest of a put; one commit answers up to a hundred puts.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.thread_id = threading.get_ident()
        self.loop = loop
        self._posted: deque[Arriving] = deque()
        self._is_woken = False

    def post(self, arriving: Arriving) -> None:
        """Hands over an answer; on any thread."""
        self._posted.append(arriving)
        # Appended first: a delivery that resets the flag after this check has yet to empty the
        # queue. Two threads that both see it unset wake the loop twice, which does no harm.
        if not self._is_woken:
            self._is_woken = True
            try:
                self.loop.call_soon_threadsafe(self._deliver)
            except RuntimeError:
                # The loop is closed: the server has stopped waiting for this answer.
                self._posted.clear()

    def _deliver(self) -> None:
        self._is_woken = False
        posted = self._posted
        while posted:
            try:
                posted.popleft().arrive()
            except Exception:
                # One answer that cannot be given must not keep the others of its commit.
                log.exception("an answer was lost")
