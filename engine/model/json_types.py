"""JSON of the wrong type: SerializationException, in the words of AWS's own parser.

Source: answers of AWS as recorded in the test suite of dynalite. Those for numbers that Java's
types cannot hold are not recorded anywhere; they are worded like their neighbours.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from ..errors import SerializationException
from ..values import checked_binary_size
from .shapes import Shape, shape_named, type_limits_of

DEPTH_MAX = 100
"""How deep a request is looked into. What lies deeper is inside attribute values, and there
engine/values.py refuses it for its nesting."""

_PACKAGE = "com.amazonaws.dynamodb.v20120810."
_UNEXPECTED_STRUCTURE = "Start of structure or map found where not expected"
# What AWS says to a scalar where a list or map is expected inside another list or map.
_UNCASTABLE = (
    "class sun.reflect.generics.reflectiveObjects.ParameterizedTypeImpl cannot be cast to class "
    "java.lang.Class (sun.reflect.generics.reflectiveObjects.ParameterizedTypeImpl and "
    "java.lang.Class are in module java.base of loader 'bootstrap')"
)
_SPELLED_BOOLEANS = {"TRUE": True, "1": True, "YES": True, "FALSE": False, "0": False, "NO": False}


def take_types(name: str, value: Any, *, is_element: bool = False, depth: int = 0) -> Any:
    """The value as AWS takes it: "true" for a boolean and 1.0 for an integer are converted.

    Conversions are made in place, inside `value`. `is_element` tells a member of a list or map
    from a field of a structure, which AWS words differently. Null counts as absent.

    Raises:
        SerializationException: at the first value whose JSON type is not its shape's.
    """
    if value is None or depth > DEPTH_MAX:
        return value
    shape = shape_named(name)
    kind = shape["type"]
    if kind == "structure":
        _take_structure(name, shape, value, is_element, depth)
    elif kind == "list":
        _check_list(value, is_element)
        for each in value:
            take_types(shape["member"], each, is_element=True, depth=depth + 1)
    elif kind == "map":
        _check_map(name, value, is_element)
        for each in value.values():
            take_types(shape["value"], each, is_element=True, depth=depth + 1)
    else:
        return _SCALARS[kind](value)
    return value


def _take_structure(name: str, shape: Shape, value: Any, is_element: bool, depth: int) -> None:
    if isinstance(value, list):
        _refuse(f"Unrecognized collection type class {_PACKAGE}{name}")
    if not isinstance(value, dict):
        _refuse("Unexpected value type in payload" if is_element else "Unexpected field type")
    for member, content in value.items():
        if member in shape["members"]:
            taken = take_types(shape["members"][member], content, depth=depth + 1)
            if taken is not content:
                value[member] = taken


def _check_list(value: Any, is_element: bool) -> None:
    if isinstance(value, dict):
        _refuse(_UNEXPECTED_STRUCTURE)
    if not isinstance(value, list):
        _refuse(_UNCASTABLE if is_element else "Unexpected field type")


def _check_map(name: str, value: Any, is_element: bool) -> None:
    if isinstance(value, list):
        _refuse(f"Unrecognized collection type {_java_type(name)}")
    if not isinstance(value, dict):
        _refuse(_UNCASTABLE if is_element else "Unexpected field type")


def _java_type(name: str) -> str:
    shape = shape_named(name)
    if shape["type"] == "map":
        return f"java.util.Map<java.lang.String, {_java_type(shape['value'])}>"
    if shape["type"] == "list":
        return f"java.util.List<{_java_type(shape['member'])}>"
    return _PACKAGE + name if shape["type"] == "structure" else "java.lang.String"


def _refuse(message: str) -> NoReturn:
    raise SerializationException(message)


def _refuse_scalar(value: Any, java: str) -> NoReturn:
    if isinstance(value, list):
        _refuse(f"Unrecognized collection type class java.lang.{java}")
    if isinstance(value, dict):
        _refuse(_UNEXPECTED_STRUCTURE)
    _refuse(f"{_token_of(value)} cannot be converted to {java}")


def _token_of(value: Any) -> str:
    """What AWS's parser calls a scalar that it met."""
    if isinstance(value, bool):
        return "TRUE_VALUE" if value else "FALSE_VALUE"
    if isinstance(value, str):
        return "STRING_VALUE"
    return "NUMBER_VALUE" if value % 1 == 0 else "DECIMAL_VALUE"


def _take_string(value: Any) -> str:
    if isinstance(value, str):
        return value
    _refuse_scalar(value, "String")


def _take_boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if not isinstance(value, str):
        _refuse_scalar(value, "Boolean")
    if value.upper() not in _SPELLED_BOOLEANS:
        _refuse("Unexpected token received from parser")
    return _SPELLED_BOOLEANS[value.upper()]


def _take_integer(kind: str) -> Callable[[Any], int]:
    low, high = type_limits_of(kind)

    def take(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int | float):
            _refuse_scalar(value, kind.capitalize())
        if not low <= value <= high:
            _refuse_scalar(value, kind.capitalize())
        return value if isinstance(value, int) else int(value)

    return take


def _take_number(value: Any) -> int | float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    _refuse_scalar(value, "Double")


def _take_blob(value: Any) -> str:
    checked_binary_size(value)
    return str(value)


_SCALARS: dict[str, Callable[[Any], Any]] = {
    "string": _take_string,
    "boolean": _take_boolean,
    "integer": _take_integer("integer"),
    "long": _take_integer("long"),
    "double": _take_number,
    "timestamp": _take_number,
    "blob": _take_blob,
}
