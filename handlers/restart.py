"""Restarts: a mapping goes on in another form once what ran in the old one has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .scheduler import Next, RetryIn, Step, Task

if TYPE_CHECKING:
    from .dispatcher import Dispatcher

LOOK_SECONDS = 0.05
"""How soon to look again for a call that has not ended; nearly all have by the first look."""


class Restart(Task):
    """Waits for the tasks of a mapping to end, without a thread that waits, then starts it."""

    def __init__(self, dispatcher: Dispatcher, name: str, tasks: list[Task]) -> None:
        self._dispatcher = dispatcher
        self._name = name
        self._tasks = tasks

    def step(self) -> Step:
        if not self._dispatcher.have_ended(self._tasks):
            return RetryIn(LOOK_SECONDS)
        self._dispatcher.begin_again(self._name)
        return Next.DONE

    def describe(self) -> str:
        return f"handler {self._name!r} waiting for its last call to end, to go on anew"
