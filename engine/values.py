"""Attribute values in DynamoDB's JSON form: checking, sizes, equality and order.

An attribute value is an object with one member whose name is its type: `{"S": "x"}`,
`{"N": "1"}`, `{"L": [...]}`. Binary is base64 text. A value is canonical when its numbers are (see
`numbers`); base64 has only one form that passes the check, so equal bytes are equal texts.
"""

from __future__ import annotations

import binascii
from collections.abc import Callable, Sized
from typing import Any, TypeAlias

from . import numbers
from .errors import SerializationException, ValidationException

AttributeValue: TypeAlias = dict[str, Any]
Item: TypeAlias = dict[str, AttributeValue]

LEVELS_MAX = 32
"""How deep a value may lie: the value of an attribute is on level 1, what it holds on level 2."""

_Sized: TypeAlias = tuple[AttributeValue, int]

_EMPTY = "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"
_AMBIGUOUS = (
    "Supplied AttributeValue has more than one datatypes set, "
    "must contain exactly one of the supported datatypes"
)
_INVALID = "One or more parameter values were invalid: "
_TOO_DEEP = (
    "Nesting Levels have exceeded supported limits: "
    "Attributes in the item have nested levels beyond supported limit"
)
_STRUCTURE = "Start of structure or map found where not expected"
_VALUE_CLASS = "com.amazonaws.dynamodb.v20120810.AttributeValue"


def normalise_item(item: Item) -> tuple[Item, int]:
    """Check an item and return it with canonical numbers, and its size in bytes.

    The result shares with its input every value that was canonical already.

    Raises:
        SerializationException: when a value's JSON has the wrong type.
        ValidationException: when a value is one that DynamoDB cannot hold.
    """
    size = _string_size("".join(item))
    result = item.copy()
    for name, value in item.items():
        text = value.get("S")
        if type(text) is str and len(value) == 1 and text.isascii():  # by far the commonest value
            size += len(text)
            continue
        normal, value_bytes = _normalise(value, 0)
        size += value_bytes
        if normal is not value:
            result[name] = normal
    return result, size


def normalise_value(value: AttributeValue) -> tuple[AttributeValue, int]:
    """Check one value and return it with canonical numbers, and its size in bytes.

    Raises as `normalise_item` does.
    """
    return _normalise(value, 0)


def item_size(item: Item) -> int:
    """Return the size in bytes of a canonical item: its names in UTF-8 and its values."""
    size = _string_size("".join(item))
    for value in item.values():
        (kind,) = value
        size += _SIZES[kind](value[kind])
    return size


def value_size(value: AttributeValue) -> int:
    """Return the size in bytes of a canonical value by DynamoDB's rule.

    Source: DynamoDB developer guide, "DynamoDB item sizes and formats"; numbers as observed.
    """
    (kind,) = value
    return _SIZES[kind](value[kind])


def type_of(value: AttributeValue) -> str:
    """Return a value's type: S, N, B, BOOL, NULL, SS, NS, BS, L or M."""
    for kind in value:
        return kind
    raise ValidationException(_EMPTY)


def levels_of(value: AttributeValue) -> int:
    """Return on how many levels a value and what it holds lie; a string is on one."""
    inner: Any
    if "M" in value:
        inner = value["M"].values()
    elif "L" in value:
        inner = value["L"]
    else:
        return 1
    return 1 + max(map(levels_of, inner), default=0)


def values_equal(a: AttributeValue, b: AttributeValue) -> bool:
    """Say whether two canonical values are equal; sets and maps have no order."""
    if a == b:
        return True
    (kind,) = a
    if kind not in b:
        return False
    left, right = a[kind], b[kind]
    if kind == "M":
        return left.keys() == right.keys() and all(
            values_equal(value, right[name]) for name, value in left.items()
        )
    if kind == "L":
        return len(left) == len(right) and all(map(values_equal, left, right))
    if kind in ("SS", "NS", "BS"):
        return len(left) == len(right) and set(left) == set(right)
    return False


def items_equal(a: Item, b: Item) -> bool:
    """Say whether two canonical items are equal by value."""
    return a == b or values_equal({"M": a}, {"M": b})


def compare_values(a: AttributeValue, b: AttributeValue) -> int | None:
    """Return -1, 0 or 1 as `a` sorts before, with or after `b`; None when they have no order.

    Strings sort by their UTF-8 bytes, which is the order of their code points.
    """
    (kind,) = a
    if kind not in b:
        return None
    left, right = a[kind], b[kind]
    if kind == "N":
        return numbers.compare(left, right)
    if kind == "S":
        return 0 if left == right else -1 if left < right else 1
    if kind == "B":
        left, right = binascii.a2b_base64(left), binascii.a2b_base64(right)
        return 0 if left == right else -1 if left < right else 1
    return None


# --- checking ------------------------------------------------------------------------------------


def _normalise(value: AttributeValue, depth: int) -> _Sized:
    """Check a value that lies inside `depth` lists and maps."""
    if type(value) is dict and len(value) == 1:
        (kind,) = value
        content = value[kind]
        if kind in _NORMALISERS and content is not None:
            return _NORMALISERS[kind](value, content, depth)
    return _normalise_irregular(value, depth)


def _normalise_irregular(value: Any, depth: int) -> _Sized:
    """Check a value without exactly one known member; DynamoDB overlooks nulls and strangers."""
    if not isinstance(value, dict):
        raise SerializationException(
            f"Unrecognized collection type class {_VALUE_CLASS}"
            if isinstance(value, list)
            else "Unexpected value type in payload"
        )
    results = [
        normaliser({kind: value[kind]}, value[kind], depth)
        for kind, normaliser in _NORMALISERS.items()
        if value.get(kind) is not None
    ]
    if not results:
        raise ValidationException(_EMPTY)
    if len(results) > 1:
        raise ValidationException(_AMBIGUOUS)
    return results[0]


def _normalise_string(value: AttributeValue, content: Any, depth: int) -> _Sized:
    if type(content) is not str:
        raise _not_a_string(content)
    return value, len(content) if content.isascii() else _utf8_bytes(content)


def _normalise_number(value: AttributeValue, content: Any, depth: int) -> _Sized:
    if type(content) is not str:
        raise _not_a_string(content)
    if content.isdigit() and content.isascii() and content[0] != "0" != content[-1]:
        digits = len(content)
        if digits <= numbers.DIGITS_MAX:  # most numbers end here: canonical, no zeros to discount
            return value, (digits + 1) // 2 + 1
    text = numbers.canonical(content)
    return value if text == content else {"N": text}, numbers.number_size(text)


def _normalise_binary(value: AttributeValue, content: Any, depth: int) -> _Sized:
    return value, checked_binary_size(content)


def _normalise_boolean(value: AttributeValue, content: Any, depth: int) -> _Sized:
    if type(content) is bool:
        return value, 1
    return {"BOOL": _boolean(content)}, 1


def _normalise_null(value: AttributeValue, content: Any, depth: int) -> _Sized:
    if content is not True and not _boolean(content):
        raise ValidationException(
            _INVALID + "Null attribute value types must have the value of true"
        )
    return (value if content is True else {"NULL": True}), 1


def _normalise_string_set(value: AttributeValue, content: Any, depth: int) -> _Sized:
    if not _checked_list(content):
        raise ValidationException(_INVALID + "An string set  may not be empty")
    try:
        size = _string_size("".join(content))
    except TypeError:
        raise _not_a_string(next(text for text in content if type(text) is not str)) from None
    if len(set(content)) != len(content):
        raise ValidationException(
            f"{_INVALID}Input collection [{', '.join(content)}] contains duplicates."
        )
    return value, size


def _normalise_number_set(value: AttributeValue, content: Any, depth: int) -> _Sized:
    if not _checked_list(content):
        raise ValidationException(_INVALID + "An number set  may not be empty")
    elements = [_normalise_number({"N": text}, text, depth) for text in content]
    texts = [element["N"] for element, _ in elements]
    if len(set(texts)) != len(texts):
        raise ValidationException("Input collection contains duplicates")
    return value if texts == content else {"NS": texts}, sum(size for _, size in elements)


def _normalise_binary_set(value: AttributeValue, content: Any, depth: int) -> _Sized:
    if not _checked_list(content):
        raise ValidationException(_INVALID + "Binary sets should not be empty")
    size = sum(map(checked_binary_size, content))
    if len(set(content)) != len(content):
        raise ValidationException(
            f"{_INVALID}Input collection [{', '.join(content)}]of type BS contains duplicates."
        )
    return value, size


def _normalise_list(value: AttributeValue, content: Any, depth: int) -> _Sized:
    members = _checked_list(content)
    depth = _deeper(depth, members)
    elements = [_normalise(element, depth) for element in members]
    result = [element for element, _ in elements]
    return {"L": result}, 3 + len(result) + sum(size for _, size in elements)


def _normalise_map(value: AttributeValue, content: Any, depth: int) -> _Sized:
    members = _checked_map(content)
    depth = _deeper(depth, members)
    result: Item = {}
    size = 3 + len(members) + _string_size("".join(members))
    for name, member in members.items():
        result[name], member_bytes = _normalise(member, depth)
        size += member_bytes
    return {"M": result}, size


_NORMALISERS: dict[str, Callable[[AttributeValue, Any, int], _Sized]] = {
    "S": _normalise_string,
    "N": _normalise_number,
    "B": _normalise_binary,
    "BOOL": _normalise_boolean,
    "NULL": _normalise_null,
    "SS": _normalise_string_set,
    "NS": _normalise_number_set,
    "BS": _normalise_binary_set,
    "L": _normalise_list,
    "M": _normalise_map,
}


def _deeper(depth: int, members: Sized) -> int:
    if depth + 1 >= LEVELS_MAX and members:
        raise ValidationException(_TOO_DEEP)
    return depth + 1


def _checked_list(content: Any) -> list[Any]:
    if isinstance(content, list):
        return content
    raise SerializationException(
        _STRUCTURE if isinstance(content, dict) else "Unexpected field type"
    )


def _checked_map(content: Any) -> dict[str, Any]:
    if isinstance(content, dict):
        return content
    raise SerializationException(
        f"Unrecognized collection type java.util.Map<java.lang.String, {_VALUE_CLASS}>"
        if isinstance(content, list)
        else "Unexpected field type"
    )


def checked_binary_size(content: Any) -> int:
    """Return the number of bytes that base64 text stands for, once it is known to be sound."""
    if not isinstance(content, str):
        raise SerializationException(
            _unexpected_collection(content, "java.nio.ByteBuffer")
            or "only base-64-encoded strings are convertible to bytes"
        )
    if len(content) % 4:
        raise SerializationException(
            f"Base64 encoded length is expected a multiple of 4 bytes but found: {len(content)}"
        )
    try:
        size = len(binascii.a2b_base64(content, strict_mode=True))
        last = content[-4:]
        sound = binascii.b2a_base64(binascii.a2b_base64(last), newline=False) == last.encode()
    except ValueError:
        sound = False
    if not sound:
        raise SerializationException("Invalid last non-pad Base64 character dectected")
    return size


def _boolean(content: Any) -> bool:
    """Read a Boolean as DynamoDB's JSON reader does, which takes some words for it as well."""
    if isinstance(content, bool):
        return content
    if isinstance(content, str):
        word = content.upper()
        if word in ("TRUE", "1", "YES"):
            return True
        if word in ("FALSE", "0", "NO"):
            return False
        raise SerializationException("Unexpected token received from parser")
    raise SerializationException(
        _unexpected_collection(content, "java.lang.Boolean")
        or f"{_token(content)} cannot be converted to Boolean"
    )


def _not_a_string(content: Any) -> SerializationException:
    return SerializationException(
        _unexpected_collection(content, "java.lang.String")
        or f"{_token(content)} cannot be converted to String"
    )


def _unexpected_collection(content: Any, expected: str) -> str | None:
    if isinstance(content, list):
        return f"Unrecognized collection type class {expected}"
    return _STRUCTURE if isinstance(content, dict) else None


def _token(content: Any) -> str:
    """Name a JSON scalar as DynamoDB's JSON reader does in its errors."""
    if content is None:
        return "NULL_VALUE"
    if isinstance(content, bool):
        return "TRUE_VALUE" if content else "FALSE_VALUE"
    return "NUMBER_VALUE" if isinstance(content, int) else "DECIMAL_VALUE"


# --- sizes ---------------------------------------------------------------------------------------


def _utf8_bytes(text: str) -> int:
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        raise SerializationException("Strings must be valid Unicode, found a surrogate") from None


def _string_size(text: str) -> int:
    return len(text) if text.isascii() else _utf8_bytes(text)


def _binary_size(text: str) -> int:
    return len(text) // 4 * 3 - text[-2:].count("=")


def _one_byte(_: bool) -> int:
    return 1


def _list_size(elements: list[AttributeValue]) -> int:
    return 3 + len(elements) + sum(map(value_size, elements))


_SIZES: dict[str, Callable[[Any], int]] = {
    "S": _string_size,
    "N": numbers.number_size,
    "B": _binary_size,
    "BOOL": _one_byte,
    "NULL": _one_byte,
    "SS": lambda texts: sum(map(_string_size, texts)),
    "NS": lambda texts: sum(map(numbers.number_size, texts)),
    "BS": lambda texts: sum(map(_binary_size, texts)),
    "L": _list_size,
    "M": lambda members: 3 + len(members) + item_size(members),
}
