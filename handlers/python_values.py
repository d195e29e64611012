"""Python values as attribute values and back: what handlers and the face show of items.

| Python                            | DynamoDB     | back in Python                     |
| --------------------------------- | ------------ | ---------------------------------- |
| str, bytes, bool, None            | S, B, BOOL, NULL | the same                       |
| int, Decimal, float               | N            | int when integral, else Decimal    |
| list, tuple                       | L            | list                               |
| dict                              | M            | dict                               |
| set or frozenset of one scalar    | SS, NS, BS   | set                                |

A float enters by its shortest decimal text (0.1 is 0.1), never by its binary expansion.
"""

from __future__ import annotations

import math
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

AttributeValue = dict[str, Any]
Item = dict[str, AttributeValue]

_SUPPORTED = (
    "use str, int, float, Decimal, bytes, bool, None, list, tuple, dict or a set of scalars"
)


def item_to_python(item: Item) -> dict[str, Any]:
    """
    >>> item_to_python({"id": {"S": "x"}, "n": {"N": "1"}, "tags": {"L": [{"S": "new"}]}})
    {'id': 'x', 'n': 1, 'tags': ['new']}
    """
    result = {}
    for name, value in item.items():
        for kind, content in value.items():
            result[name] = content if kind == "S" else _DECODERS[kind](content)
    return result


def to_python(value: AttributeValue) -> Any:
    """
    >>> to_python({"N": "1.50"}), to_python({"B": "aGk="}), to_python({"NULL": True})
    (Decimal('1.50'), b'hi', None)
    """
    ((kind, content),) = value.items()
    return _DECODERS[kind](content)


def item_to_wire(item: Mapping[str, Any]) -> Item:
    """The item in wire form.

    Raises TypeError for a value that DynamoDB has no type for, ValueError for a number or set that
    it cannot hold; the message says where in the item it stands.

    >>> item_to_wire({"id": "x", "price": 0.1, "sizes": {38}})
    {'id': {'S': 'x'}, 'price': {'N': '0.1'}, 'sizes': {'NS': ['38']}}
    """
    if not isinstance(item, Mapping):
        raise TypeError(f"an item or key is a dictionary such as {{'id': 'x'}}, not {item!r}")
    wire: Item = to_wire(item)["M"]
    return wire


def to_wire(value: Any) -> AttributeValue:
    """One value in wire form. Raises as `item_to_wire` does.

    >>> to_wire([1, b"hi", None])
    {'L': [{'N': '1'}, {'B': 'aGk='}, {'NULL': True}]}
    >>> to_wire({"when": [object()]})
    Traceback (most recent call last):
    TypeError: when[0]: object is not a DynamoDB type; use str, int, float, ...
    """
    try:
        return _encode(value)
    except (TypeError, ValueError) as error:
        path = _path_of_fault(value)
        message = f"{path.removeprefix('.')}: {error}" if path else str(error)
        raise type(error)(message) from None


# --- from the wire ------------------------------------------------------------------------------


def _number_to_python(text: str) -> int | Decimal:
    if "." not in text and "E" not in text and "e" not in text:
        return int(text)
    number = Decimal(text)
    return number if number != number.to_integral_value() else int(number)


def _unchanged(content: Any) -> Any:
    return content


_DECODERS: dict[str, Callable[[Any], Any]] = {
    "S": _unchanged,
    "N": _number_to_python,
    "B": b64decode,
    "BOOL": _unchanged,
    "NULL": lambda content: None,
    "SS": set,
    "NS": lambda content: {_number_to_python(text) for text in content},
    "BS": lambda content: {b64decode(text) for text in content},
    "L": lambda content: [to_python(value) for value in content],
    "M": item_to_python,
}


# --- to the wire --------------------------------------------------------------------------------


def _encode(value: Any) -> AttributeValue:
    encoder = _ENCODERS.get(type(value))
    return encoder(value) if encoder is not None else _encoder_of_base(value)(value)


def _encoder_of_base(value: Any) -> Callable[[Any], AttributeValue]:
    """For subclasses (an IntEnum, a defaultdict) and other mappings. Raises TypeError."""
    for base, encoder in _ENCODERS.items():
        if isinstance(value, base):
            return encoder
    raise TypeError(f"{type(value).__qualname__} is not a DynamoDB type; {_SUPPORTED}")


def _encode_mapping(value: Mapping[Any, Any]) -> AttributeValue:
    return {
        "M": {
            name if type(name) is str else _encode_name(name): _encode(each)
            for name, each in value.items()
        }
    }


def _encode_name(name: Any) -> str:
    if not isinstance(name, str):
        raise TypeError(f"names of attributes are str, not {type(name).__qualname__}")
    return _plain(name)


def _encode_set(value: set[Any] | frozenset[Any]) -> AttributeValue:
    if not value:
        raise ValueError("a set cannot be empty in DynamoDB; leave the attribute out")
    encoded = [_encode(each) for each in value]
    kinds = {kind for each in encoded for kind in each}
    kind = kinds.pop()
    if kinds or kind not in ("S", "N", "B"):
        raise TypeError("a set holds only str, only numbers or only bytes")
    return {kind + "S": [each[kind] for each in encoded]}


def _encode_float(value: float) -> AttributeValue:
    if not math.isfinite(value):
        raise ValueError(f"{value} is not a DynamoDB number")
    return {"N": str(Decimal(repr(float(value))))}


def _encode_decimal(value: Decimal) -> AttributeValue:
    if not value.is_finite():
        raise ValueError(f"{value} is not a DynamoDB number")
    return {"N": str(value)}


# A subclass may print as anything (an enum's member prints its name); this is the text itself.
_plain: Callable[[str], str] = str.__str__

# Subclasses are looked for in this order: bool stands before int.
_ENCODERS: dict[type, Callable[[Any], AttributeValue]] = {
    str: lambda value: {"S": _plain(value)},
    bool: lambda value: {"BOOL": value},
    int: lambda value: {"N": str(int(value))},
    Decimal: _encode_decimal,
    float: _encode_float,
    type(None): lambda value: {"NULL": True},
    bytes: lambda value: {"B": b64encode(value).decode()},
    bytearray: lambda value: {"B": b64encode(value).decode()},
    memoryview: lambda value: {"B": b64encode(value).decode()},
    list: lambda value: {"L": [_encode(each) for each in value]},
    tuple: lambda value: {"L": [_encode(each) for each in value]},
    dict: _encode_mapping,
    set: _encode_set,
    frozenset: _encode_set,
    Mapping: _encode_mapping,
}


def _path_of_fault(value: Any) -> str:
    """Where in a value the part stands that cannot be encoded, as in `orders[2].paid`."""
    children: list[tuple[str, Any]] = []
    if isinstance(value, Mapping):
        children = [(f".{name}", child) for name, child in value.items()]
    elif isinstance(value, (list, tuple)):
        children = [(f"[{place}]", child) for place, child in enumerate(value)]
    for step, child in children:
        try:
            _encode(child)
        except (TypeError, ValueError):
            return step + _path_of_fault(child)
    return ""
