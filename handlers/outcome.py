"""Outcomes: how far a delivery came."""

from __future__ import annotations

from typing import Any, NamedTuple


class Outcome(NamedTuple):
    """How many of the records are done, and what the next one failed with, if it did.

    `answer` is what a handler of whole batches has returned.
    """

    done: int
    error: BaseException | None
    answer: Any = None
