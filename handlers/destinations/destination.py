"""What a destination does, whichever service it belongs to."""

from __future__ import annotations

from typing import Protocol

from ...engine import PeltonError
from .invocation_record import InvocationRecord


class DestinationError(PeltonError):
    """Raised when a destination has not taken an invocation record; sent again, it may."""


class Destination(Protocol):
    """Takes invocation records; any thread may send."""

    def send(self, record: InvocationRecord) -> None:
        """Returns when the record has been taken, once or more. Raises DestinationError."""
