"""What follows the last call of a mapping that was changed or taken away while it ran."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from .scheduler import Next, RetryIn, Step, Task

if TYPE_CHECKING:
    from .dispatcher import Dispatcher

LOOK_SECONDS = 0.05
"""How soon to look again for a call that has not ended; nearly all have by the first look."""


class Aftermath(Task):
    """Waits for the tasks of a mapping to end, without a thread that waits, then calls `then`."""

    def __init__(
        self, dispatcher: Dispatcher, name: str, tasks: list[Task], then: Callable[[], None]
    ) -> None:
        self._dispatcher = dispatcher
        self._name = name
        self._tasks = tasks
        self._then = then

    def step(self) -> Step:
        if not self._dispatcher.settle(self._tasks):
            return RetryIn(LOOK_SECONDS)
        self._then()
        return Next.DONE

    def describe(self) -> str:
        return f"handler {self._name!r} waiting for its last call to end"
