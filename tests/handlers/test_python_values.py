from collections import defaultdict
from decimal import Decimal
from enum import Enum, IntEnum
from types import MappingProxyType
from typing import Any

import pytest

from pelton.handlers.python_values import item_to_python, item_to_wire, to_python, to_wire


class Colour(str, Enum):  # noqa: UP042 - prints its name, not its value
    RED = "red"


class Level(IntEnum):
    HIGH = 3


BOTH_WAYS: list[tuple[Any, dict[str, Any]]] = [
    ("x", {"S": "x"}),
    (1, {"N": "1"}),
    (-(10**37), {"N": "-" + "1" + "0" * 37}),
    (Decimal("1.5"), {"N": "1.5"}),
    (True, {"BOOL": True}),
    (None, {"NULL": True}),
    (b"hi", {"B": "aGk="}),
    ([1, ["a"]], {"L": [{"N": "1"}, {"L": [{"S": "a"}]}]}),
    ({"a": {"b": False}}, {"M": {"a": {"M": {"b": {"BOOL": False}}}}}),
    ({"a"}, {"SS": ["a"]}),
    ({Decimal("0.5")}, {"NS": ["0.5"]}),
    ({b"hi"}, {"BS": ["aGk="]}),
]


@pytest.mark.parametrize(("python", "wire"), BOTH_WAYS)
def test_values_go_to_the_wire_and_come_back(python: Any, wire: dict[str, Any]) -> None:
    assert to_wire(python) == wire
    back = to_python(wire)
    assert back == python
    assert type(back) is type(python)


@pytest.mark.parametrize(
    ("python", "wire"),
    [
        (0.1, {"N": "0.1"}),
        (1e20, {"N": "1E+20"}),
        ((1,), {"L": [{"N": "1"}]}),
        (frozenset({2}), {"NS": ["2"]}),
        (bytearray(b"hi"), {"B": "aGk="}),
        (memoryview(b"hi"), {"B": "aGk="}),
        (Colour.RED, {"S": "red"}),
        (Level.HIGH, {"N": "3"}),
        (defaultdict(int, {"a": 1}), {"M": {"a": {"N": "1"}}}),
        (MappingProxyType({Colour.RED: 1}), {"M": {"red": {"N": "1"}}}),
    ],
)
def test_relatives_of_the_plain_types_are_taken_too(python: Any, wire: dict[str, Any]) -> None:
    encoded = to_wire(python)
    assert encoded == wire
    assert all(type(content) in (str, list, dict) for content in encoded.values())


@pytest.mark.parametrize("text", ["3", "3.0", "3E0", "30E-1"])
def test_an_integral_number_is_an_int_however_it_is_written(text: str) -> None:
    assert to_python({"N": text}) == 3
    assert type(to_python({"N": text})) is int


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (object(), TypeError, "object is not a DynamoDB type; use str, int"),
        ({"a": [1, {"b": 1j}]}, TypeError, "a[1].b: complex is not a DynamoDB type"),
        ({"a": {1: 2}}, TypeError, "a: names of attributes are str, not int"),
        ({"a": float("nan")}, ValueError, "a: nan is not a DynamoDB number"),
        ([Decimal("-Infinity")], ValueError, "[0]: -Infinity is not a DynamoDB number"),
        ({"a": set()}, ValueError, "a: a set cannot be empty"),
        ({"a": {1, "b"}}, TypeError, "a: a set holds only str, only numbers or only bytes"),
        ({True}, TypeError, "a set holds only str"),
    ],
)
def test_what_dynamodb_cannot_hold_is_refused_with_its_place(
    value: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error) as caught:
        to_wire(value)
    assert str(caught.value).startswith(message)


def test_items_are_maps_of_values() -> None:
    item = {"id": "x", "n": 1, "tags": {"a"}}
    assert item_to_python(item_to_wire(item)) == item


@pytest.mark.parametrize("item", ["ada", 5, None, ["id"]])
def test_what_is_no_dictionary_is_no_item(item: Any) -> None:
    with pytest.raises(TypeError, match="an item or key is a dictionary such as"):
        item_to_wire(item)
