"""Where handlers run: on the calling thread or, as coroutine functions, on an event loop."""

from __future__ import annotations

import threading
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from .errors import LoopClosedError

if TYPE_CHECKING:
    import asyncio

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
        # Imported where a coroutine runs: it would take a third of pelton's own import.
        import asyncio

        return asyncio.run_coroutine_threadsafe(coroutine, loop).result()

    def close(self) -> None:
        """Ends the loop that was started here, if one was, with all that still runs on it."""
        if self._thread is not None and self._loop is not None:
            self._loop.call_soon_threadsafe(self._end.set)
            self._thread.join()

    def _start_loop(self) -> asyncio.AbstractEventLoop:
        import asyncio

        with self._lock:
            if self._loop is None:
                started = threading.Event()
                self._thread = threading.Thread(
                    target=asyncio.run,
                    args=(self._keep_loop(started),),
                    name="pelton-handlers-loop",
                    daemon=True,
                )
                self._thread.start()
                started.wait()
            assert self._loop is not None
            return self._loop

    async def _keep_loop(self, started: threading.Event) -> None:
        import asyncio

        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        started.set()
        await self._end.wait()


def is_on_loop(loop: asyncio.AbstractEventLoop | None) -> bool:
    """Whether the caller stands in this loop, which it would block by waiting."""
    if loop is None:
        return False
    import asyncio

    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False


def run_to_end(coroutine: Coroutine[Any, Any, R]) -> R:
    """The result of a coroutine that awaits nothing: its first step is its last."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: R = end.value
        return result
    coroutine.close()
    raise RuntimeError("a function that is no coroutine function has awaited something")
