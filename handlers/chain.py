"""How many calls in a row a record follows from, and when that is a circle without end."""

from __future__ import annotations

from collections.abc import Sequence

from ..engine.cause import Cause
from ..streams import Record
from ..streams.causes import Causes
from .errors import CycleError

DEPTH_MAX = 64
"""How many calls in a row may follow from one another before that is held for a circle."""


class Chain:
    """The calls of one handler, as links of chains: what its records follow from, what from it.

    `depth_max` None lets chains be as long as they like.
    """

    def __init__(self, causes: Causes, handler_name: str, depth_max: int | None = None) -> None:
        self._look_up = causes.of
        self._handler_name = handler_name
        self._depth_max = depth_max
        self._first = Cause().then(handler_name)
        self._before, self._behind = Cause(), self._first
        """A cause and the one that follows from it: most records share theirs with others."""

    def cause_of(self, records: Sequence[Record]) -> Cause:
        """The cause of all that a call with these records writes.

        Of a batch nobody knows which record a write follows from: it is held for the one with the
        fewest calls before it, so that a chain is never told longer than it is. Raises CycleError
        where even that one has too many.
        """
        look_up = self._look_up
        before: Cause | None = None
        for record in records:
            cause = look_up(record.sequence)
            if cause is None:
                return self._first
            if before is None or cause.depth < before.depth:
                before = cause
        if before is None:
            return self._first
        if before is self._before:
            return self._behind
        if self._depth_max is not None and before.depth >= self._depth_max:
            raise CycleError(self._describe(before))
        self._before, self._behind = before, before.then(self._handler_name)
        return self._behind

    def _describe(self, before: Cause) -> str:
        name = self._handler_name
        path = (*before.path, name)
        earlier = [place for place, each in enumerate(before.path) if each == name]
        circle = path[earlier[-1] :] if earlier else path
        return (
            f"handlers call one another without end: {' -> '.join(circle)}, {before.depth} calls "
            f"in a row before this one; {name!r} keeps its position before these records. If that "
            "is meant, may_cycle=True lets it go on"
        )
