"""JSON of the wrong type: SerializationException, in the words of AWS's own parser.

Source: answers of AWS as recorded in the test suites of dynalite and others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from ..errors import SerializationException
from .shapes import ATTRIBUTE_VALUE, Shape, shape_named

_PACKAGE = "com.amazonaws.dynamodb.v20120810."
_UNEXPECTED_STRUCTURE = "Start of structure or map found where not expected"


def check_types(name: str, value: Any, *, is_element: bool = False) -> None:
    """Raises SerializationException at the first value whose JSON type is not its shape's.

    `is_element` tells a member of a list or map from a field, which AWS words differently.
    """
    if value is None:
        return
    if name == ATTRIBUTE_VALUE:
        _check_object(name, value, is_element=True)
        return
    shape = shape_named(name)
    kind = shape["type"]
    if kind == "structure":
        _check_object(name, value, is_element=is_element)
        for member, each in shape["members"].items():
            check_types(each, value.get(member))
    elif kind == "list":
        _check_list(value)
        for each in value:
            check_types(shape["member"], each, is_element=True)
    elif kind == "map":
        _check_map(shape, value)
        for each in value.values():
            check_types(shape["value"], each, is_element=True)
    else:
        _SCALARS[kind](value)


def _refuse(message: str) -> NoReturn:
    raise SerializationException(message)


def _check_object(name: str, value: Any, *, is_element: bool) -> None:
    if isinstance(value, dict):
        return
    if isinstance(value, list):
        _refuse(f"Unrecognized collection type class {_PACKAGE}{name}")
    _refuse("Unexpected value type in payload" if is_element else "Unexpected field type")


def _check_list(value: Any) -> None:
    if isinstance(value, dict):
        _refuse(_UNEXPECTED_STRUCTURE)
    if not isinstance(value, list):
        _refuse("Unexpected field type")


def _check_map(shape: Shape, value: Any) -> None:
    if isinstance(value, list):
        content = shape["value"]
        java = "java.lang.String" if content == "AttributeName" else _PACKAGE + content
        _refuse(f"Unrecognized collection type java.util.Map<java.lang.String, {java}>")
    if not isinstance(value, dict):
        _refuse("Unexpected field type")


def _token_of(value: Any) -> str:
    """What AWS's parser calls a scalar that it met."""
    if isinstance(value, bool):
        return "TRUE_VALUE" if value else "FALSE_VALUE"
    if isinstance(value, str):
        return "STRING_VALUE"
    return "NUMBER_VALUE" if isinstance(value, int) or value % 1 == 0 else "DECIMAL_VALUE"


def _refuse_as(value: Any, java: str) -> NoReturn:
    if isinstance(value, list):
        _refuse(f"Unrecognized collection type class java.lang.{java}")
    if isinstance(value, dict):
        _refuse(_UNEXPECTED_STRUCTURE)
    _refuse(f"{_token_of(value)} cannot be converted to {java}")


def _check_string(value: Any) -> None:
    if not isinstance(value, str):
        _refuse_as(value, "String")


def _check_boolean(value: Any) -> None:
    if isinstance(value, str):
        _refuse("Unexpected token received from parser")
    if not isinstance(value, bool):
        _refuse_as(value, "Boolean")


def _check_number(java: str) -> Callable[[Any], None]:
    def check(value: Any) -> None:
        numbers = int | float if java == "Double" else int
        if isinstance(value, bool) or not isinstance(value, numbers):
            _refuse_as(value, java)

    return check


def _check_blob(value: Any) -> None:
    if isinstance(value, list):
        _refuse("Unrecognized collection type class java.nio.ByteBuffer")
    if isinstance(value, dict):
        _refuse(_UNEXPECTED_STRUCTURE)
    if not isinstance(value, str):
        _refuse("only base-64-encoded strings are convertible to bytes")


_SCALARS: dict[str, Callable[[Any], None]] = {
    "string": _check_string,
    "boolean": _check_boolean,
    "integer": _check_number("Integer"),
    "long": _check_number("Long"),
    "double": _check_number("Double"),
    "timestamp": _check_number("Double"),
    "blob": _check_blob,
}
