"""Damage to requests that were right: to their members, and to the bytes of their JSON."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import orjson

from tests.server.specimens import ARN, Request


def nested(depth: int) -> Any:
    value: Any = {"S": "x"}
    for level in range(depth):
        value = {"L": [value]} if level % 2 else {"M": {"a": value}}
    return value


STRANGE: list[Any] = [
    *(None, True, False, 0, -1, 2**31, 2**63, 2**64 - 1, 1.5, 1e300),
    *("", "x", "\u00e9\x00\U0001f600", "x" * 300, "9" * 60, "1E+999999999", "NaN", " 1", "1_0"),
    *("\u0661", "a.b[99999999999999999999]", "(" * 400, "NOT " * 900 + "a = :v", ARN),
    *([], {}, [None], [[[[]]]], {"": None}, {"S": None}, {"S": "x", "N": "1"}),
    *({"N": "Infinity"}, {"N": "\u0661"}, {"N": "9" * 38 + "e90"}, {"N": "1e-130"}),
    *({"B": "!!"}, {"SS": []}, {"NULL": False}, {"M": None}, {"L": [None]}),
    *(nested(20), nested(60)),
]
SPLINTERS = [*"()[],.:#=<>+- aA0\"'\\\n", "\u00e9", " AND ", " NOT ", " IN ", " SET ", "#n", ":v"]
NAMES = ["", "x", "id", "#n", ":v", "S", "N", "L", "\u00e9" * 10, "y" * 300]

SHARDS = [
    *(b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\x00", b"\\ud800", b"\\udc00\\ud800", b"\\u0000"),
    *(b"\\", b'"', b"{", b"}", b"[", b"]", b":", b",", b"-", b"/*", b"\xef\xbb\xbf"),
    *(b"NaN", b"1e999", b"-0", b"0x1", b"9" * 400, b"1." + b"0" * 400, b"true", b"null"),
    *(b'"TableName":"x",', b'"S":"x",', b'"S":{"S":', b"[" * 600, b'{"M":' * 600),
]


class Damage:
    """Changes requests at random places, the same ones for the same source of randomness."""

    def __init__(self, source: random.Random) -> None:
        self._source = source

    def members(self, request: Request) -> Request:
        """The request with a few of its members gone, moved, renamed or replaced."""
        request = copied(request)
        for _ in range(self._source.choice([1, 1, 1, 2, 3])):
            places = list(places_of(request))
            if places:
                self._change(*self._source.choice(places), places)
        return request

    def text(self, body: bytes) -> bytes:
        """The JSON with bytes put in, taken out, repeated or cut off."""
        for _ in range(self._source.choice([1, 1, 2, 3])):
            at = self._source.randrange(len(body) + 1)
            end = at + self._source.randrange(40)
            kind = self._source.randrange(5)
            if kind == 0:
                body = body[:at] + self._source.choice(SHARDS) + body[at:]
            elif kind == 1:
                body = body[:at] + body[end:]
            elif kind == 2:
                body = body[:end] + body[at:]
            elif kind == 3:
                body = body[:at] + self._source.randbytes(self._source.randrange(1, 4)) + body[at:]
            else:
                body = body[:at]
        return body

    def splintered(self, text: str) -> str:
        at = self._source.randrange(len(text) + 1)
        splinter: str = self._source.choice(SPLINTERS)
        return text[:at] + splinter + text[at + self._source.randrange(2) :]

    def _change(self, holder: Any, at: Any, places: list[tuple[Any, Any]]) -> None:
        source = self._source
        kind = source.randrange(6)
        if kind == 0:
            del holder[at]
        elif kind == 1 and isinstance(holder[at], str):
            holder[at] = self.splintered(holder[at])
        elif kind == 2 and isinstance(holder, dict):
            holder[source.choice(NAMES)] = holder.pop(at)
        elif kind == 3 and isinstance(holder, list):
            holder.append(copied(holder[at]))
        elif kind == 4:
            other, place = source.choice(places)
            holder[at] = copied(other[place])
        else:
            holder[at] = copied(source.choice(STRANGE))


def copied(value: Any) -> Any:
    return orjson.loads(to_json(value))


def to_json(value: Any) -> bytes:
    try:
        return orjson.dumps(value)
    except TypeError:  # It has become deeper than orjson goes.
        return json.dumps(value).encode()


def places_of(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every member of every object and list, as what holds it and where in there."""
    members = (
        list(value.items())
        if isinstance(value, dict)
        else list(enumerate(value))
        if isinstance(value, list)
        else []
    )
    for at, member in members:
        yield value, at
        yield from places_of(member)
