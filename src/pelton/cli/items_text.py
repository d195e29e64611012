"""Items as a person types and reads them: plain JSON, or DynamoDB's typed JSON when asked for."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import orjson

from .failure import CommandError

Item = dict[str, dict[str, Any]]


def parse_item(text: str, *, typed: bool) -> Item:
    """The item in a JSON object. Raises CommandError for anything else.

    >>> parse_item('{"id": "u1", "price": 0.10}', typed=False)
    {'id': {'S': 'u1'}, 'price': {'N': '0.10'}}
    """
    return to_wire(parse_object(text), typed=typed)


def parse_object(text: str) -> dict[str, Any]:
    """A JSON object whose numbers keep all their digits. Raises CommandError."""
    try:
        parsed = json.loads(text, parse_float=Decimal)
    except json.JSONDecodeError as error:
        raise CommandError(f"{_shortened(text)} is not JSON: {error}") from None
    if not isinstance(parsed, dict):
        raise CommandError(f"{_shortened(text)} is not a JSON object, as in " + '{"id": "u1"}')
    return parsed


def to_wire(parsed: dict[str, Any], *, typed: bool) -> Item:
    """A parsed object in wire form, in which `typed` says it is already. Raises CommandError."""
    if typed:
        if not all(isinstance(value, dict) and len(value) == 1 for value in parsed.values()):
            raise CommandError("with --typed give typed JSON, as in " + '{"id": {"S": "u1"}}')
        return parsed
    from pelton.handlers.python_values import item_to_wire

    try:
        return item_to_wire(parsed)
    except (TypeError, ValueError) as error:
        raise CommandError(str(error)) from None


def to_json(item: Item, *, typed: bool) -> Any:
    """The item as orjson prints it.

    >>> orjson.dumps(to_json({"id": {"S": "u1"}, "n": {"N": "1.50"}}, typed=False))
    b'{"id":"u1","n":1.50}'
    """
    return item if typed else {name: _plain(value) for name, value in item.items()}


def to_cell(value: dict[str, Any]) -> str:
    """One attribute value as the text of a table's cell: strings bare, everything else JSON."""
    kind, content = next(iter(value.items()))
    return content if kind == "S" else orjson.dumps(_plain(value)).decode()


def _plain(value: dict[str, Any]) -> Any:
    """Numbers with all their digits, sets as lists, binary as base64."""
    kind, content = next(iter(value.items()))
    if kind == "N":
        return orjson.Fragment(content)
    if kind == "NS":
        return [orjson.Fragment(number) for number in content]
    if kind == "L":
        return [_plain(each) for each in content]
    if kind == "M":
        return {name: _plain(each) for name, each in content.items()}
    return None if kind == "NULL" else content


def _shortened(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."
