"""Calls of handlers: on the calling thread, or on an event loop for coroutine functions."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from .context import Context
from .errors import LoopClosedError
from .handler import Handler


class Caller:
    """Calls handlers from threads that may wait for them.

    Coroutine functions run on the loop that is given, else on one that has a thread of its own.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self._loop = loop
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def call(self, handler: Handler, argument: Any, context: Context) -> Any:
        """What the handler returns; raises what it raises, or LoopClosedError without its loop."""
        result = handler.function(argument, context)
        if not handler.is_async:
            return result
        loop = self._loop or self._start_loop()
        if loop.is_closed():
            result.close()
            raise LoopClosedError("the event loop of the coroutine handlers is closed")
        return asyncio.run_coroutine_threadsafe(result, loop).result()

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
