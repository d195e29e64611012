"""Requests of the API: from what HTTP brings to the members that the model names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from pelton.engine.errors import SerializationException

from ..wire import parse_request
from .model import is_integer, validate
from .routes import Route


def read_request(
    route: Route, headers: Mapping[bytes, bytes], query: bytes, body: bytes
) -> dict[str, Any]:
    """The request by its members, held against the model.

    Raises SerializationException, ValidationException.
    """
    operation = route.operation
    if operation.payload is not None:
        request: dict[str, Any] = {operation.payload: body}
    else:
        request = parse_request(body) if body else {}
    asked = parse_qs(query.decode("latin-1"), keep_blank_values=True)
    for member, place, name in operation.placed:
        request.pop(member, None)
        value: Any = None
        if place == "uri":
            value = route.parts[name]
        elif place == "header":
            found = headers.get(name.lower().encode())
            value = None if found is None else found.decode("latin-1")
        elif name in asked:
            value = asked[name] if member == "TagKeys" else asked[name][0]
        if value is not None:
            request[member] = _number(value) if is_integer(operation, member) else value
    payload = request.pop(operation.payload, None) if operation.payload else None
    validate(operation, request)
    if operation.payload is not None:
        request[operation.payload] = payload
    return request


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise SerializationException(f"{text!r} can not be converted to an Integer") from None
