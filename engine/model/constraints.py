"""Broken constraints: ValidationException, in the words of AWS's structural validation.

The order of the sentences is the model's. AWS's own is that of a hash table and has changed with
time, so no client can lean on it.

Source: answers of AWS as recorded in the test suites of dynalite and dynamodb-conformance.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .rendering import java_text, lower_first
from .shapes import ATTRIBUTE_VALUE, Shape, is_arn, limits_of, pattern_of, shape_named

ERRORS_MAX = 10
"""AWS stops collecting after this many."""


def broken_constraints(name: str, value: Any, path: str = "") -> Iterator[str]:
    """One sentence for each constraint that a request (or a part of it at `path`) breaks."""
    if name == ATTRIBUTE_VALUE:  # its contents are for engine/values.py
        return
    shape = shape_named(name)
    if shape["type"] == "structure":
        yield from _broken_in_structure(shape, value, path)
        return
    for demand in _broken_demands(name, value):
        yield _sentence(name, value, path, f"Member must {demand}")
    if shape["type"] == "list":
        yield from _broken_in_list(name, shape, value, path)
    elif shape["type"] == "map":
        yield from _broken_in_map(name, shape, value, path)


def _broken_in_structure(shape: Shape, value: Any, path: str) -> Iterator[str]:
    required = shape.get("required", ())
    for member, name in shape["members"].items():
        at = f"{path}.{lower_first(member)}" if path else lower_first(member)
        content = value.get(member)
        if content is not None:
            yield from broken_constraints(name, content, at)
        elif member in required:
            yield _null_at(at)


def _broken_in_list(name: str, shape: Shape, value: Any, path: str) -> Iterator[str]:
    member = shape["member"]
    if any(any(_broken_demands(member, each)) for each in value if each is not None):
        demands = _demands(member, says_not_null=shape.get("says_not_null", False))
        yield _sentence(name, value, path, f"Member must satisfy constraint: {demands}")
    for position, each in enumerate(value, 1):
        yield from _broken_inside(member, each, f"{path}.{position}.member")


def _broken_in_map(name: str, shape: Shape, value: Any, path: str) -> Iterator[str]:
    key, member = shape["key"], shape["value"]
    if any(any(_broken_demands(key, each)) for each in value):
        yield _sentence(name, value, path, f"Map keys must satisfy constraint: {_demands(key)}")
    if any(any(_broken_demands(member, each)) for each in value.values() if each is not None):
        demands = _demands(member, says_not_null=shape.get("says_not_null", False))
        yield _sentence(name, value, path, f"Map value must satisfy constraint: {demands}")
    for each, content in value.items():
        yield from _broken_inside(member, content, f"{path}.{each}.member")


def _broken_inside(name: str, value: Any, path: str) -> Iterator[str]:
    """What is broken below a member of a list or map; its own length is told at the container."""
    if value is None:
        yield _null_at(path)
        return
    shape = shape_named(name)
    if shape["type"] == "list":
        yield from _broken_in_list(name, shape, value, path)
    elif shape["type"] == "map":
        yield from _broken_in_map(name, shape, value, path)
    elif shape["type"] == "structure":
        yield from broken_constraints(name, value, path)


def _broken_demands(name: str, value: Any) -> Iterator[str]:
    """What a value that is no structure fails to do, apart from what is inside it."""
    shape = shape_named(name)
    low, high = limits_of(shape)
    if shape["type"] == "string":
        if "enum" in shape:
            if value not in shape["enum"]:
                yield f"satisfy enum value set: [{', '.join(shape['enum'])}]"
            return
        if is_arn(name, value):
            return
        pattern = pattern_of(name)
        # AWS tells an empty name of a table or ARN by its length alone.
        if pattern and (value or name != "TableArn") and not pattern.fullmatch(value):
            yield f"satisfy regular expression pattern: {shape['pattern']}"
    if shape["type"] in ("string", "list", "map"):
        if len(value) < low:
            yield f"have length greater than or equal to {low}"
        if len(value) > high:
            yield f"have length less than or equal to {high}"
    elif shape["type"] in ("integer", "long"):
        if value < low:
            yield f"have value greater than or equal to {low}"
        if value > high:
            yield f"have value less than or equal to {high}"


def _demands(name: str, *, says_not_null: bool = False) -> str:
    """All that is demanded of a shape, as AWS lists it when members of a list or map break it."""
    shape = shape_named(name)
    demands = []
    if "enum" in shape:
        demands.append(f"Member must satisfy enum value set: [{', '.join(shape['enum'])}]")
    if "max" in shape:
        demands.append(f"Member must have length less than or equal to {shape['max']}")
    if "min" in shape or "max" in shape:
        demands.append(f"Member must have length greater than or equal to {shape.get('min', 0)}")
    if "pattern" in shape:
        demands.append(f"Member must satisfy regular expression pattern: {shape['pattern']}")
    if says_not_null:
        demands.append("Member must not be null")
    return f"[{', '.join(demands)}]"


def _null_at(path: str) -> str:
    return f"Value null at '{path}' failed to satisfy constraint: Member must not be null"


def _sentence(name: str, value: Any, path: str, demand: str) -> str:
    return f"Value '{java_text(name, value)}' at '{path}' failed to satisfy constraint: {demand}"
