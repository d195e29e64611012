"""A lane for workers that get in each other's way: only one of them is on it at a time."""

from __future__ import annotations

import threading

from .scheduler import Scheduler, Task


class Lane:
    """Lets one task after the other pass, without a thread that waits.

    Workers whose handlers read and write the same items would run again and again, each undone by
    the commit of another. Those that have conflicted take turns instead, which is quicker.
    """

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._lock = threading.Lock()
        self._holder: Task | None = None
        self._waiting: dict[Task, None] = {}

    def enter(self, task: Task) -> bool:
        """Whether the task is on the lane now; if not, it is woken when its turn has come."""
        with self._lock:
            if self._holder is None:
                self._holder = task
            elif self._holder is not task:
                self._waiting[task] = None
            return self._holder is task

    def drop(self, task: Task) -> None:
        """Forgets a task that takes no further step, whether it waits or has its turn."""
        with self._lock:
            self._waiting.pop(task, None)
            is_holder = self._holder is task
        if is_holder:
            self.leave()

    def leave(self) -> None:
        """Makes room for the one that has waited longest."""
        with self._lock:
            self._holder = next(iter(self._waiting), None)
            if self._holder is None:
                return
            holder = self._holder
            del self._waiting[holder]
        self._scheduler.wake(holder)
