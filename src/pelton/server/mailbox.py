"""Answers on their way from the writer's thread to the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from typing import Any


class Completion:
    """The answer to one request: called by the database as `done(answer, error)`, once.

    Reads are answered on the event loop's own thread before `submit` returns; then `is_here` is
    true and nothing needs to be waited for.
    """

    __slots__ = ("answer", "error", "future", "is_here", "mailbox")

    def __init__(self, mailbox: Mailbox) -> None:
        self.mailbox = mailbox
        self.answer: Any = None
        self.error: BaseException | None = None
        self.is_here = False
        self.future: asyncio.Future[None] | None = None

    def __call__(self, answer: Any, error: BaseException | None) -> None:
        self.answer = answer
        self.error = error
        if threading.get_ident() == self.mailbox.thread_id:
            self.arrive()
        else:
            self.mailbox.post(self)

    def arrive(self) -> None:
        """Wakes who waits for the answer; on the event loop's thread."""
        self.is_here = True
        if self.future is not None and not self.future.done():
            self.future.set_result(None)

    async def wait(self) -> None:
        """Returns when the answer is here; on the event loop's thread."""
        if not self.is_here:
            self.future = self.mailbox.loop.create_future()
            await self.future


class Mailbox:
    """Carries completions to the event loop, waking it once for the burst that a commit makes.

    Made on the event loop's thread. A wake-up costs a system call and a change of threads, which
    is as much as the rest of a put; a commit completes up to a hundred puts.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.thread_id = threading.get_ident()
        self._posted: deque[Completion] = deque()
        self._is_woken = False

    def post(self, completion: Completion) -> None:
        """Hands over a completion; on any thread."""
        self._posted.append(completion)
        # Appended first: a delivery that resets the flag after this check has yet to empty the
        # queue. Two threads that both see it unset wake the loop twice, which does no harm.
        if not self._is_woken:
            self._is_woken = True
            try:
                self.loop.call_soon_threadsafe(self._deliver)
            except RuntimeError:
                # The loop is closed: the server stopped waiting for this answer.
                self._posted.clear()

    def _deliver(self) -> None:
        self._is_woken = False
        posted = self._posted
        while posted:
            posted.popleft().arrive()
