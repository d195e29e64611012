"""Where handlers run: on the calling thread or, as coroutine functions, on an event loop.

Those with a timeout run on a thread that can be given up, and others in processes of their own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Coroutine
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from .errors import LoopClosedError
from .timeouts import HungCalls, SpareThreads, Watch

if TYPE_CHECKING:
    import asyncio

    from .processes.pool import Processes

R = TypeVar("R")

CANCEL_SECONDS = 1.0
"""How long a coroutine may take to end behind its timeout, when it has been cancelled."""


class Caller:
    """Runs coroutines for threads that wait for them.

    Those that await something run on the loop that is given, else on one with a thread of its own.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self._given_loop = loop
        self._own_loop: _OwnLoop | None = None
        self._lock = threading.Lock()
        self._spare_threads = SpareThreads()
        self.hung_calls = HungCalls()

    @cached_property
    def processes(self) -> Processes:
        """The processes of the handlers that run in some."""
        # Imported where one runs: it brings much of the standard library along.
        from .processes.pool import Processes

        return Processes()

    def process_ids(self) -> set[int]:
        return self.processes.pids() if "processes" in self.__dict__ else set()

    def run(self, coroutine: Coroutine[Any, Any, R]) -> R:
        """Its result, from the loop. Raises LoopClosedError when the loop is gone."""
        result: R = self._submit(coroutine).result()
        return result

    def run_within(
        self, name: str, watch: Watch, coroutine: Coroutine[Any, Any, R], *, is_async: bool
    ) -> tuple[R] | None:
        """Its result, or None when the watch is over before it has one: then it is left to itself.

        Raises HungCallsError where too many calls of the handler of that name have been.
        """
        try:
            self.hung_calls.check(name)
        except BaseException:
            coroutine.close()
            raise
        run = _WatchedRun(watch, coroutine, lambda: self.hung_calls.remove(name))
        if is_async:
            loop = self._own_loop
            future = self._submit(run.on_loop())
            # A loop that another call blocks does not even begin with this one.
            is_in_time = watch.wait(CANCEL_SECONDS, watch.seconds + CANCEL_SECONDS)
        else:
            self._spare_threads.run(run.on_thread)
            is_in_time = watch.wait(0.0, None)
        if is_in_time:
            return (run.result(),)
        self.hung_calls.add(name)
        if is_async:
            self._leave(loop)
            if watch.call is not None:
                future.cancel()
        return None

    def close(self) -> None:
        """Ends what was started here: the loop, with all that still runs on it, and processes.

        What runs in a process is ended with it.
        """
        if "processes" in self.__dict__:
            self.processes.close()
        self._spare_threads.close()
        if self._own_loop is not None:
            self._own_loop.end()
            self._own_loop.join()

    def _submit(self, coroutine: Coroutine[Any, Any, R]) -> Any:
        """The future of a coroutine on the loop."""
        loop = self._given_loop or self._start_loop()
        if loop.is_closed():
            coroutine.close()
            raise LoopClosedError("the event loop of the coroutine handlers is closed")
        # Imported where a coroutine runs: it would take a third of pelton's own import.
        import asyncio

        return asyncio.run_coroutine_threadsafe(coroutine, loop)

    def _start_loop(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._own_loop is None:
                self._own_loop = _OwnLoop()
            return self._own_loop.loop

    def _leave(self, blocked: _OwnLoop | None) -> None:
        """Has the next coroutines run on another loop than one that may be blocked."""
        with self._lock:
            if blocked is not None and self._own_loop is blocked:
                self._own_loop = None
                blocked.end()


class _OwnLoop:
    """An event loop with a thread of its own."""

    loop: asyncio.AbstractEventLoop
    _ending: asyncio.Event

    def __init__(self) -> None:
        import asyncio

        started = threading.Event()
        self._thread = threading.Thread(
            target=asyncio.run,
            args=(self._keep(started),),
            name="pelton-handlers-loop",
            daemon=True,
        )
        self._thread.start()
        started.wait()

    def end(self) -> None:
        """Has it end, and cancels what runs on it."""
        self.loop.call_soon_threadsafe(self._ending.set)

    def join(self) -> None:
        self._thread.join()

    async def _keep(self, started: threading.Event) -> None:
        import asyncio

        self.loop, self._ending = asyncio.get_running_loop(), asyncio.Event()
        started.set()
        await self._ending.wait()


class _WatchedRun:
    """A coroutine that runs while a watch waits for it; `left` is called if it ends too late."""

    def __init__(
        self, watch: Watch, coroutine: Coroutine[Any, Any, Any], left: Callable[[], None]
    ) -> None:
        self._watch = watch
        self._coroutine = coroutine
        self._left = left
        self._result: Any = None
        self._error: BaseException | None = None

    def on_thread(self) -> None:
        try:
            self._result = run_to_end(self._coroutine)
        except BaseException as error:
            self._error = error
        self._end()

    async def on_loop(self) -> None:
        if self._watch.is_over:
            self._coroutine.close()
        else:
            try:
                self._result = await self._coroutine
            except BaseException as error:
                self._error = error
        self._end()

    def result(self) -> Any:
        if self._error is not None:
            raise self._error
        return self._result

    def _end(self) -> None:
        if not self._watch.end():
            self._left()


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
