"""Attribute values of every type, in the forms that clients send."""

from __future__ import annotations

from random import Random
from typing import Any

Value = dict[str, Any]
Item = dict[str, Value]

NUMBERS = (
    *("0", "1", "-1", "42", "-42", "0.1", "-0.001", "100", "1000000", "3.14159"),
    *("99999999999999999999", "12345678901234567890123456789012345678"),
)
UNTIDY_NUMBERS = ("1.50", "007", "1E3", "12e-2", "1E+20", "-5E-3", "-0", "1.0000")
"""Numbers that are stored in another form than they were sent in."""
TEXTS = ("", "a", "b", "Fred", "zażółć", "日本", '"quoted"\\', "line\nbreak", "x" * 50, "🦉")
BYTES = (b"", b"\0", b"abc", b"\xff\xfe", b"y" * 30)
DEPTH_MAX = 3


def any_value(random: Random, depth: int = 0) -> Value:
    """A value of any type; lists and maps hold others. Its numbers are tidy."""
    kinds = ("S", "N", "B", "BOOL", "NULL", "SS", "NS", "BS", *(("L", "M") * (depth < DEPTH_MAX)))
    kind = random.choice(kinds)
    if kind == "L":
        return {"L": [any_value(random, depth + 1) for _ in range(random.randrange(4))]}
    if kind == "M":
        names = random.sample(("k", "key", "k2", "ü"), random.randrange(4))
        return {"M": {name: any_value(random, depth + 1) for name in names}}
    return {kind: _content(random, kind)}


def _content(random: Random, kind: str) -> Any:
    match kind:
        case "S":
            return random.choice(TEXTS)
        case "N":
            return random.choice(NUMBERS)
        case "B":
            return random.choice(BYTES)
        case "BOOL":
            return random.random() < 0.5
        case "NULL":
            return True
        case "SS":
            return random.sample(TEXTS, random.randrange(1, 4))
        case "NS":
            return random.sample(("1", "22", "-3", "0.5", "4444"), random.randrange(1, 4))
        case _:
            return random.sample(BYTES, random.randrange(1, 4))
