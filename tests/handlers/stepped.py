"""A scheduler without threads: a seed decides which task is next, and time passes by itself."""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random

from pelton.engine import ManualClock
from pelton.handlers.scheduler import Scheduler, Task, step_safely

TIMER_CHANCE = 0.1
"""How likely the next timer goes off although tasks are ready."""


class SteppedScheduler(Scheduler):
    """Runs tasks on the thread that waits for them, in an order that `random` chooses.

    `settle` is called after each step and must return when what the step left to the writer is
    done, so that a run depends on its seed alone. When nothing is ready the clock moves on to the
    next task that waits for its time.
    """

    def __init__(self, clock: ManualClock, random: Random, settle: Callable[[], None]) -> None:
        super().__init__()
        self._clock = clock
        self._random = random
        self._settle = settle
        self._ready: list[Task] = []
        self._timed: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._until_ms = math.inf
        self.steps = 0
        self.waited_seconds: list[float] = []

    def stop(self) -> None:
        super().stop()
        self._ready.clear()
        self._timed.clear()

    def wait_quiet(self, timeout_seconds: float | None) -> bool:
        """Runs everything; `timeout_seconds` are those of the clock."""
        deadline_ms = None
        if timeout_seconds is not None:
            deadline_ms = self._clock.now_ms() + timeout_seconds * 1000
        while self._active and self.step():
            if deadline_ms is not None and self._clock.now_ms() > deadline_ms:
                return False
        return not self._active

    def run_until(self, until_ms: int) -> None:
        """Runs everything, and all timers that are due by then, and moves the clock there."""
        with self.no_timer_after(until_ms):
            while self.step():
                pass
        self._clock.advance(seconds=max(0, until_ms - self._clock.now_ms()) / 1000)

    @contextmanager
    def no_timer_after(self, until_ms: int) -> Iterator[None]:
        """Meanwhile the clock does not move on to timers that are due later."""
        self._until_ms = until_ms
        try:
            yield
        finally:
            self._until_ms = math.inf

    def step(self) -> bool:
        """One step of one task; False when all are at rest."""
        if not self._ready or self._random.random() < TIMER_CHANCE:
            if not self._pass_time() and not self._ready:
                return False
        if not self._ready:
            return True
        with self._lock:
            task = self._ready.pop(self._random.randrange(len(self._ready)))
            if not self._begin_step(task):
                return True
        wanted = step_safely(task)
        with self._lock:
            self._end_step(task, wanted)
        self.steps += 1
        self._settle()
        return True

    def _pass_time(self) -> bool:
        if not self._timed or self._timed[0][0] > self._until_ms:
            return False
        due_ms, _, callback = heapq.heappop(self._timed)
        self._clock.advance(seconds=max(0.0, due_ms - self._clock.now_ms()) / 1000 + 0.001)
        callback()
        self._settle()
        return True

    def _enqueue(self, task: Task) -> None:
        self._ready.append(task)

    def _may_wait(self) -> bool:
        return False  # what runs is the step that asks

    def after(self, seconds: float, callback: Callable[[], None]) -> None:
        self.waited_seconds.append(seconds)
        due_ms = self._clock.now_ms() + seconds * 1000
        heapq.heappush(self._timed, (due_ms, next(self._numbers), callback))
