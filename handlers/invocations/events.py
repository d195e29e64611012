"""Invocations that nobody waits for: each is made at once, and again if it fails."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from .failures import ThrottledInvocation
from .invoker import Invocation, Invoker

log = logging.getLogger("pelton.handlers")

RETRY_SECONDS = (60.0, 120.0)
"""How long after its failures one is tried again. Source: "Asynchronous invocation" in the AWS
Lambda developer guide."""

THROTTLED_SECONDS = 1.0
"""How long one waits whose function runs as often at once as it may; that is no attempt."""

After = Callable[[float, Callable[[], None]], None]
"""Calls a function after so many seconds, on another thread; it must be quick."""


class EventQueue:
    """Makes invocations on threads of its own; what still waits at the end of the process is lost.

    Not to be used after `close`.
    """

    def __init__(self, invoker: Invoker, after: After) -> None:
        self._invoker = invoker
        self._after = after
        self._lock = threading.Lock()
        self._threads: set[threading.Thread] = set()

    def put(self, invocation: Invocation) -> None:
        """Has the call made, and returns."""
        thread = threading.Thread(
            target=self._run, args=(invocation,), name="pelton-event", daemon=True
        )
        with self._lock:
            self._threads.add(thread)
        thread.start()

    def close(self, timeout_seconds: float) -> None:
        """Waits for the calls that run, though not for ever."""
        with self._lock:
            threads = list(self._threads)
        for thread in threads:
            thread.join(timeout_seconds)

    def _run(self, invocation: Invocation) -> None:
        try:
            try:
                answer = self._invoker.invoke(invocation)
            except ThrottledInvocation:
                self._after(THROTTLED_SECONDS, partial(self.put, invocation))
                return
            if not answer.is_error:
                return
            name, told = invocation.function.name, answer.payload.decode()
            if invocation.attempt > len(RETRY_SECONDS):
                log.error("function %r failed at an event and gives it up: %s", name, told)
                return
            log.warning("function %r failed at an event, will try again: %s", name, told)
            again = replace(invocation, attempt=invocation.attempt + 1)
            self._after(RETRY_SECONDS[invocation.attempt - 1], partial(self.put, again))
        finally:
            with self._lock:
                self._threads.discard(threading.current_thread())
