"""Hints: bytes that a record must hold if it is to match, so that most need no parsing.

The body of a record is written by orjson, an attribute is `"name":{"S":"value"}`, and a value of
an item has one type. So an exact value, or what it begins with, can be looked for as bytes.
"""

from __future__ import annotations

import orjson

from .operators import Alternative
from .pattern import Path, Rule

_IMAGES = ("NewImage", "OldImage", "Keys")
_ATTRIBUTE_STEPS = 4
"""The length of the path of an attribute's value: dynamodb, image, attribute, type."""

Hints = tuple[bytes, ...]


def hints_of(rule: Rule) -> Hints:
    """Bytes of which one is in every record that fulfils the rule; () where nothing is known.

    Of the paths that give hints the one with the longest is taken.
    """
    found = [
        hints for path, alternatives in rule.items() if (hints := _of_path(path, alternatives))
    ]
    return max(found, key=lambda hints: min(map(len, hints)), default=())


def _of_path(path: Path, alternatives: tuple[Alternative, ...]) -> Hints:
    if path[0] != "dynamodb" or any("." in name for name in path):
        return ()
    is_attribute = len(path) == _ATTRIBUTE_STEPS and path[1] in _IMAGES
    hints = []
    for alternative in alternatives:
        hint = _in_attribute(path, alternative) if is_attribute else _anywhere(alternative)
        if hint is None:
            return ()
        hints.append(hint)
    return tuple(hints)


def _in_attribute(path: Path, alternative: Alternative) -> bytes | None:
    name, kind = _dumped(path[-2]), _dumped(path[-1])
    value = _value(alternative)
    if name is None or kind is None or value is None:
        return None
    if kind[1:-1] in (b"S", b"N", b"B", b"BOOL", b"NULL"):
        return b"%b:{%b:%b" % (name, kind, value)
    return value  # a set or a list: others may stand before it


def _anywhere(alternative: Alternative) -> bytes | None:
    return _value(alternative) if isinstance(alternative.exact, str) else None


def _value(alternative: Alternative) -> bytes | None:
    """What a value that is accepted is written as, at least at its beginning."""
    if alternative.exact is not None:
        return _dumped(alternative.exact)
    if alternative.opening is not None:
        dumped = _dumped(alternative.opening)
        return None if dumped is None else dumped[:-1]
    return None


def _dumped(value: str | bool) -> bytes | None:
    try:
        return orjson.dumps(value)
    except TypeError:  # half of a surrogate pair: no record has it
        return None
