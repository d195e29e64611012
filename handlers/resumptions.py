"""Resumptions: paused mappings that somebody else on the same file has let go on."""

from __future__ import annotations

from collections.abc import Callable

from ..engine import Database
from ..engine.storage import Reader
from .checkpoint import is_paused
from .scheduler import Next, Step, Task


class Resumptions(Task):
    """Woken by the commits of other processes: a mapping that is at work looks for itself.

    `resting` gives the names of those that are not, although they are enabled.
    """

    def __init__(
        self,
        database: Database,
        resting: Callable[[], list[str]],
        begin_again: Callable[[str], None],
    ) -> None:
        self._database = database
        self._resting = resting
        self._begin_again = begin_again

    def step(self) -> Step:
        names = self._resting()
        if names:

            def resumed(reader: Reader) -> list[str]:
                return [name for name in names if not is_paused(reader, name)]

            for name in self._database.store.look_up(resumed):
                self._begin_again(name)
        return Next.IDLE

    def describe(self) -> str:
        return "looking for handlers that go on"
