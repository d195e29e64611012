"""Slots: so many tasks at once may do something; the others have no thread that waits for it."""

from __future__ import annotations

import threading
from collections.abc import Callable

from .scheduler import Next, Scheduler, Step, Task


class Slots:
    """Lets `count` tasks pass at once, the others in the order in which they came.

    With one slot it is a lane for workers that get in each other's way: those whose handlers read
    and write the same items would run again and again, each undone by the commit of another.
    """

    def __init__(
        self, scheduler: Scheduler, count: int, note_wait: Callable[[], None] | None = None
    ) -> None:
        """`note_wait` is called for each task that has to wait."""
        self._note_wait = note_wait
        self._scheduler = scheduler
        self._lock = threading.Lock()
        self._count = count
        self._holders: set[Task] = set()
        self._waiting: dict[Task, None] = {}

    def enter(self, task: Task) -> bool:
        """Whether the task has a slot now; if not, it is woken when it has got one."""
        with self._lock:
            if task in self._holders:
                return True
            if len(self._holders) < self._count:
                self._holders.add(task)
                return True
            if task not in self._waiting:
                self._waiting[task] = None
                if self._note_wait is not None:
                    self._note_wait()
            return False

    def step(self, task: Task, step: Callable[[], Step]) -> Step:
        """Does a step that may enter; the task leaves with its end, unless it is parked."""
        wanted: Step = Next.AGAIN
        try:
            wanted = step()
        finally:
            if wanted is not Next.PARKED:
                self.leave(task)
        return wanted

    def leave(self, task: Task) -> None:
        """Gives a task's slot to the one that has waited longest; one that waits does no more."""
        with self._lock:
            self._waiting.pop(task, None)
            if task not in self._holders:
                return
            self._holders.remove(task)
            heir = next(iter(self._waiting), None)
            if heir is None:
                return
            del self._waiting[heir]
            self._holders.add(heir)
        self._scheduler.wake(heir)
