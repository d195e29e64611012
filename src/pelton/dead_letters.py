"""The app's dead letters: listed, shown whole, and put back in order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .engine import Database
from .handlers import EventSourceMapping
from .handlers.calling import Caller, is_on_loop
from .handlers.letters import Letter, find_letter, letters_of
from .handlers.redrive import Redrive, Redriven
from .handlers.redrive_requests import ask_for_redrive
from .streams import Streams

if TYPE_CHECKING:
    import asyncio

Letters = list[Letter]


class DeadLetters:
    """Records that their handlers could not do; `App.dead_letters` gives it."""

    def __init__(
        self,
        database: Database,
        streams: Streams,
        mappings: Mapping[str, EventSourceMapping],
        loop: asyncio.AbstractEventLoop | None,
    ) -> None:
        self._database = database
        self._streams = streams
        self._mappings = mappings
        self._loop = loop

    def list(self, handler: str | None = None, *, key: Mapping[str, Any] | None = None) -> Letters:
        """The letters of a handler, or of all, about the item of a key, or about all.

        Each handler's are in the order in which the changes happened. Of a table with write shards
        a key is the one that is stored.
        """
        return list(letters_of(self._database, handler, key))

    def show(self, handler: str, sequence_number: str) -> Letter:
        """One letter, whole. Raises ValueError where there is none."""
        letter = find_letter(self._database, handler, sequence_number)
        if letter is None:
            raise ValueError(f"handler {handler!r} has no dead letter {sequence_number!r}")
        return letter

    def ask_for_redrive(
        self, handler: str | None = None, *, key: Mapping[str, Any] | None = None
    ) -> int:
        """Has letters delivered by the process that runs their handlers, or by the next that does.

        The file keeps the request. Returns how many letters there are now that it is about.
        """
        letters = self.list(handler, key=key)
        ask_for_redrive(self._database, {each.handler_name for each in letters}, key)
        return len(letters)

    def redrive(
        self, handler: str | None = None, *, key: Mapping[str, Any] | None = None
    ) -> Redriven:
        """Delivers letters to their handlers again, each alone, those of an item in order.

        A letter is gone in the same commit as what its handler writes. Where one fails it stays,
        with the attempt noted, and so do those behind it about the same item. The app may be
        started or not. Raises ValueError where the handler of a letter is not registered, and
        RuntimeError on the loop that the handlers run on: `await app.aio.redrive()` there.
        """
        if is_on_loop(self._loop):
            raise RuntimeError(
                "redrive() would block the loop that the handlers run on: await app.aio.redrive()"
            )
        caller = Caller(self._loop)
        try:
            redrive = Redrive(self._database, self._streams, self._mappings, caller)
            return redrive.run(handler, key)
        finally:
            caller.close()
