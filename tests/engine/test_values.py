"""Attribute values: what is refused and how, sizes, equality and order."""

from __future__ import annotations

import base64
import copy
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pelton.engine.errors import DynamoDBError, SerializationException, ValidationException
from pelton.engine.values import (
    AttributeValue,
    Item,
    compare_values,
    item_size,
    items_equal,
    levels_of,
    normalise_item,
    normalise_value,
    type_of,
    value_size,
    values_equal,
)

INVALID = "One or more parameter values were invalid: "
EMPTY = "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"
AMBIGUOUS = (
    "Supplied AttributeValue has more than one datatypes set, "
    "must contain exactly one of the supported datatypes"
)
TOO_DEEP = (
    "Nesting Levels have exceeded supported limits: "
    "Attributes in the item have nested levels beyond supported limit"
)

_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
_binaries = st.binary(max_size=5).map(lambda raw: base64.b64encode(raw).decode())
_numbers = st.integers(-(10**20), 10**20).map(str)
_scalars = st.one_of(
    st.fixed_dictionaries({"S": _texts}),
    st.fixed_dictionaries({"N": _numbers}),
    st.fixed_dictionaries({"B": _binaries}),
    st.fixed_dictionaries({"BOOL": st.booleans()}),
    st.just({"NULL": True}),
    st.fixed_dictionaries({"SS": st.lists(_texts, min_size=1, max_size=3, unique=True)}),
    st.fixed_dictionaries({"NS": st.lists(_numbers, min_size=1, max_size=3, unique=True)}),
    st.fixed_dictionaries({"BS": st.lists(_binaries, min_size=1, max_size=3, unique=True)}),
)
attribute_values: st.SearchStrategy[AttributeValue] = st.recursive(
    _scalars,
    lambda inner: st.one_of(
        st.fixed_dictionaries({"L": st.lists(inner, max_size=3)}),
        st.fixed_dictionaries({"M": st.dictionaries(_texts, inner, max_size=3)}),
    ),
    max_leaves=8,
)
items: st.SearchStrategy[Item] = st.dictionaries(_texts, attribute_values, max_size=4)


def nested(levels: int, leaf: AttributeValue) -> AttributeValue:
    """A leaf inside as many maps and lists, taking turns."""
    for level in range(levels):
        leaf = {"M": {"n": leaf}} if level % 2 else {"L": [leaf]}
    return leaf


def shuffled(value: Any, rng: random.Random) -> Any:
    """The same value with its sets and maps in another order."""
    ((kind, content),) = value.items()
    if kind in ("SS", "NS", "BS"):
        return {kind: rng.sample(content, len(content))}
    if kind == "L":
        return {kind: [shuffled(element, rng) for element in content]}
    if kind == "M":
        names = rng.sample(sorted(content), len(content))
        return {kind: {name: shuffled(content[name], rng) for name in names}}
    return value


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({}, EMPTY),
        ({"a": ""}, EMPTY),
        ({"S": None}, EMPTY),
        ({"M": {"a": {}}}, EMPTY),
        ({"L": [{}]}, EMPTY),
        ({"L": [{"a": {}}]}, EMPTY),
        ({"S": "a", "N": "1"}, AMBIGUOUS),
        ({"S": "a", "N": "b"}, "The parameter cannot be converted to a numeric value: b"),
        ({"N": ""}, "The parameter cannot be converted to a numeric value"),
        ({"NULL": "no"}, INVALID + "Null attribute value types must have the value of true"),
        ({"NULL": False}, INVALID + "Null attribute value types must have the value of true"),
        ({"SS": []}, INVALID + "An string set  may not be empty"),
        ({"NS": []}, INVALID + "An number set  may not be empty"),
        ({"BS": []}, INVALID + "Binary sets should not be empty"),
        ({"SS": ["a", "a"]}, INVALID + "Input collection [a, a] contains duplicates."),
        (
            {"BS": ["Yg==", "Yg=="]},
            INVALID + "Input collection [Yg==, Yg==]of type BS contains duplicates.",
        ),
        ({"NS": ["1", "1.0"]}, "Input collection contains duplicates"),
        ({"NS": ["1", "b"]}, "The parameter cannot be converted to a numeric value: b"),
        (nested(32, {"S": "leaf"}), TOO_DEEP),
        (nested(1000, {"N": "no number"}), TOO_DEEP),
    ],
)
def test_a_value_that_cannot_be_held_is_refused_in_dynamodbs_words(
    value: AttributeValue, message: str
) -> None:
    with pytest.raises(ValidationException) as refused:
        normalise_item({"a": value})
    assert refused.value.message == message


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"S": 23}, "NUMBER_VALUE cannot be converted to String"),
        ({"S": True}, "TRUE_VALUE cannot be converted to String"),
        ({"N": 34.56}, "DECIMAL_VALUE cannot be converted to String"),
        ({"N": []}, "Unrecognized collection type class java.lang.String"),
        ({"S": {}}, "Start of structure or map found where not expected"),
        ({"B": 23}, "only base-64-encoded strings are convertible to bytes"),
        ({"B": []}, "Unrecognized collection type class java.nio.ByteBuffer"),
        (
            {"B": "23456"},
            "Base64 encoded length is expected a multiple of 4 bytes but found: 5",
        ),
        ({"B": "=+/="}, "Invalid last non-pad Base64 character dectected"),
        ({"B": "+/+="}, "Invalid last non-pad Base64 character dectected"),
        ({"B": "é+/="}, "Invalid last non-pad Base64 character dectected"),
        ({"BOOL": "23"}, "Unexpected token received from parser"),
        ({"BOOL": 23}, "NUMBER_VALUE cannot be converted to Boolean"),
        ({"BOOL": []}, "Unrecognized collection type class java.lang.Boolean"),
        ({"SS": "a"}, "Unexpected field type"),
        ({"SS": {}}, "Start of structure or map found where not expected"),
        ({"SS": ["a", 23]}, "NUMBER_VALUE cannot be converted to String"),
        ({"NS": [True]}, "TRUE_VALUE cannot be converted to String"),
        ({"BS": [1]}, "only base-64-encoded strings are convertible to bytes"),
        ({"L": "a"}, "Unexpected field type"),
        ({"L": ["a"]}, "Unexpected value type in payload"),
        (
            {"L": [[]]},
            "Unrecognized collection type class com.amazonaws.dynamodb.v20120810.AttributeValue",
        ),
        ({"M": 1}, "Unexpected field type"),
        (
            {"M": []},
            "Unrecognized collection type java.util.Map<java.lang.String, "
            "com.amazonaws.dynamodb.v20120810.AttributeValue>",
        ),
        ({"M": {"a": "b"}}, "Unexpected value type in payload"),
        ({"S": "\ud800"}, "Strings must be valid Unicode, found a surrogate"),
    ],
)
def test_json_of_the_wrong_type_is_a_serialization_error(
    value: AttributeValue, message: str
) -> None:
    with pytest.raises(SerializationException) as refused:
        normalise_item({"a": value})
    assert refused.value.message == message


def test_what_the_json_reader_of_dynamodb_accepts_is_accepted() -> None:
    item, _ = normalise_item(
        {
            "nulls are overlooked": {"S": "x", "N": None},
            "strangers too": {"S": "x", "Z": 1},
            "words for truth": {"BOOL": "Yes"},
            "words for lies": {"BOOL": "0"},
            "null": {"NULL": "true"},
            "empty": {"S": ""},
            "no bytes": {"B": ""},
            "no members": {"M": {}},
            "no elements": {"L": []},
        }
    )
    assert item == {
        "nulls are overlooked": {"S": "x"},
        "strangers too": {"S": "x"},
        "words for truth": {"BOOL": True},
        "words for lies": {"BOOL": False},
        "null": {"NULL": True},
        "empty": {"S": ""},
        "no bytes": {"B": ""},
        "no members": {"M": {}},
        "no elements": {"L": []},
    }


def test_values_may_lie_on_32_levels_counting_the_attribute() -> None:
    deepest = nested(31, {"S": "leaf"})
    assert normalise_value(deepest)[0] == deepest
    assert levels_of(deepest) == 32
    assert normalise_value(nested(31, {"L": []}))[0] == nested(31, {"L": []})


def test_numbers_become_canonical_wherever_they_stand() -> None:
    value = {"M": {"n": {"N": "1.50"}, "l": {"L": [{"N": "1E2"}]}, "s": {"NS": ["1.0", "02"]}}}
    before = copy.deepcopy(value)
    assert normalise_value(value)[0] == {
        "M": {"n": {"N": "1.5"}, "l": {"L": [{"N": "100"}]}, "s": {"NS": ["1", "2"]}}
    }
    assert value == before


@pytest.mark.parametrize(
    ("item", "size"),
    [
        ({"a": {"S": "hello"}}, 1 + 5),
        ({"é": {"S": "日本"}}, 2 + 6),
        ({"a": {"N": "42"}}, 1 + 2),
        ({"a": {"N": "4200"}}, 1 + 2),
        ({"a": {"B": "AAEC"}}, 1 + 3),
        ({"a": {"B": "AA=="}}, 1 + 1),
        ({"a": {"NULL": True}, "b": {"BOOL": False}}, 2 + 2),
        ({"a": {"SS": ["a", "bc"]}}, 1 + 3),
        ({"a": {"NS": ["1", "200"]}}, 1 + 4),
        ({"a": {"BS": ["AA==", "AAEC"]}}, 1 + 4),
        ({"a": {"L": []}, "b": {"M": {}}}, 2 + 6),
        ({"a": {"L": [{"S": "x"}, {"N": "1"}]}}, 1 + 3 + 2 + 1 + 2),
        ({"a": {"M": {"key": {"S": "x"}, "k": {"NULL": True}}}}, 1 + 3 + 2 + 3 + 1 + 1 + 1),
    ],
)
def test_an_item_has_dynamodbs_size(item: Item, size: int) -> None:
    assert normalise_item(item)[1] == size
    assert item_size(item) == size


@given(items)
def test_the_size_found_while_checking_is_the_size(item: Item) -> None:
    normal, size = normalise_item(item)
    assert size == item_size(normal)
    assert size == sum(len(name.encode()) + value_size(value) for name, value in normal.items())
    assert normalise_item(normal) == (normal, size)


@given(attribute_values, attribute_values, st.randoms(use_true_random=False))
def test_equality_is_by_value_whatever_the_order_of_sets_and_maps(
    a: AttributeValue, b: AttributeValue, rng: random.Random
) -> None:
    assert values_equal(a, shuffled(a, rng))
    assert values_equal(a, b) == values_equal(b, a)
    if values_equal(a, b):
        assert type_of(a) == type_of(b)
        assert value_size(a) == value_size(b)


@given(items, st.randoms(use_true_random=False))
def test_items_are_equal_by_value(item: Item, rng: random.Random) -> None:
    other = shuffled({"M": item}, rng)["M"]
    assert items_equal(item, other)
    assert not items_equal(item, {**item, "one more attribute": {"NULL": True}})


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ({"S": "1"}, {"N": "1"}),
        ({"SS": ["1"]}, {"NS": ["1"]}),
        ({"BOOL": True}, {"BOOL": False}),
        ({"SS": ["a", "b"]}, {"SS": ["a"]}),
        ({"L": [{"S": "a"}, {"S": "b"}]}, {"L": [{"S": "b"}, {"S": "a"}]}),
        ({"M": {"a": {"SS": ["a", "b"]}}}, {"M": {"a": {"SS": ["a", "c"]}}}),
        ({"M": {"a": {"S": "a"}}}, {"M": {"b": {"S": "a"}}}),
    ],
)
def test_values_that_differ_are_not_equal(a: AttributeValue, b: AttributeValue) -> None:
    assert not values_equal(a, b)
    assert not values_equal(b, a)


@pytest.mark.parametrize(
    ("a", "b", "order"),
    [
        ({"N": "9"}, {"N": "10"}, -1),
        ({"N": "-1"}, {"N": "-2"}, 1),
        ({"S": "a"}, {"S": "b"}, -1),
        ({"S": "ﬀ"}, {"S": "𐀀"}, -1),  # UTF-16 would have it the other way round
        ({"B": "fw=="}, {"B": "gA=="}, -1),
        ({"B": "/w=="}, {"B": "AA=="}, 1),
        ({"S": "a"}, {"S": "a"}, 0),
        ({"S": "1"}, {"N": "1"}, None),
        ({"BOOL": True}, {"BOOL": False}, None),
        ({"SS": ["a"]}, {"SS": ["b"]}, None),
    ],
)
def test_strings_numbers_and_binaries_have_an_order(
    a: AttributeValue, b: AttributeValue, order: int | None
) -> None:
    assert compare_values(a, b) == order
    assert compare_values(b, a) == (None if order is None else -order)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["S", "N", "B", "BOOL", "NULL", "SS", "NS", "BS", "L", "M", "x"]),
            inner,
            max_size=2,
        )
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.text(max_size=2), st.dictionaries(st.text(max_size=2), _json)))
def test_no_json_whatever_breaks_the_check(item: dict[str, Any]) -> None:
    try:
        normal, size = normalise_item(item)
    except DynamoDBError:
        return
    assert size == item_size(normal)
