"""Shapes compiled to predicates: the fast answer, for requests that are as they should be.

A predicate that says yes is the last word. One that says no only sends the request to the modules
that walk it slowly, so it may be stricter than AWS where that is cheap: null members and numbers
written another way than usual are refused here and taken there.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from .shapes import ATTRIBUTE_VALUE, Shape, is_arn, limits_of, pattern_of, shape_named

Predicate = Callable[[Any], bool]


@cache
def predicate_of(name: str) -> Predicate:
    """Whether a value has a shape's type and keeps all its constraints, down to its leaves."""
    if name == ATTRIBUTE_VALUE:
        return lambda value: type(value) is dict
    shape = shape_named(name)
    return _COMPILERS[shape["type"]](name, shape)


def _structure(name: str, shape: Shape) -> Predicate:
    required = (*shape.get("required", ()), *shape.get("required_first", ()))
    predicates = {member: predicate_of(each) for member, each in shape["members"].items()}
    predicate_for = predicates.get

    def is_structure(value: Any) -> bool:
        if type(value) is not dict:
            return False
        for member in required:
            if member not in value:
                return False
        for member, content in value.items():
            predicate = predicate_for(member)
            if predicate is not None and not predicate(content):
                return False
        return True

    return is_structure


def _list(name: str, shape: Shape) -> Predicate:
    is_member = predicate_of(shape["member"])
    low, high = limits_of(shape)
    return lambda value: (
        type(value) is list and low <= len(value) <= high and all(map(is_member, value))
    )


def _map(name: str, shape: Shape) -> Predicate:
    if shape["value"] == ATTRIBUTE_VALUE:
        return _attributes(limits_of(shape_named(shape["key"]))[1])
    is_key, is_value = predicate_of(shape["key"]), predicate_of(shape["value"])
    low, high = limits_of(shape)

    def is_map(value: Any) -> bool:
        if type(value) is not dict or not low <= len(value) <= high:
            return False
        for key, content in value.items():
            if not is_key(key) or not is_value(content):
                return False
        return True

    return is_map


def _attributes(name_size_max: float) -> Predicate:
    """Items, keys and expression values: the maps of the hot path, without a call an entry."""

    def is_attributes(value: Any) -> bool:
        if type(value) is not dict:
            return False
        for name, content in value.items():
            if type(content) is not dict or len(name) > name_size_max:
                return False
        return True

    return is_attributes


def _string(name: str, shape: Shape) -> Predicate:
    if "enum" in shape:
        allowed = frozenset(shape["enum"])
        return lambda value: type(value) is str and value in allowed
    if not shape.keys() & {"min", "max", "pattern"}:
        return lambda value: type(value) is str
    low, high = limits_of(shape)
    pattern = pattern_of(name)
    if pattern is None:
        return lambda value: type(value) is str and low <= len(value) <= high
    matches = pattern.fullmatch

    def is_string(value: Any) -> bool:
        if type(value) is not str:
            return False
        if low <= len(value) <= high and matches(value) is not None:
            return True
        return is_arn(name, value)

    return is_string


def _integer(name: str, shape: Shape) -> Predicate:
    low, high = limits_of(shape)
    return lambda value: type(value) is int and low <= value <= high


def _number(name: str, shape: Shape) -> Predicate:
    return lambda value: type(value) in (int, float)


def _boolean(name: str, shape: Shape) -> Predicate:
    return lambda value: value is True or value is False


def _blob(name: str, shape: Shape) -> Predicate:
    return lambda value: type(value) is str


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
    "blob": _blob,
}
