"""Shapes compiled to predicates: the fast answer, for requests that are as they should be."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

from .shapes import ATTRIBUTE_VALUE, Shape, is_arn, shape_named

Predicate = Callable[[Any], bool]


@cache
def predicate_of(name: str) -> Predicate:
    """Whether a value has a shape's type and keeps all its constraints, down to its leaves."""
    if name == ATTRIBUTE_VALUE:
        return _is_object
    shape = shape_named(name)
    return _COMPILERS[shape["type"]](name, shape)


def _is_object(value: Any) -> bool:
    return type(value) is dict


def _later(name: str) -> Predicate:
    """The predicate of a shape, compiled when first asked: a few shapes contain themselves."""
    return lambda value: predicate_of(name)(value)


def _structure(name: str, shape: Shape) -> Predicate:
    members: dict[str, str] = shape["members"]
    required = tuple(shape.get("required", ()))
    compiled: dict[str, Predicate] = {}  # filled as members come: some shapes contain themselves

    def is_structure(value: Any) -> bool:
        if type(value) is not dict:
            return False
        for member in required:
            if value.get(member) is None:
                return False
        for member, content in value.items():
            predicate = compiled.get(member)
            if predicate is None:
                if member not in members:
                    continue
                compiled[member] = predicate = predicate_of(members[member])
            if content is not None and not predicate(content):
                return False
        return True

    return is_structure


def _list(name: str, shape: Shape) -> Predicate:
    is_member = _later(shape["member"])
    low, high = _bounds(shape)

    def is_list(value: Any) -> bool:
        return type(value) is list and low <= len(value) <= high and all(map(is_member, value))

    return is_list


def _map(name: str, shape: Shape) -> Predicate:
    is_key, is_value = predicate_of(shape["key"]), _later(shape["value"])
    if shape["value"] == ATTRIBUTE_VALUE:
        is_value = _is_object
    low, high = _bounds(shape)

    def is_map(value: Any) -> bool:
        return (
            type(value) is dict
            and low <= len(value) <= high
            and all(map(is_key, value))
            and all(map(is_value, value.values()))
        )

    return is_map


def _string(name: str, shape: Shape) -> Predicate:
    if "enum" in shape:
        allowed = frozenset(shape["enum"])
        return lambda value: type(value) is str and value in allowed
    low, high = _bounds(shape)
    if "pattern" not in shape:
        return lambda value: type(value) is str and low <= len(value) <= high
    matches = re.compile(shape["pattern"]).fullmatch

    def is_string(value: Any) -> bool:
        if type(value) is not str:
            return False
        fits = low <= len(value) <= high and matches(value) is not None
        return fits or is_arn(name, value)

    return is_string


def _integer(name: str, shape: Shape) -> Predicate:
    low, high = _bounds(shape, low=float("-inf"))
    return lambda value: type(value) is int and low <= value <= high


def _number(name: str, shape: Shape) -> Predicate:
    return lambda value: type(value) is int or type(value) is float


def _boolean(name: str, shape: Shape) -> Predicate:
    return lambda value: type(value) is bool


def _text(name: str, shape: Shape) -> Predicate:
    return lambda value: type(value) is str


def _bounds(shape: Shape, low: float = 0) -> tuple[float, float]:
    return shape.get("min", low), shape.get("max", float("inf"))


_COMPILERS: dict[str, Callable[[str, Shape], Predicate]] = {
    "structure": _structure,
    "list": _list,
    "map": _map,
    "string": _string,
    "integer": _integer,
    "long": _integer,
    "double": _number,
    "timestamp": _number,
    "boolean": _boolean,
    "blob": _text,
}
