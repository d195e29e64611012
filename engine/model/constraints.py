"""Broken constraints: ValidationException, in the words of AWS's structural validation.

Source: answers of AWS as recorded in public conformance suites.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from .shapes import ATTRIBUTE_VALUE, Shape, is_arn, shape_named

ERRORS_MAX = 10
"""AWS stops collecting after this many."""


def broken_constraints(name: str, value: Any, path: str = "") -> Iterator[str]:
    """One sentence for each constraint that a request (or a part of it at `path`) breaks."""
    if name == ATTRIBUTE_VALUE:
        return
    shape = shape_named(name)
    kind = shape["type"]
    if kind == "structure":
        yield from _broken_in_structure(shape, value, path)
    elif kind == "list":
        yield from _broken_length(value, shape, path)
        for position, each in enumerate(value, 1):
            yield from _broken_in_element(shape["member"], each, f"{path}.{position}.member")
    elif kind == "map":
        yield from _broken_in_map(shape, value, path)
    elif kind == "string" and not is_arn(name, value):
        yield from _broken_in_string(shape, value, path)
    elif kind in ("integer", "long"):
        yield from _broken_range(value, shape, path)


def _broken_in_element(name: str, value: Any, path: str) -> Iterator[str]:
    if value is None:
        yield f"Value null at '{path}' failed to satisfy constraint: Member must not be null"
    else:
        yield from broken_constraints(name, value, path)


def _broken_in_structure(shape: Shape, value: Any, path: str) -> Iterator[str]:
    required = shape.get("required", ())
    for member, name in shape["members"].items():
        at = f"{path}.{lower_first(member)}" if path else lower_first(member)
        content = value.get(member)
        if content is not None:
            yield from broken_constraints(name, content, at)
        elif member in required:
            yield f"Value null at '{at}' failed to satisfy constraint: Member must not be null"


def _broken_in_map(shape: Shape, value: Any, path: str) -> Iterator[str]:
    yield from _broken_length(value, shape, path)
    key_shape, value_shape = shape_named(shape["key"]), shape["value"]
    for key, content in value.items():
        if not is_arn(shape["key"], key) and any(_broken_in_string(key_shape, key, "")):
            yield (
                f"Value '{shown(value, shape)}' at '{path}' failed to satisfy constraint: "
                f"Map keys must satisfy constraint: [{', '.join(_demands(key_shape))}]"
            )
        elif value_shape != ATTRIBUTE_VALUE and any(
            _broken_length(content, _sized(value_shape), "")
        ):
            yield (
                f"Value '{shown(value, shape)}' at '{path}' failed to satisfy constraint: "
                f"Map value must satisfy constraint: "
                f"[{', '.join(_demands(shape_named(value_shape)))}]"
            )
        elif value_shape != ATTRIBUTE_VALUE:
            yield from _broken_in_element(value_shape, content, f"{path}.{key}.member")


def _sized(name: str) -> Shape:
    """The shape's length limits, if it is one whose values have a length."""
    if name == ATTRIBUTE_VALUE:
        return {}
    shape = shape_named(name)
    return shape if shape["type"] in ("list", "map") else {}


def _demands(shape: Shape) -> Iterator[str]:
    if "max" in shape:
        yield f"Member must have length less than or equal to {shape['max']}"
    if "min" in shape:
        yield f"Member must have length greater than or equal to {shape['min']}"
    if "pattern" in shape:
        yield f"Member must satisfy regular expression pattern: {shape['pattern']}"


def _broken_in_string(shape: Shape, value: str, path: str) -> Iterator[str]:
    if "enum" in shape:
        if value not in shape["enum"]:
            allowed = ", ".join(shape["enum"])
            yield _sentence(shown(value, shape), path, f"satisfy enum value set: [{allowed}]")
        return
    if "pattern" in shape and re.fullmatch(shape["pattern"], value) is None and value:
        yield _sentence(
            shown(value, shape), path, f"satisfy regular expression pattern: {shape['pattern']}"
        )
    yield from _broken_length(value, shape, path)


def _broken_length(value: Any, shape: Shape, path: str) -> Iterator[str]:
    if len(value) < shape.get("min", 0):
        yield _sentence(
            shown(value, shape), path, f"have length greater than or equal to {shape['min']}"
        )
    if len(value) > shape.get("max", len(value)):
        yield _sentence(
            shown(value, shape), path, f"have length less than or equal to {shape['max']}"
        )


def _broken_range(value: Any, shape: Shape, path: str) -> Iterator[str]:
    if value < shape.get("min", value):
        yield _sentence(
            shown(value, shape), path, f"have value greater than or equal to {shape['min']}"
        )
    if value > shape.get("max", value):
        yield _sentence(
            shown(value, shape), path, f"have value less than or equal to {shape['max']}"
        )


def _sentence(text: str, path: str, demand: str) -> str:
    return f"Value '{text}' at '{path}' failed to satisfy constraint: Member must {demand}"


def lower_first(name: str) -> str:
    return name[:1].lower() + name[1:]


def shown(value: Any, shape: Shape) -> str:
    """A value as AWS's messages print it: Java's way with lists, maps and structures.

    >>> shown([{"AttributeName": "a", "KeyType": "HASH"}], shape_named("KeySchema"))
    '[KeySchemaElement(attributeName=a, keyType=HASH)]'
    """
    if value is None:
        return "null"
    kind = shape["type"]
    if kind == "boolean":
        return "true" if value else "false"
    if kind == "list":
        return f"[{', '.join(_shown_as(shape['member'], each) for each in value)}]"
    if kind == "map":
        pairs = (f"{key}={_shown_as(shape['value'], each)}" for key, each in value.items())
        return "{" + ", ".join(pairs) + "}"
    return str(value)


def _shown_as(name: str, value: Any) -> str:
    if name == ATTRIBUTE_VALUE:
        return "AttributeValue(" + ", ".join(f"{kind}={each}" for kind, each in value.items()) + ")"
    shape = shape_named(name)
    if shape["type"] != "structure":
        return shown(value, shape)
    members = (
        f"{lower_first(member)}={_shown_as(shape['members'][member], each)}"
        for member, each in value.items()
        if member in shape["members"]
    )
    return f"{name}({', '.join(members)})"
