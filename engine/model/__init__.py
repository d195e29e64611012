"""The API's model as data, and the structural validation of requests that comes from it."""

from __future__ import annotations

from typing import Any


def validate_request(operation: str, request: dict[str, Any]) -> None:
    """Raises SerializationException or ValidationException for a request of the wrong shape."""
