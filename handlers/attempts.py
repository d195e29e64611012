"""Attempts: the failed calls that the next records of a feed were part of, until they are done."""

from __future__ import annotations

import os
import traceback
from collections.abc import Sequence
from types import TracebackType
from typing import NamedTuple

from ..streams import Record

FIRST_KEPT = 5
LAST_KEPT = 15
"""A record that is tried without end keeps the first and the last of its attempts."""

TRACEBACKS_KEPT = 4
TRACEBACK_CHARACTERS_MAX = 4_000
MESSAGE_CHARACTERS_MAX = 500

_HERE = os.path.dirname(os.path.abspath(__file__))


class Attempt(NamedTuple):
    """A call that failed; `records` is how many it was given."""

    at_ms: int
    records: int
    error_type: str
    error_message: str
    traceback: str
    """Empty where it is that of the attempt before, or where there are too many to keep."""


class Attempts:
    """The failed calls on records that are not done yet, the first and the last of them."""

    def __init__(self) -> None:
        self._noted: list[tuple[int, int, Attempt]] = []

    def note(self, records: Sequence[Record], error: BaseException, at_ms: int) -> None:
        """A call with these records failed."""
        attempt = describe_attempt(error, at_ms, len(records))
        self._noted.append((records[0].sequence, records[-1].sequence, attempt))
        if len(self._noted) > FIRST_KEPT + LAST_KEPT:
            del self._noted[FIRST_KEPT]

    def of(self, record: Record) -> list[Attempt]:
        """Those that a record was part of, the oldest first."""
        sequence = record.sequence
        return without_repeats(
            [attempt for first, last, attempt in self._noted if first <= sequence <= last]
        )

    def forget(self, through: int) -> None:
        """The records up to a sequence are done."""
        if self._noted:
            self._noted = [each for each in self._noted if each[1] > through]


def describe_attempt(error: BaseException, at_ms: int, records: int) -> Attempt:
    return Attempt(
        at_ms,
        records,
        type(error).__qualname__,
        str(error)[:MESSAGE_CHARACTERS_MAX],
        format_traceback(error, TRACEBACK_CHARACTERS_MAX),
    )


def without_repeats(attempts: list[Attempt]) -> list[Attempt]:
    """The attempts with each run's traceback where it begins, and no more of them than are kept."""
    begins: list[int] = []
    told = ""
    for place, attempt in enumerate(attempts):
        if attempt.traceback and attempt.traceback != told:
            begins.append(place)
            told = attempt.traceback
    kept = {*begins[:1], *begins[1:][1 - TRACEBACKS_KEPT :]}
    return [
        attempt if place in kept else attempt._replace(traceback="")
        for place, attempt in enumerate(attempts)
    ]


def format_traceback(error: BaseException, characters_max: int) -> str:
    """The traceback from the handler on: pelton's own frames above it tell its author nothing."""
    frames: TracebackType | None = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename.startswith(_HERE):
        frames = frames.tb_next
    text = "".join(traceback.format_exception(type(error), error, frames))
    return text[-characters_max:]
