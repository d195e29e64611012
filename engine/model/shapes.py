"""The shapes of the API's requests, read from the data file when the first request comes."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import orjson

Shape = dict[str, Any]

ATTRIBUTE_VALUE = "AttributeValue"
"""Attribute values are looked into by engine/values.py, which walks them anyway."""


@cache
def _model() -> dict[str, dict[str, Any]]:
    model: dict[str, dict[str, Any]] = orjson.loads(
        files(__package__).joinpath("dynamodb.json").read_bytes()
    )
    return model


def operations() -> frozenset[str]:
    """The names of all operations of the DynamoDB and DynamoDB Streams APIs."""
    return frozenset(_model()["operations"])


def input_shape(operation: str) -> str | None:
    """The name of the shape of an operation's request; None where it takes no members."""
    return _model()["operations"].get(operation) or None


def shape_named(name: str) -> Shape:
    shape: Shape = _model()["shapes"][name]
    return shape


def is_arn(shape_name: str, value: str) -> bool:
    """Whether a value may pass as an ARN where a table's name may stand too."""
    return shape_name == "TableArn" and value.startswith("arn:") and len(value) <= 1024
