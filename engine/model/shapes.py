"""The shapes of the API's requests, read from the data file when the first request comes."""

from __future__ import annotations

import math
import re
from functools import cache
from typing import Any

import orjson

Shape = dict[str, Any]

ATTRIBUTE_VALUE = "AttributeValue"
"""Attribute values are looked into by engine/values.py, which walks them anyway."""

TABLE_NAMES = frozenset({"TableArn", "TableName"})
"""The shapes of members that take a table's name or its ARN."""


@cache
def _model() -> dict[str, dict[str, Any]]:
    from pkgutil import get_data  # importlib.resources would bring zip archives and URLs along

    text = get_data(__package__, "dynamodb.json")
    assert text is not None
    model: dict[str, dict[str, Any]] = orjson.loads(text)
    return model


@cache
def operations() -> frozenset[str]:
    """The names of all operations of the DynamoDB and DynamoDB Streams APIs."""
    return frozenset(_model()["operations"])


def input_shape(operation: str) -> str | None:
    """The name of the shape of an operation's request; None where it takes no members."""
    return _model()["operations"].get(operation) or None


def shape_named(name: str) -> Shape:
    shape: Shape = _model()["shapes"][name]
    return shape


def add_shapes(shapes: dict[str, Shape]) -> None:
    """Makes the shapes of one more API known, whose names must not be those of DynamoDB's."""
    _model()["shapes"].update(shapes)


def is_arn(shape_name: str, value: str) -> bool:
    """Whether a value may pass as an ARN where a table's name may stand too."""
    return shape_name in TABLE_NAMES and value.startswith("arn:") and len(value) <= 1024


@cache
def pattern_of(name: str) -> re.Pattern[str] | None:
    """What all of a value must match, if its shape has a pattern."""
    shape = shape_named(name)
    text = shape.get("python_pattern") or shape.get("pattern")
    return re.compile(text, re.ASCII) if text else None


_NUMBER_LIMITS = {"integer": (-(2**31), 2**31 - 1), "long": (-(2**63), 2**63 - 1)}


def type_limits_of(kind: str) -> tuple[int, int]:
    """The lowest and highest number of Java's integer or long: beyond, there is no such value."""
    return _NUMBER_LIMITS[kind]


def limits_of(shape: Shape) -> tuple[float, float]:
    """The lowest and highest length (of a number: value) that a shape allows."""
    low, high = _NUMBER_LIMITS.get(shape["type"], (0, math.inf))
    return shape.get("min", low), shape.get("max", high)
