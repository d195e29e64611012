"""Writes on their way from the event loop to the writer's thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from pelton.engine import Database


class Turn:
    """Hands a database the writes of one turn of the event loop together.

    Between two of its callbacks uvloop lets go of the interpreter lock; the writer's thread would
    start on the first write alone, and the others would wait for its commit instead of sharing it.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, database: Database) -> None:
        self._loop = loop
        self._database = database
        self._writes: list[tuple[Callable[[Any], Any], Callable[[Any, Any], None], bool]] = []

    def write(
        self,
        work: Callable[[Any], Any],
        done: Callable[[Any, BaseException | None], None],
        *,
        alone: bool = False,
    ) -> None:
        """As the store's `write`, at the end of this turn."""
        self._writes.append((work, done, alone))
        if len(self._writes) == 1:
            self._loop.call_soon(self._end)

    def _end(self) -> None:
        writes, self._writes = self._writes, []
        for work, done, alone in writes:
            try:
                self._database.store.write(work, done, alone=alone)
            except Exception as error:
                done(None, error)
