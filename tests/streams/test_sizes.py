"""SizeBytes of a record, against an own statement of DynamoDB's rule for the size of an item.

Source: the developer guide, "DynamoDB item sizes and formats". For numbers it says "approximately":
a byte for two significant digits and one more. What it leaves open has been observed on AWS: digits
pair from the decimal point outwards, and a minus sign takes a byte.
"""

from __future__ import annotations

import base64
from decimal import Context, Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.region import Item, Region, S

DIGITS_MAX = 38
CONTAINER_BYTES = 3
ELEMENT_BYTES = 1


# --- the rule ------------------------------------------------------------------------------------


def bytes_of_item(item: Item) -> int:
    return sum(len(name.encode()) + bytes_of_value(value) for name, value in item.items())


def bytes_of_value(value: dict[str, Any]) -> int:
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return len(content.encode())
        case "N":
            return bytes_of_number(content)
        case "B":
            return len(base64.b64decode(content))
        case "BOOL" | "NULL":
            return 1
        case "SS" | "NS" | "BS":
            return sum(bytes_of_value({kind[0]: element}) for element in content)
        case "L":
            elements = sum(ELEMENT_BYTES + bytes_of_value(each) for each in content)
            return CONTAINER_BYTES + elements
        case "M":
            return CONTAINER_BYTES + ELEMENT_BYTES * len(content) + bytes_of_item(content)
    raise AssertionError(kind)


def bytes_of_number(text: str) -> int:
    number = Decimal(text).normalize(Context(prec=DIGITS_MAX))
    if number == 0:
        return 1
    sign, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    before_point = "".join(map(str, digits)) + "0" * (exponent % 2)
    return 1 + sign + (len(before_point) + 1) // 2


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 1),
        ("42", 2),
        ("-42", 3),
        ("100", 2),
        ("1000", 2),
        ("123", 3),
        ("0.1", 2),
        ("0.01", 2),
        ("0.001", 2),
        ("1.1", 3),
        ("1E125", 2),
        ("-1E-130", 3),
        ("9" * 38, 20),
    ],
)
def test_the_rule_for_numbers(text: str, size: int) -> None:
    assert bytes_of_number(text) == size


# --- records against it ------------------------------------------------------------------------

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
binaries = st.binary(max_size=6).map(lambda raw: base64.b64encode(raw).decode())
numbers = st.builds(
    lambda sign, digits, zeros, exponent: f"{sign}{digits}{'0' * zeros}E{exponent}",
    st.sampled_from(("", "-")),
    st.integers(0, 10**DIGITS_MAX - 1),
    st.integers(0, 3),
    st.integers(-130, 80),
).filter(lambda text: len(Decimal(text).normalize(Context(prec=60)).as_tuple().digits) <= 38)
names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=4)
scalars = st.one_of(
    texts.map(lambda text: {"S": text}),
    numbers.map(lambda text: {"N": text}),
    binaries.map(lambda text: {"B": text}),
    st.booleans().map(lambda value: {"BOOL": value}),
    st.just({"NULL": True}),
    st.lists(texts, min_size=1, max_size=4, unique=True).map(lambda content: {"SS": content}),
    st.lists(binaries, min_size=1, max_size=4, unique=True).map(lambda content: {"BS": content}),
    st.lists(numbers, min_size=1, max_size=4, unique_by=Decimal).map(lambda some: {"NS": some}),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(lambda content: {"L": content}),
        st.dictionaries(names, inner, max_size=4).map(lambda content: {"M": content}),
    ),
    max_leaves=12,
)
attributes = st.dictionaries(names.filter(lambda name: name != "id"), values, max_size=5)


@settings(max_examples=150, deadline=None)
@given(old=attributes, new=attributes)
def test_a_record_has_the_size_of_its_keys_and_of_the_images_it_shows(old: Item, new: Item) -> None:
    region = Region()
    region.create(stream="NEW_AND_OLD_IMAGES")
    keys = {"id": S("ключ")}
    region.put({**keys, **old})
    region.put({**keys, **new})
    region.delete(keys)
    records = [record["dynamodb"] for record in region.records()]
    region.close()
    before, after = bytes_of_item({**keys, **old}), bytes_of_item({**keys, **new})
    sizes = [bytes_of_item(keys) + each for each in (before, before + after, after)]
    if len(records) == 2:  # The second put changed nothing.
        sizes = [sizes[0], sizes[2]]
    assert [record["SizeBytes"] for record in records] == sizes
    for record in records:
        images = [record[name] for name in ("Keys", "NewImage", "OldImage") if name in record]
        assert record["SizeBytes"] == sum(map(bytes_of_item, images))
