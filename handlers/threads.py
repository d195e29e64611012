"""The scheduler of a running app: a pool of threads that grows when handlers keep it waiting."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from queue import SimpleQueue
from typing import NamedTuple

from .scheduler import Scheduler, Task, step_safely
from .timers import Timers

THREADS_AT_ONCE = 2
"""Threads that are started as soon as there is work for them; more would only fight for the GIL."""

THREADS_MAX = 256
"""Most of them wait; one that does costs next to nothing."""

STALL_SECONDS = 0.005
BUSY_SHARE = 0.8
"""Work that waited for STALL_SECONDS while the processor was used for less than this share of them
waits for handlers that block: more threads help."""


class ThreadScheduler(Scheduler):
    """Runs tasks on daemon threads that wait on a queue, with no timeout and at no cost."""

    def __init__(self) -> None:
        super().__init__()
        self._ready: SimpleQueue[Task | None] = SimpleQueue()
        self._timers = Timers()
        self._threads: list[threading.Thread] = []
        self._waiting = 0
        self._free = 0
        self._begun = 0
        self._watch: _Watch | None = None

    def stop(self) -> None:
        super().stop()
        threads = list(self._threads)
        for _ in threads:
            self._ready.put(None)
        self._timers.stop()
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join()

    def wait_quiet(self, timeout_seconds: float | None) -> bool:
        if threading.current_thread() in self._threads:
            raise RuntimeError("a handler that waits for all handlers would wait for itself")
        with self._lock:
            self._quiet.wait_for(lambda: self._is_stopped or not self._active, timeout_seconds)
            return not self._active

    def after(self, seconds: float, callback: Callable[[], None]) -> None:
        self._timers.after(seconds, callback)

    def _may_wait(self) -> bool:
        return threading.current_thread() not in self._threads

    # --- the pool ------------------------------------------------------------------------------

    def _enqueue(self, task: Task) -> None:
        self._waiting += 1
        if self._waiting > self._free:
            if len(self._threads) < THREADS_AT_ONCE:
                self._add_thread()
            elif self._watch is None:
                self._watch_stall()
        self._ready.put(task)

    def _add_thread(self) -> None:
        name = f"pelton-handlers-{len(self._threads) + 1}"
        thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._threads.append(thread)
        self._free += 1
        thread.start()

    def _work(self) -> None:
        while True:
            task = self._ready.get()
            if task is None or self._is_stopped:
                return
            with self._lock:
                self._waiting -= 1
                self._begun += 1
                if not self._begin_step(task):
                    continue
                self._free -= 1
            wanted = step_safely(task)
            with self._lock:
                self._free += 1
                self._end_step(task, wanted)

    # --- its growth ----------------------------------------------------------------------------

    def _watch_stall(self) -> None:
        begun_when_taken = self._begun + self._waiting
        self._watch = _Watch(begun_when_taken, time.monotonic(), time.process_time())
        self._timers.after(STALL_SECONDS, self._grow_if_stalled)

    def _grow_if_stalled(self) -> None:
        with self._lock:
            watch, self._watch = self._watch, None
            if watch is None or self._waiting <= self._free or self._is_stopped:
                return
            is_stalled = self._begun < watch.begun_when_taken and not watch.is_processor_busy()
            if is_stalled:
                # Twice as many at most, so that hundreds of handlers which block do not take long.
                count = min(self._waiting - self._free, len(self._threads))
                for _ in range(min(count, THREADS_MAX - len(self._threads))):
                    self._add_thread()
            self._watch_stall()


class _Watch(NamedTuple):
    """What was seen when work began to wait."""

    begun_when_taken: int
    """How many steps will have begun once none of the work that waits is left."""
    seconds: float
    processor_seconds: float

    def is_processor_busy(self) -> bool:
        """Whether Python ran all the time since: more threads would then only take turns."""
        used = time.process_time() - self.processor_seconds
        return used > BUSY_SHARE * (time.monotonic() - self.seconds)
