"""Where handlers run: on the calling thread or, as coroutine functions, on an event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from .errors import LoopClosedError

R = TypeVar("R")


class Caller:
    """Runs coroutines for threads that wait for them.

    Those that await something run on the loop that is given, else on one with a thread of its own.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self._loop = loop
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def run(self, coroutine: Coroutine[Any, Any, R]) -> R:
        """Its result, from the loop. Raises LoopClosedError when the loop is gone."""
        loop = self._loop or self._start_loop()
        if loop.is_closed():
            coroutine.close()
            raise LoopClosedError("the event loop of the coroutine handlers is closed")
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result()

    def close(self) -> None:
        """Ends the thread that was started for a loop, if one was."""
        if self._thread is None or self._loop is None:
            return
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._loop = self._thread = None

    def _start_loop(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=self._loop.run_forever, name="pelton-handlers-loop", daemon=True
                )
                self._thread.start()
            return self._loop


def run_to_end(coroutine: Coroutine[Any, Any, R]) -> R:
    """The result of a coroutine that awaits nothing: its first step is its last."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: R = end.value
        return result
    coroutine.close()
    raise RuntimeError("a function that is no coroutine function has awaited something")
