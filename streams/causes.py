"""What caused the records that handlers have made, as far as it is remembered."""

from __future__ import annotations

from collections.abc import Callable

from ..engine.cause import Cause

RECORDS_MAX = 65_536


class Causes:
    """The causes of the latest records that had one, by sequence; in memory, and of this process.

    They are noted on the writer's thread and looked up on any.
    """

    def __init__(self, records_max: int = RECORDS_MAX) -> None:
        self._records_max = records_max
        self._by_sequence: dict[int, Cause] = {}
        self.of: Callable[[int], Cause | None] = self._by_sequence.get
        """What a record follows from; None for a write from outside, and where it is forgotten.

        The look-up itself, as it is made for each record of each call.
        """

    def __len__(self) -> int:
        return len(self._by_sequence)

    def note(self, sequence: int, cause: Cause) -> None:
        """Remembers what a record follows from; the oldest is forgotten where they are too many."""
        self._by_sequence[sequence] = cause
        if len(self._by_sequence) > self._records_max:
            del self._by_sequence[next(iter(self._by_sequence))]

    def forget(self, sequence: int) -> None:
        """The record was not written after all."""
        self._by_sequence.pop(sequence, None)
