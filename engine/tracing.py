"""Tracing, as far as the engine and those who serve it know of it: `pelton.telemetry` does it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Protocol


class Tracing(Protocol):
    """Whoever follows the requests of a database, and what is written by them."""

    def incoming(self, headers: Mapping[bytes, bytes]) -> AbstractContextManager[object]:
        """What a request is to be answered in that came with these headers, in lower case."""
