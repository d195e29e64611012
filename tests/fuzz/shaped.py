"""Requests made up from the API's own model: right in shape, mostly, and wild in content."""

from __future__ import annotations

import base64
import random
from typing import Any

from pelton.engine.model.shapes import ATTRIBUTE_VALUE, input_shape, limits_of, shape_named
from tests.server.specimens import ARN, OTHER_TABLE, TABLE, Request

from .damage import NAMES, STRANGE, Damage

TEXTS: dict[str, list[str]] = {
    "TableName": [TABLE, TABLE, TABLE, OTHER_TABLE, ARN],
    "ResourceArn": [ARN],
    "IndexName": ["by-owner", "of-id", "added"],
    "AttributeName": ["id", "at", "owner", "n"],
    "KeyConditionExpression": ["id = :i", "id = :i AND at > :v", "#n = :s"],
    "FilterExpression": ["n < :v", "contains(strings, :s) OR NOT size(map) > :v", "#n IN (:v)"],
    "ConditionExpression": ["attribute_exists(id)", "n BETWEEN :v AND :v", "map.list[0] <> :s"],
    "UpdateExpression": ["SET n = :v", "REMOVE map.list[0]", "ADD n :v", "DELETE strings :ss"],
    "ProjectionExpression": ["id, n", "map.list[0].a", "#n"],
    "Statement": [
        f"SELECT * FROM {TABLE} WHERE id = 'x'",
        f"UPDATE {TABLE} SET n = ? WHERE id = 'x' AND at = 1",
        f"INSERT INTO {TABLE} VALUE {{'id': 'z', 'at': 1}}",
        f"DELETE FROM {TABLE} WHERE id = ? AND at = ?",
    ],
}
KEYS = [*NAMES, "id", "at", "owner", "n", "map", "#n", ":v", ":s", ":i", ":ss", TABLE, OTHER_TABLE]
NUMBERS = ["0", "1", "-1", "1e125", "1E-130", "9" * 38, "9" * 39, "1e126", "0.00", "x", "", "+1"]
DEPTH_MAX = 12


class Shaped:
    """Makes requests at random, the same ones for the same source of randomness."""

    def __init__(self, source: random.Random) -> None:
        self._source = source
        self._damage = Damage(source)

    def request(self, operation: str) -> Request:
        shape = input_shape(operation)
        return {} if shape is None else self._value(shape, "", 0)

    def _value(self, name: str, member: str, depth: int) -> Any:
        source = self._source
        if source.random() < 0.02:
            return source.choice(STRANGE)
        if name == ATTRIBUTE_VALUE:
            return self._attribute(depth)
        shape = shape_named(name)
        kind = shape["type"]
        if kind == "structure":
            return self._structure(shape, depth)
        if kind in ("list", "map"):
            count = source.choice([0, 1, 1, 2, 3]) if depth < DEPTH_MAX else 0
            if kind == "list":
                return [self._value(shape["member"], member, depth + 1) for _ in range(count)]
            value = shape["value"]
            return {self._text(member): self._value(value, "", depth + 1) for _ in range(count)}
        return self._scalar(shape, kind, member)

    def _structure(self, shape: Any, depth: int) -> Request:
        required = shape.get("required", ())
        return {
            member: self._value(name, member, depth + 1)
            for member, name in shape["members"].items()
            if depth < DEPTH_MAX and self._source.random() < (0.97 if member in required else 0.25)
        }

    def _scalar(self, shape: Any, kind: str, member: str) -> Any:
        source = self._source
        if kind == "boolean":
            return source.random() < 0.5
        if kind in ("integer", "long"):
            low, high = limits_of(shape)
            return source.choice([1, 1, 2, int(low), int(high), source.randrange(100)])
        if kind in ("double", "float", "timestamp"):
            return source.choice([0, 1.5, -1e300, 1e18])
        if kind == "blob":
            return base64.b64encode(source.randbytes(source.randrange(9))).decode()
        if "enum" in shape and source.random() < 0.9:
            return source.choice(shape["enum"])
        text = source.choice(TEXTS.get(member, KEYS))
        return self._damage.splintered(text) if source.random() < 0.1 else text

    def _text(self, member: str) -> str:
        if member == "RequestItems" and self._source.random() < 0.9:
            return TABLE
        return self._source.choice(KEYS)

    def _attribute(self, depth: int) -> Any:
        source = self._source
        kind = source.choice(["S", "S", "N", "N", "B", "BOOL", "NULL", "SS", "NS", "BS", "L", "M"])
        if kind in ("L", "M") and depth >= DEPTH_MAX:
            kind = "S"
        count = source.choice([0, 1, 2, 3])
        makes: dict[str, Any] = {
            "S": lambda: source.choice(["x", "a", "ada", "", "\u00e9", "z" * 200]),
            "N": lambda: source.choice(NUMBERS),
            "B": lambda: base64.b64encode(source.randbytes(3)).decode(),
            "BOOL": lambda: True,
            "NULL": lambda: source.random() < 0.9,
            "SS": lambda: [makes["S"]() for _ in range(count)],
            "NS": lambda: [makes["N"]() for _ in range(count)],
            "BS": lambda: [makes["B"]() for _ in range(count)],
            "L": lambda: [self._attribute(depth + 1) for _ in range(count)],
            "M": lambda: {source.choice(KEYS): self._attribute(depth + 1) for _ in range(count)},
        }
        return {kind: makes[kind]()}
