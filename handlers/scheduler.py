"""What runs next: tasks that are woken, run one step at a time, and sleep without being polled.

A task runs on one thread at a time. Whoever has something for it wakes it; a wake-up during a step
is not lost, it means one more step. Threads (or none, in a simulation) are a subclass's business.
"""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from enum import Enum, auto
from functools import partial
from typing import NamedTuple

log = logging.getLogger("pelton.handlers")

FAULT_SECONDS = 1.0
"""How long a task waits whose step failed in a way that no step should."""


class Next(Enum):
    """What a task wants after a step."""

    AGAIN = "another step"
    IDLE = "nothing until it is woken"
    PARKED = "to be woken by something it has begun; it has not come to rest"
    DONE = "no further step, ever"


class RetryIn(NamedTuple):
    """The task wants its next step after a while, and not before."""

    seconds: float


class WakeWithin(NamedTuple):
    """The task wants its next step when it is woken, and after a while at the latest."""

    seconds: float


Step = Next | RetryIn | WakeWithin


class _State(Enum):
    IDLE = auto()
    READY = auto()
    RUNNING = auto()
    WOKEN = auto()  # running, and woken meanwhile
    PARKED = auto()
    TIMED = auto()
    WAITING = auto()  # for more to come, or its time
    DONE = auto()


_AT_REST = (_State.IDLE, _State.DONE)


class Task(ABC):
    """Something that is done in steps."""

    _state = _State.IDLE
    _is_timed = False
    _is_ended = False

    @abstractmethod
    def step(self) -> Step:
        """Does one thing and returns; called by one thread at a time."""

    @abstractmethod
    def describe(self) -> str:
        """What it is and what it is at, for people who wait for it."""


class Scheduler(ABC):
    """Keeps the tasks that are not at rest, and knows when all are."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._quiet = threading.Condition(self._lock)
        self._ended = threading.Condition(self._lock)
        self._active: set[Task] = set()
        self._is_stopped = False

    def stop(self) -> None:
        """Begins no further step; returns when those that run have ended."""
        with self._lock:
            self._is_stopped = True
            self._quiet.notify_all()

    @abstractmethod
    def wait_quiet(self, timeout_seconds: float | None) -> bool:
        """Waits until every task is at rest; False when that took too long, or after `stop`."""

    @abstractmethod
    def _enqueue(self, task: Task) -> None:
        """Has a ready task run; called with the lock held."""

    @abstractmethod
    def after(self, seconds: float, callback: Callable[[], None]) -> None:
        """Calls `callback`, which must be quick, after a while, unless it is stopped before."""

    def wake(self, task: Task) -> None:
        """Gives a task a step, unless it waits for its time or is done."""
        with self._lock:
            state = task._state
            if state is _State.RUNNING:
                task._state = _State.WOKEN
            elif state is _State.IDLE or state is _State.PARKED or state is _State.WAITING:
                self._make_ready(task)

    def end(self, tasks: Iterable[Task], *, waits: bool = True) -> None:
        """Gives tasks no further step; waits for the steps that run, unless called by one."""
        with self._lock:
            running = []
            for task in tasks:
                task._is_ended = True
                if task._state is _State.RUNNING or task._state is _State.WOKEN:
                    running.append(task)
                elif task._state is not _State.DONE:
                    self._rest(task, _State.DONE)
            if running and waits and self._may_wait():
                self._ended.wait_for(lambda: all(each._state is _State.DONE for each in running))

    def have_ended(self, tasks: Iterable[Task]) -> bool:
        """Whether tasks will never step again."""
        with self._lock:
            return all(task._state is _State.DONE for task in tasks)

    def _may_wait(self) -> bool:
        """Whether this thread may wait for steps to end: none of them waits for it."""
        return True

    def behind(self) -> list[Task]:
        """The tasks that are not at rest."""
        with self._lock:
            return list(self._active)

    def _make_ready(self, task: Task) -> None:
        task._state = _State.READY
        self._active.add(task)
        if not self._is_stopped:
            self._enqueue(task)

    def _begin_step(self, task: Task) -> bool:
        """Takes note that a ready task runs; called with the lock held.

        False: it has been ended meanwhile and must not run.
        """
        if task._state is not _State.READY:
            return False
        task._state = _State.RUNNING
        return True

    def _end_step(self, task: Task, wanted: Step) -> None:
        """What follows from a step; called with the lock held."""
        if wanted is Next.DONE or task._is_ended:
            self._rest(task, _State.DONE)
        elif isinstance(wanted, RetryIn):
            task._state = _State.TIMED
            self.after(wanted.seconds, partial(self._end_wait, task))
        elif wanted is Next.AGAIN or task._state is _State.WOKEN:
            self._make_ready(task)
        elif isinstance(wanted, WakeWithin):
            task._state = _State.WAITING
            if not task._is_timed:
                # One that is set already goes off earlier, finds it too early, and is set anew.
                task._is_timed = True
                self.after(wanted.seconds, partial(self._end_waiting, task))
        elif wanted is Next.PARKED:
            task._state = _State.PARKED
        else:
            self._rest(task, _State.IDLE)

    def _end_wait(self, task: Task) -> None:
        with self._lock:
            if task._state is _State.TIMED:
                self._make_ready(task)

    def _end_waiting(self, task: Task) -> None:
        with self._lock:
            task._is_timed = False
            if task._state is _State.WAITING:
                self._make_ready(task)

    def _rest(self, task: Task, state: _State) -> None:
        task._state = state
        self._active.discard(task)
        if task._is_ended:
            self._ended.notify_all()
        if not self._active:
            self._quiet.notify_all()


def step_safely(task: Task) -> Step:
    """One step; a fault in it is logged and costs the task some time, not its life."""
    try:
        return task.step()
    except Exception:
        log.exception("%s failed; it goes on in a second", task.describe())
        return RetryIn(FAULT_SECONDS)
