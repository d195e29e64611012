"""Query: which items a key condition selects, in which order, in which pages."""

from __future__ import annotations

import operator
from base64 import b64decode, b64encode
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from tests.region import Answer, Item, N, Region, S, index

STRINGS = [
    "",
    "\x00",
    "\x00\x00",
    "\x00\x01",
    "\x01",
    " ",
    "A",
    "a",
    "a\x00",
    "a\x00b",
    "a\x01",
    "aa",
    "ab",
    "b",
    "é",
    "\u07ff",
    "\u0800",
    "\uffff",
    "\U00010000",
    "\U0010ffff",
    "\U0010ffff\U0010ffff",
]
NUMBERS = [
    "-9.9999999999999999999999999999999999999E+125",
    "-1E+125",
    "-12345678901234567890123456789012345678",
    "-100.5",
    "-100",
    "-99.999",
    "-10",
    "-9",
    "-1.000000000000000001",
    "-1",
    "-0.5",
    "-0.05",
    "-1E-130",
    "0",
    "1E-130",
    "2E-130",
    "1E-129",
    "0.05",
    "0.050000000000000000000000000000000000001",
    "0.5",
    "0.51",
    "1",
    "1.000000000000000001",
    "1.01",
    "2",
    "9",
    "10",
    "10.1",
    "99",
    "100",
    "101",
    "12345678901234567890123456789012345677",
    "12345678901234567890123456789012345678",
    "1E+125",
    "9.9999999999999999999999999999999999999E+125",
]
BINARIES = [
    b"\x00",
    b"\x00\x00",
    b"\x00\x01",
    b"\x00\xff",
    b"\x01",
    b"\x7f",
    b"\x80",
    b"\xfe\xff",
    b"\xff",
    b"\xff\x00",
    b"\xff\xfe",
    b"\xff\xff",
    b"\xff\xff\xff",
]

SORT_KEYS: dict[str, list[dict[str, Any]]] = {
    "S": [S(text) for text in STRINGS if text],
    "N": [N(text) for text in NUMBERS],
    "B": [{"B": b64encode(raw).decode()} for raw in BINARIES],
}
"""In the order that DynamoDB documents: UTF-8 bytes, numbers, unsigned bytes."""


def comparable(value: dict[str, Any]) -> Any:
    ((kind, content),) = value.items()
    if kind == "N":
        return Decimal(content)
    return content.encode() if kind == "S" else b64decode(content)


def query(region: Region, condition: str, values: Item, **more: Any) -> list[Item]:
    return region.items(
        "Query",
        TableName="things",
        KeyConditionExpression=condition,
        ExpressionAttributeValues=values,
        **more,
    )


@pytest.fixture(params=["S", "N", "B"])
def kind(region: Region, request: pytest.FixtureRequest) -> str:
    """A table whose sort key has this type, with an item for each of its values, and neighbours."""
    found: str = request.param
    region.create("things", "id", "sk", types={"sk": found}, stream="KEYS_ONLY")
    for position, value in enumerate(reversed(SORT_KEYS[found])):
        region.put({"id": S("b"), "sk": value, "position": N(position)})
        if position % 5 == 0:
            region.put({"id": S("a"), "sk": value})
            region.put({"id": S("b\x00"), "sk": value})
    return found


def sort_keys(items: list[Item]) -> list[Any]:
    return [comparable(item["sk"]) for item in items]


def test_items_come_in_the_order_of_their_sort_keys_both_ways(region: Region, kind: str) -> None:
    expected = [comparable(value) for value in SORT_KEYS[kind]]
    assert expected == sorted(expected)
    found = query(region, "id = :id", {":id": S("b")})
    assert sort_keys(found) == expected
    backwards = query(region, "id = :id", {":id": S("b")}, ScanIndexForward=False)
    assert backwards == found[::-1]
    assert {item["id"]["S"] for item in found} == {"b"}


OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@pytest.mark.parametrize("symbol", OPERATORS)
def test_comparisons_select_exactly_the_keys_that_satisfy_them(
    region: Region, kind: str, symbol: str
) -> None:
    holds = OPERATORS[symbol]
    everything = [comparable(value) for value in SORT_KEYS[kind]]
    for bound in SORT_KEYS[kind]:
        expected = [key for key in everything if holds(key, comparable(bound))]
        values = {":id": S("b"), ":sk": bound}
        found = query(region, f"id = :id AND sk {symbol} :sk", values)
        assert sort_keys(found) == expected
        backwards = query(region, f"id = :id AND sk {symbol} :sk", values, ScanIndexForward=False)
        assert sort_keys(backwards) == expected[::-1]


def test_between_includes_both_of_its_bounds(region: Region, kind: str) -> None:
    keys = SORT_KEYS[kind]
    everything = [comparable(value) for value in keys]
    for low in range(0, len(keys), 3):
        for high in range(low, len(keys), 4):
            values = {":id": S("b"), ":low": keys[low], ":high": keys[high]}
            found = query(region, "id = :id AND sk BETWEEN :low AND :high", values)
            assert sort_keys(found) == everything[low : high + 1]


def test_bounds_need_not_be_keys_that_exist(region: Region) -> None:
    region.create("things", "id", "sk", types={"sk": "N"})
    for number in (-20, -10, 0, 10, 20):
        region.put({"id": S("b"), "sk": N(number)})

    def found(condition: str, **values: str) -> list[int]:
        members = {f":{name}": N(value) for name, value in values.items()}
        items = query(region, f"id = :id AND {condition}", {":id": S("b"), **members})
        return [int(item["sk"]["N"]) for item in items]

    assert found("sk < :n", n="-9.99999") == [-20, -10]
    assert found("sk >= :n", n="10.0000000000000001") == [20]
    assert found("sk BETWEEN :low AND :high", low="-10.5", high="10.5") == [-10, 0, 10]
    assert found("sk = :n", n="1E1") == [10]
    assert found("sk = :n", n="5") == []


@pytest.mark.parametrize("prefix", [*STRINGS, "a\x00\x00", "zzz"])
def test_begins_with_selects_exactly_the_strings_with_the_prefix(
    region: Region, prefix: str
) -> None:
    region.create("things", "id", "sk")
    for text in STRINGS[1:]:
        region.put({"id": S("b"), "sk": S(text)})
    expected = [text for text in STRINGS[1:] if text.startswith(prefix)]
    values = {":id": S("b"), ":sk": S(prefix)}
    found = query(region, "id = :id AND begins_with(sk, :sk)", values)
    assert [item["sk"]["S"] for item in found] == expected
    backwards = query(region, "id = :id AND begins_with(sk, :sk)", values, ScanIndexForward=False)
    assert backwards == found[::-1]


@pytest.mark.parametrize("prefix", [*BINARIES, b"\xff\xff\xff\xff", b"\x7e"])
def test_begins_with_selects_exactly_the_bytes_with_the_prefix(
    region: Region, prefix: bytes
) -> None:
    region.create("things", "id", "sk", types={"sk": "B"})
    for value in SORT_KEYS["B"]:
        region.put({"id": S("b"), "sk": value})
    expected = [raw for raw in BINARIES if raw.startswith(prefix)]
    values = {":id": S("b"), ":sk": {"B": b64encode(prefix).decode()}}
    found = query(region, "id = :id AND begins_with(sk, :sk)", values)
    assert sort_keys(found) == expected


@pytest.mark.parametrize("mirrored", [":sk < sk", ":sk <= sk", ":sk > sk", ":sk >= sk", ":sk = sk"])
def test_a_condition_may_have_the_value_first(region: Region, mirrored: str) -> None:
    region.create("things", "id", "sk", types={"sk": "N"})
    for number in range(5):
        region.put({"id": S("b"), "sk": N(number)})
    symbol = mirrored.split()[1]
    found = query(region, f"{mirrored} AND :id = id", {":id": S("b"), ":sk": N(2)})
    expected = [number for number in range(5) if OPERATORS[symbol](2, number)]
    assert [int(item["sk"]["N"]) for item in found] == expected


# --- pages -----------------------------------------------------------------------------------


@pytest.mark.parametrize("is_forward", [True, False])
@pytest.mark.parametrize("limit", [1, 2, 7, 100])
def test_pages_by_limit_join_to_the_whole(
    region: Region, kind: str, limit: int, is_forward: bool
) -> None:
    request: dict[str, Any] = {
        "TableName": "things",
        "KeyConditionExpression": "id = :id",
        "ExpressionAttributeValues": {":id": S("b")},
        "ScanIndexForward": is_forward,
    }
    whole = region.call("Query", **request)
    assert "LastEvaluatedKey" not in whole
    pages = region.pages("Query", **request, Limit=limit)
    assert [item for page in pages for item in page["Items"]] == whole["Items"]
    assert all(page["Count"] == limit for page in pages[:-1])
    for page in pages[:-1]:
        last = page["Items"][-1]
        assert page["LastEvaluatedKey"] == {"id": last["id"], "sk": last["sk"]}


def test_a_page_within_a_range_stays_within_it(region: Region) -> None:
    region.create("things", "id", "sk", types={"sk": "N"})
    for number in range(20):
        region.put({"id": S("b"), "sk": N(number)})
    for is_forward in (True, False):
        pages = region.pages(
            "Query",
            TableName="things",
            KeyConditionExpression="id = :id AND sk BETWEEN :low AND :high",
            ExpressionAttributeValues={":id": S("b"), ":low": N(5), ":high": N(14)},
            ScanIndexForward=is_forward,
            Limit=3,
        )
        found = [int(item["sk"]["N"]) for page in pages for item in page["Items"]]
        assert found == (list(range(5, 15)) if is_forward else list(range(14, 4, -1)))


def test_a_page_that_limit_fills_exactly_has_a_key_to_go_on_from(region: Region) -> None:
    region.create("things", "id", "sk", types={"sk": "N"})
    for number in range(4):
        region.put({"id": S("b"), "sk": N(number)})
    first, second = region.pages(
        "Query",
        TableName="things",
        KeyConditionExpression="id = :id",
        ExpressionAttributeValues={":id": S("b")},
        Limit=4,
    )
    assert first["LastEvaluatedKey"] == {"id": S("b"), "sk": N(3)}
    assert second == {"Items": [], "Count": 0, "ScannedCount": 0}


def test_a_page_ends_with_the_item_that_takes_it_past_a_megabyte(region: Region) -> None:
    region.create("things", "id", "sk", types={"sk": "N"})
    # An item counts id, b, sk, its number and text with its content: 1024 * 100 bytes in all.
    text = "x" * (1024 * 100 - (2 + 1 + 2 + 2 + 4))
    for number in range(10, 35):
        region.put({"id": S("b"), "sk": N(number), "text": S(text)})
    pages = region.pages(
        "Query",
        TableName="things",
        KeyConditionExpression="id = :id",
        ExpressionAttributeValues={":id": S("b")},
    )
    assert [page["Count"] for page in pages] == [11, 11, 3]
    # What is shown does not matter, what is read does.
    counted = region.pages(
        "Query",
        TableName="things",
        KeyConditionExpression="id = :id",
        ExpressionAttributeValues={":id": S("b")},
        Select="COUNT",
    )
    assert [page["Count"] for page in counted] == [11, 11, 3]


def test_an_item_deleted_after_a_page_ended_with_it_does_not_stop_the_next(
    region: Region,
) -> None:
    region.create("things", "id", "sk", types={"sk": "N"})
    for number in range(6):
        region.put({"id": S("b"), "sk": N(number)})
    request: dict[str, Any] = {
        "TableName": "things",
        "KeyConditionExpression": "id = :id",
        "ExpressionAttributeValues": {":id": S("b")},
        "Limit": 3,
    }
    last = region.call("Query", **request)["LastEvaluatedKey"]
    region.delete(last)
    found = region.call("Query", **request, ExclusiveStartKey=last)["Items"]
    assert [item["sk"]["N"] for item in found] == ["3", "4", "5"]


# --- filters, projections, select ------------------------------------------------------------


@pytest.fixture
def numbers(region: Region) -> Region:
    region.create("things", "id", "sk", types={"sk": "N"})
    for number in range(10):
        region.put({"id": S("b"), "sk": N(number), "even": {"BOOL": number % 2 == 0}, "v": S("x")})
    return region


def look_up(region: Region, **more: Any) -> Answer:
    values = {":id": S("b"), **more.pop("values", {})}
    return region.call(
        "Query",
        TableName="things",
        KeyConditionExpression="id = :id",
        ExpressionAttributeValues=values,
        **more,
    )


def test_a_filter_drops_items_after_the_limit_has_counted_them(numbers: Region) -> None:
    page = look_up(numbers, FilterExpression="even = :t", values={":t": {"BOOL": True}}, Limit=5)
    assert [item["sk"]["N"] for item in page["Items"]] == ["0", "2", "4"]
    assert (page["Count"], page["ScannedCount"]) == (3, 5)
    assert page["LastEvaluatedKey"] == {"id": S("b"), "sk": N(4)}


def test_a_page_may_be_empty_and_still_have_a_next(numbers: Region) -> None:
    page = look_up(numbers, FilterExpression="v = :v", values={":v": S("y")}, Limit=4)
    assert (page["Items"], page["Count"], page["ScannedCount"]) == ([], 0, 4)
    assert page["LastEvaluatedKey"] == {"id": S("b"), "sk": N(3)}


def test_a_projection_shows_only_what_it_names(numbers: Region) -> None:
    page = look_up(numbers, ProjectionExpression="v, absent", Limit=2)
    assert page["Items"] == [{"v": S("x")}, {"v": S("x")}]
    assert page["LastEvaluatedKey"] == {"id": S("b"), "sk": N(1)}


def test_a_filter_may_use_what_the_projection_hides(numbers: Region) -> None:
    page = look_up(
        numbers,
        FilterExpression="even = :t",
        ProjectionExpression="sk",
        values={":t": {"BOOL": False}},
    )
    assert page["Items"] == [{"sk": N(number)} for number in (1, 3, 5, 7, 9)]


def test_select_count_tells_numbers_alone(numbers: Region) -> None:
    page = look_up(
        numbers, Select="COUNT", FilterExpression="even = :t", values={":t": {"BOOL": True}}
    )
    assert page == {"Count": 5, "ScannedCount": 10}


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            {"Select": "SPECIFIC_ATTRIBUTES"},
            "Must specify the AttributesToGet or ProjectionExpression when choosing to get "
            "SPECIFIC_ATTRIBUTES",
        ),
        (
            {"Select": "COUNT", "ProjectionExpression": "v"},
            "Cannot specify the ProjectionExpression when choosing to get only the Count",
        ),
        (
            {"Select": "ALL_ATTRIBUTES", "ProjectionExpression": "v"},
            "Cannot specify the ProjectionExpression when choosing to get ALL_ATTRIBUTES",
        ),
        (
            {"Select": "ALL_PROJECTED_ATTRIBUTES"},
            "ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName",
        ),
        (
            {"FilterExpression": "sk = :sk", "values": {":sk": N(1)}},
            "Filter Expression can only contain non-primary key attributes: "
            "Primary key attribute: sk",
        ),
        ({"IndexName": "none"}, "The table does not have the specified index: none"),
        (
            {"values": {":x": N(1)}},
            "Value provided in ExpressionAttributeValues unused in expressions: keys: {:x}",
        ),
    ],
)
def test_contradictory_requests_are_refused(numbers: Region, more: Answer, message: str) -> None:
    values = {":id": S("b"), **more.pop("values", {})}
    assert numbers.refusal(
        "Query",
        TableName="things",
        KeyConditionExpression="id = :id",
        ExpressionAttributeValues=values,
        **more,
    ) == ("ValidationException", message)


NOT_SUPPORTED = "Query key condition not supported"


@pytest.mark.parametrize(
    ("condition", "values", "message"),
    [
        ("sk = :n", {":n": N(1)}, "Query condition missed key schema element: id"),
        ("id = :s AND v = :s", {":s": S("b")}, "Query condition missed key schema element: sk"),
        ("v = :s", {":s": S("b")}, "Query condition missed key schema element: id"),
        ("id > :s", {":s": S("b")}, NOT_SUPPORTED),
        ("begins_with(id, :s)", {":s": S("b")}, NOT_SUPPORTED),
        ("id BETWEEN :s AND :s", {":s": S("b")}, NOT_SUPPORTED),
        (
            "id = :n",
            {":n": N(1)},
            "One or more parameter values were invalid: "
            "Condition parameter type does not match schema type",
        ),
        (
            "id = :s AND sk = :s",
            {":s": S("b")},
            "One or more parameter values were invalid: "
            "Condition parameter type does not match schema type",
        ),
        (
            "id = :s AND sk <> :n",
            {":s": S("b"), ":n": N(1)},
            "Invalid operator used in KeyConditionExpression: <>",
        ),
        (
            "id = :s OR sk = :n",
            {":s": S("b"), ":n": N(1)},
            "Invalid operator used in KeyConditionExpression: OR",
        ),
        (
            "id = :s AND id = :s",
            {":s": S("b")},
            "KeyConditionExpressions must only contain one condition per key",
        ),
        (
            "id = :s AND sk BETWEEN :m AND :n",
            {":s": S("b"), ":m": N(2), ":n": N(1)},
            "Invalid KeyConditionExpression: The BETWEEN operator requires upper bound to be "
            "greater than or equal to lower bound; lower bound operand: AttributeValue: {N:2}, "
            "upper bound operand: AttributeValue: {N:1}",
        ),
        ("", {":s": S("b")}, "Invalid KeyConditionExpression: The expression can not be empty;"),
    ],
)
def test_key_conditions_that_cannot_be_served_are_refused(
    numbers: Region, condition: str, values: Item, message: str
) -> None:
    assert numbers.refusal(
        "Query",
        TableName="things",
        KeyConditionExpression=condition,
        ExpressionAttributeValues=values,
    ) == ("ValidationException", message)


@pytest.mark.parametrize(
    ("condition", "start", "message"),
    [
        ("id = :id", {}, "The provided starting key is invalid"),
        ("id = :id", {"id": S("b")}, "The provided starting key is invalid"),
        (
            "id = :id",
            {"id": S("b"), "sk": N(1), "v": S("x")},
            "The provided starting key is invalid",
        ),
        ("id = :id", {"id": S("b"), "other": N(1)}, "The provided starting key is invalid"),
        (
            "id = :id",
            {"id": S("b"), "sk": S("1")},
            "The provided key element does not match the schema",
        ),
        (
            "id = :id",
            {"id": S("a"), "sk": N(1)},
            "The provided starting key is outside query boundaries based on provided conditions",
        ),
        (
            "id = :id AND sk > :n",
            {"id": S("b"), "sk": N(4)},
            "The provided starting key does not match the range key predicate",
        ),
        (
            "id = :id AND sk > :n",
            {"id": S("a"), "sk": N(7)},
            "The query can return at most one row and cannot be restarted",
        ),
    ],
)
def test_starting_keys_outside_the_query_are_refused(
    numbers: Region, condition: str, start: Item, message: str
) -> None:
    values = {":id": S("b"), ":n": N(5)} if ":n" in condition else {":id": S("b")}
    assert numbers.refusal(
        "Query",
        TableName="things",
        KeyConditionExpression=condition,
        ExpressionAttributeValues=values,
        ExclusiveStartKey=start,
    ) == ("ValidationException", message)


def test_a_query_without_a_key_condition_is_refused(numbers: Region) -> None:
    assert numbers.refusal("Query", TableName="things") == (
        "ValidationException",
        "Either the KeyConditions or KeyConditionExpression parameter must be specified in the "
        "request.",
    )


def test_a_table_with_a_partition_key_alone_is_queried_for_one_item(region: Region) -> None:
    region.create("things", "id", shared=[index("by-v", "v")])
    region.put({"id": S("b"), "v": S("x")})
    assert query(region, "id = :id", {":id": S("b")}) == [{"id": S("b"), "v": S("x")}]
    assert query(region, "id = :id", {":id": S("c")}) == []
    assert region.refusal(
        "Query",
        TableName="things",
        KeyConditionExpression="id = :id AND v = :id",
        ExpressionAttributeValues={":id": S("b")},
    ) == ("ValidationException", NOT_SUPPORTED)


def test_the_table_is_looked_for_before_the_condition_is_held_against_it(region: Region) -> None:
    assert region.refusal(
        "Query",
        TableName="nothing",
        KeyConditionExpression="z = :a",
        ExpressionAttributeValues={":a": N(1)},
    ) == ("ResourceNotFoundException", "Requested resource not found")
