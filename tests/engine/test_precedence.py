"""Requests with several faults: the one that AWS tells is told."""

from __future__ import annotations

from typing import Any

import pytest

from tests.region import N, Region, S, index

Request = dict[str, Any]

EMPTY_VALUE = (
    "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"
)
NO_NUMBER = "The parameter cannot be converted to a numeric value"
NO_EXPRESSION = "ExpressionAttributeNames can only be specified when using expressions"
OTHER_SCHEMA = "The provided key element does not match the schema"
INVALID_START = "The provided starting key is invalid"
OTHER_TYPE = (
    "One or more parameter values were invalid: Condition parameter type does not match schema type"
)
NO_TABLE: Request = {"TableName": "nothing"}

OF_VALUES: list[tuple[str, Request, str]] = [
    ("GetItem", {**NO_TABLE, "Key": {"id": {}}}, EMPTY_VALUE),
    ("GetItem", {**NO_TABLE, "Key": {"id": {}}, "ExpressionAttributeNames": {}}, NO_EXPRESSION),
    ("GetItem", {**NO_TABLE, "Key": {"id": {}}, "AttributesToGet": ["a", "a"]}, EMPTY_VALUE),
    ("DeleteItem", {**NO_TABLE, "Key": {"id": N("no")}}, f"{NO_NUMBER}: no"),
    (
        "UpdateItem",
        {**NO_TABLE, "Key": {"id": {}}, "AttributeUpdates": {"a": {"Action": "PUT"}}},
        EMPTY_VALUE,
    ),
    ("PutItem", {**NO_TABLE, "Item": {"id": {}}, "Expected": {"a": {}}}, EMPTY_VALUE),
    (
        "PutItem",
        {**NO_TABLE, "Item": {"id": S("x" * 409_600)}, "Expected": {"a": {}}},
        "Item size has exceeded the maximum allowed size",
    ),
    ("BatchGetItem", {"RequestItems": {"nothing": {"Keys": [{"id": {}}]}}}, EMPTY_VALUE),
    (
        "BatchGetItem",
        {"RequestItems": {"nothing": {"Keys": [{"id": N(1)}, {"id": N("1.0")}]}}},
        "Provided list of item keys contains duplicates",
    ),
    (
        "BatchGetItem",
        {
            "RequestItems": {
                "nothing": {"Keys": [{"id": S("a")}] * 2, "ExpressionAttributeNames": {"#a": "a"}}
            }
        },
        NO_EXPRESSION,
    ),
    (
        "BatchWriteItem",
        {"RequestItems": {"nothing": [{"DeleteRequest": {"Key": {"id": {}}}}]}},
        EMPTY_VALUE,
    ),
    (
        "Query",
        {**NO_TABLE, "ExclusiveStartKey": {"id": {}}, "KeyConditionExpression": ""},
        f"{INVALID_START}: {EMPTY_VALUE}",
    ),
    ("Query", {**NO_TABLE, "ExclusiveStartKey": {"id": N("no")}}, f"{NO_NUMBER}: no"),
    (
        "Query",
        {**NO_TABLE, "FilterExpression": "", "KeyConditionExpression": ""},
        "Invalid KeyConditionExpression: The expression can not be empty;",
    ),
    (
        "Query",
        {
            **NO_TABLE,
            "ConditionalOperator": "AND",
            "ExpressionAttributeValues": {":a": S("a")},
        },
        "ExpressionAttributeValues can only be specified when using expressions: "
        "FilterExpression and KeyConditionExpression are null",
    ),
    (
        "Scan",
        {**NO_TABLE, "ExclusiveStartKey": {"id": {}}, "FilterExpression": ""},
        f"{INVALID_START}: {EMPTY_VALUE}",
    ),
    (
        "Scan",
        {**NO_TABLE, "Segment": 1, "FilterExpression": ""},
        "The TotalSegments parameter is required but was not present in the request when Segment "
        "parameter is present",
    ),
]


@pytest.mark.parametrize(("operation", "request_", "message"), OF_VALUES)
def test_values_and_expressions_are_told_before_what_follows_them(
    region: Region, operation: str, request_: Request, message: str
) -> None:
    assert region.refusal(operation, **request_) == ("ValidationException", message)


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("GetItem", {**NO_TABLE, "Key": {"id": {"B": "abcde"}}}),
        ("GetItem", {"Key": {"id": {"B": "abcde"}}}),
        ("PutItem", {**NO_TABLE, "Item": {"a": {}, "id": {"L": [{"BS": ["abcde"]}]}}}),
    ],
)
def test_json_of_another_type_is_told_before_all_else(
    region: Region, operation: str, request_: Request
) -> None:
    assert region.refusal(operation, **request_) == (
        "SerializationException",
        "Base64 encoded length is expected a multiple of 4 bytes but found: 5",
    )


@pytest.mark.parametrize(
    ("condition", "values", "start", "message"),
    [
        ("x = :x", {":x": S("a")}, {"id": S("a")}, INVALID_START),
        ("x = :x", {":x": S("a")}, {"id": N(1), "n": N(1)}, OTHER_SCHEMA),
        (
            "x = :x",
            {":x": S("a")},
            {"id": S("a"), "n": S("1")},
            "Query condition missed key schema element: id",
        ),
        (":x > id", {":x": N(1)}, None, OTHER_TYPE),
        (":x > id", {":x": S("a")}, None, "Query key condition not supported"),
        (":x > id", {":x": S("a")}, {"id": N(1), "n": N(1)}, OTHER_SCHEMA),
    ],
)
def test_a_query_is_held_against_the_key_attribute_by_attribute(
    region: Region, condition: str, values: Request, start: Request | None, message: str
) -> None:
    region.create("things", "id", "n", types={"id": "S", "n": "N"})
    request: Request = {
        "TableName": "things",
        "KeyConditionExpression": condition,
        "ExpressionAttributeValues": values,
    }
    if start is not None:
        request["ExclusiveStartKey"] = start
    assert region.refusal("Query", **request) == ("ValidationException", message)


def test_a_request_with_one_fault_is_refused_for_it(region: Region) -> None:
    assert region.refusal("GetItem", **NO_TABLE, Key={"id": S("a")}) == (
        "ResourceNotFoundException",
        "Requested resource not found",
    )


ENTERED = (
    "Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: "
)


@pytest.mark.parametrize(
    ("operation", "more", "message"),
    [
        ("GetItem", {"Key": {"id": S("a")}, "ProjectionExpression": "v, id.x"}, "Key: id"),
        ("GetItem", {"Key": {"id": S("a")}, "ProjectionExpression": "v[0]"}, "IndexKey: v"),
        ("Scan", {"ProjectionExpression": "id[1]"}, "Key: id"),
        ("Scan", {"FilterExpression": "attribute_exists(v.x)"}, "IndexKey: v"),
        (
            "Query",
            {
                "KeyConditionExpression": "id = :id",
                "FilterExpression": "size(v[2]) > :one",
                "ExpressionAttributeValues": {":id": S("a"), ":one": N(1)},
            },
            "IndexKey: v",
        ),
    ],
)
def test_no_path_goes_into_an_attribute_of_a_key(
    region: Region, operation: str, more: Request, message: str
) -> None:
    region.create(shared=[index("by-v", "v")])
    assert region.refusal(operation, TableName="things", **more) == (
        "ValidationException",
        ENTERED + message,
    )


def test_a_batch_s_paths_go_into_no_attribute_of_a_key(region: Region) -> None:
    region.create()
    request = {"Keys": [{"id": S("a")}], "ProjectionExpression": "id.x"}
    assert region.refusal("BatchGetItem", RequestItems={"things": request}) == (
        "ValidationException",
        ENTERED + "Key: id",
    )


def test_a_scan_is_told_what_its_index_lacks_before_the_rest_of_its_start_key(
    region: Region,
) -> None:
    region.create(shared=[index("by-v", "v", projection="KEYS_ONLY")])
    request = {"TableName": "things", "IndexName": "by-v", "Select": "ALL_ATTRIBUTES"}
    code, message = region.refusal("Scan", **request, ExclusiveStartKey={"v": S("a"), "x": S("b")})
    assert code == "ValidationException"
    assert message.endswith("because its projection type is not ALL")
