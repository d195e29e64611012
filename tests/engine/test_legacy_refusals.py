"""Legacy parameters that DynamoDB refuses, and the words it does so in."""

from __future__ import annotations

from typing import Any

import pytest

from tests.region import Answer, N, Region, S, index

INVALID = "One or more parameter values were invalid: "
SETS: list[Answer] = [{"SS": ["a"]}, {"NS": ["1"]}, {"BS": ["YQ=="]}]
DOCUMENTS: list[Answer] = [{"M": {}}, {"L": []}]
FLAGS: list[Answer] = [{"BOOL": True}, {"NULL": True}]
NO_STRINGS: list[Answer] = [N(1), *SETS, *DOCUMENTS, *FLAGS]
ONE_VALUE = (
    "EQ",
    "NE",
    "LT",
    "LE",
    "GT",
    "GE",
    "CONTAINS",
    "NOT_CONTAINS",
    "BEGINS_WITH",
)


def compare(operator: str, *values: Answer) -> Answer:
    return {"ComparisonOperator": operator, "AttributeValueList": list(values)}


EQ = compare("EQ", S("x"))
KEY = {"KeyConditions": {"id": EQ}}
BASE: dict[str, Answer] = {
    "PutItem": {"Item": {"id": S("x")}},
    "UpdateItem": {"Key": {"id": S("x")}},
    "DeleteItem": {"Key": {"id": S("x")}},
    "GetItem": {"Key": {"id": S("x")}},
    "Query": {},
    "Scan": {},
}


@pytest.fixture
def table(region: Region) -> Region:
    region.create(shared=[index("by-n", "n")], types={"n": "N"})
    return region


def refused(region: Region, operation: str, request: Answer) -> str:
    code, message = region.refusal(operation, TableName="things", **BASE[operation], **request)
    assert code == "ValidationException"
    return message


# --- members that do not stand together ----------------------------------------------------------

UPDATES = {"AttributeUpdates": {"a": {"Value": S("v")}}}
CONDITION = {"ConditionExpression": "attribute_exists(id)"}
FILTER = {"FilterExpression": "a = :v", "ExpressionAttributeValues": {":v": S("x")}}
KEYED = {"KeyConditionExpression": "id = :v", "ExpressionAttributeValues": {":v": S("x")}}
AND = {"ConditionalOperator": "AND"}
MIXED: list[tuple[str, Answer, str, str]] = [
    ("PutItem", {"Expected": {"a": EQ}, **CONDITION}, "Expected", "ConditionExpression"),
    ("PutItem", {**AND, **CONDITION}, "ConditionalOperator", "ConditionExpression"),
    (
        "PutItem",
        {"Expected": {}, **AND, **CONDITION},
        "Expected, ConditionalOperator",
        "ConditionExpression",
    ),
    ("DeleteItem", {"Expected": {"a": EQ}, **CONDITION}, "Expected", "ConditionExpression"),
    ("UpdateItem", {**UPDATES, **CONDITION}, "AttributeUpdates", "ConditionExpression"),
    (
        "UpdateItem",
        {**UPDATES, "Expected": {"a": EQ}, **AND, **CONDITION, "UpdateExpression": "REMOVE a"},
        "AttributeUpdates, Expected, ConditionalOperator",
        "UpdateExpression, ConditionExpression",
    ),
    (
        "GetItem",
        {"AttributesToGet": ["a"], "ProjectionExpression": "a"},
        "AttributesToGet",
        "ProjectionExpression",
    ),
    ("Scan", {"ScanFilter": {"a": EQ}, **FILTER}, "ScanFilter", "FilterExpression"),
    ("Scan", {"AttributesToGet": ["a"], **FILTER}, "AttributesToGet", "FilterExpression"),
    (
        "Scan",
        {
            "AttributesToGet": ["a"],
            "ScanFilter": {"a": EQ},
            **AND,
            **FILTER,
            "ProjectionExpression": "b",
        },
        "AttributesToGet, ScanFilter, ConditionalOperator",
        "ProjectionExpression, FilterExpression",
    ),
    (
        "Query",
        {
            **KEY,
            "AttributesToGet": ["a"],
            "QueryFilter": {"a": EQ},
            **AND,
            **FILTER,
            **KEYED,
            "ProjectionExpression": "b",
        },
        "AttributesToGet, QueryFilter, ConditionalOperator, KeyConditions",
        "ProjectionExpression, FilterExpression, KeyConditionExpression",
    ),
    ("Query", {**KEY, **KEYED}, "KeyConditions", "KeyConditionExpression"),
    ("Query", {**KEY, "QueryFilter": {"a": EQ}, **FILTER}, "QueryFilter", "FilterExpression"),
]


@pytest.mark.parametrize(("operation", "request_", "legacy", "modern"), MIXED)
def test_expressions_and_legacy_parameters_do_not_mix(
    table: Region, operation: str, request_: Answer, legacy: str, modern: str
) -> None:
    assert refused(table, operation, request_) == (
        "Can not use both expression and non-expression parameters in the same request: "
        f"Non-expression parameters: {{{legacy}}} Expression parameters: {{{modern}}}"
    )


def test_they_do_not_mix_for_a_table_of_a_batch_either(table: Region) -> None:
    each = {"Keys": [{"id": S("x")}], "AttributesToGet": ["a"], "ProjectionExpression": "a"}
    _, message = table.refusal("BatchGetItem", RequestItems={"things": each})
    assert message == (
        "Can not use both expression and non-expression parameters in the same request: "
        "Non-expression parameters: {AttributesToGet} Expression parameters: {ProjectionExpression}"
    )


TOO_FEW = "ConditionalOperator can only be used when Filter or Expected has two or more elements"
NONE = "ConditionalOperator cannot be used without Filter or Expected"


@pytest.mark.parametrize(
    ("operation", "request_", "message"),
    [
        ("PutItem", {}, NONE),
        ("PutItem", {"Expected": {}}, NONE),
        ("PutItem", {"Expected": {"a": EQ}}, TOO_FEW),
        ("DeleteItem", {"Expected": {"a": EQ}}, TOO_FEW),
        ("UpdateItem", UPDATES, NONE),
        ("Scan", {"AttributesToGet": ["a"]}, NONE),
        ("Scan", {"ScanFilter": {"a": EQ}}, TOO_FEW),
        ("Query", {}, NONE),
        ("Query", KEY, NONE),
        ("Query", {**KEY, "QueryFilter": {"a": EQ}}, TOO_FEW),
    ],
)
def test_a_conditional_operator_joins_two_conditions_or_more(
    table: Region, operation: str, request_: Answer, message: str
) -> None:
    assert refused(table, operation, {**AND, **request_}) == message


# --- conditions that do not hold together --------------------------------------------------------

EXPECTATIONS: list[tuple[Answer, str]] = [
    ({}, "Value must be provided when Exists is null for Attribute: a"),
    ({"Exists": True}, "Value must be provided when Exists is true for Attribute: a"),
    (
        {"Exists": False, "Value": S("x")},
        "Value cannot be used when Exists is false for Attribute: a",
    ),
    (
        {"ComparisonOperator": "LT"},
        "Value or AttributeValueList must be used with ComparisonOperator: LT for Attribute: a",
    ),
    (
        {"ComparisonOperator": "LT", "Exists": True},
        "Exists and ComparisonOperator cannot be used together for Attribute: a",
    ),
    (
        {**EQ, "Value": S("x")},
        "Value and AttributeValueList cannot be used together for Attribute: a",
    ),
    (
        {"AttributeValueList": [S("x")]},
        "AttributeValueList can only be used with a ComparisonOperator for Attribute: a",
    ),
    (
        {"AttributeValueList": [S("x")], "Exists": True},
        "AttributeValueList can only be used with a ComparisonOperator for Attribute: a",
    ),
    (
        {"ComparisonOperator": "BETWEEN", "Value": S("x")},
        "Invalid number of argument(s) for the BETWEEN ComparisonOperator",
    ),
    (
        {"ComparisonOperator": "NULL", "Value": S("x")},
        "Invalid number of argument(s) for the NULL ComparisonOperator",
    ),
]


@pytest.mark.parametrize(("expectation", "message"), EXPECTATIONS)
@pytest.mark.parametrize("operation", ["PutItem", "UpdateItem", "DeleteItem"])
def test_members_of_an_expectation_fit_together(
    table: Region, operation: str, expectation: Answer, message: str
) -> None:
    assert refused(table, operation, {"Expected": {"a": expectation}}) == INVALID + message


def wrong_count(operator: str) -> str:
    return f"{INVALID}Invalid number of argument(s) for the {operator} ComparisonOperator"


def wrong_type(operator: str, value: Answer) -> str:
    (kind,) = value
    return f"{INVALID}ComparisonOperator {operator} is not valid for {kind} AttributeValue type"


COMPARISONS: list[tuple[Answer, str]] = [
    *((compare(name), wrong_count(name)) for name in (*ONE_VALUE, "IN", "BETWEEN")),
    *((compare(name, S("a"), S("b")), wrong_count(name)) for name in ONE_VALUE),
    *((compare(name, S("a")), wrong_count(name)) for name in ("NULL", "NOT_NULL", "BETWEEN")),
    (compare("BETWEEN", S("a"), S("b"), S("c")), wrong_count("BETWEEN")),
    *(
        (compare(name, value), wrong_type(name, value))
        for name in ("LT", "LE", "GT", "GE", "IN", "CONTAINS", "NOT_CONTAINS")
        for value in (*SETS, *DOCUMENTS, *FLAGS)
    ),
    *(
        (compare("BETWEEN", value, value), wrong_type("BETWEEN", value))
        for value in (*SETS, *DOCUMENTS, *FLAGS)
    ),
    *((compare("BEGINS_WITH", value), wrong_type("BEGINS_WITH", value)) for value in NO_STRINGS),
    (
        compare("IN", S("b"), N(1)),
        f"{INVALID}AttributeValues inside AttributeValueList must be of same type",
    ),
    (
        compare("BETWEEN", N(10), N(9)),
        "The BETWEEN condition was provided a range where the lower bound is greater than the "
        "upper bound",
    ),
    (
        compare("EQ", {}),
        "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes",
    ),
    (
        compare("EQ", N("one")),
        "The parameter cannot be converted to a numeric value: one",
    ),
]


@pytest.mark.parametrize(
    ("operation", "member"),
    [
        ("PutItem", "Expected"),
        ("Scan", "ScanFilter"),
        ("Query", "QueryFilter"),
        ("Query", "KeyConditions"),
    ],
)
def test_values_fit_their_operator(table: Region, operation: str, member: str) -> None:
    for comparison, message in COMPARISONS:
        found = refused(table, operation, {member: {"id": comparison}})
        assert found == message, comparison


# --- updates -------------------------------------------------------------------------------------


ONLY_DELETE = "Only DELETE action is allowed when no attribute value is specified"
NOT_DELETED: list[Answer] = [S("x"), N(1), *DOCUMENTS, *FLAGS]
NOT_ADDED: list[Answer] = [S("x"), {"M": {}}, *FLAGS]
ACTIONS: list[tuple[Answer, str]] = [
    ({}, ONLY_DELETE),
    ({"Action": "PUT"}, ONLY_DELETE),
    ({"Action": "ADD"}, ONLY_DELETE),
    *(
        (
            {"Action": "DELETE", "Value": value},
            f"DELETE action with value is not supported for the type {next(iter(value))}",
        )
        for value in NOT_DELETED
    ),
    *(
        (
            {"Action": "ADD", "Value": value},
            f"ADD action is not supported for the type {next(iter(value))}",
        )
        for value in NOT_ADDED
    ),
]


@pytest.mark.parametrize(("update", "message"), ACTIONS)
def test_actions_fit_their_values(table: Region, update: Answer, message: str) -> None:
    assert refused(table, "UpdateItem", {"AttributeUpdates": {"a": update}}) == INVALID + message


@pytest.mark.parametrize(
    "update",
    [
        {"Action": "ADD", "Value": N(1)},
        {"Action": "ADD", "Value": {"SS": ["a"]}},
        {"Action": "ADD", "Value": {"L": [N(1)]}},
        {"Action": "DELETE", "Value": {"SS": ["a"]}},
    ],
)
def test_actions_fit_the_attributes_there_are(table: Region, update: Answer) -> None:
    table.put({"id": S("x"), "a": S("text")})
    message = refused(table, "UpdateItem", {"AttributeUpdates": {"a": update}})
    assert message == "Type mismatch for attribute to update"
    assert table.get({"id": S("x")}) == {"id": S("x"), "a": S("text")}


def test_keys_cannot_be_updated(table: Region) -> None:
    message = refused(table, "UpdateItem", {"AttributeUpdates": {"id": {"Value": S("y")}}})
    assert message == (f"{INVALID}Cannot update attribute id. This attribute is part of the key")


def test_a_sum_that_overflows_is_refused_as_in_an_expression(table: Region) -> None:
    huge = N("9E+125")
    table.put({"id": S("x"), "a": huge})
    message = refused(
        table, "UpdateItem", {"AttributeUpdates": {"a": {"Action": "ADD", "Value": huge}}}
    )
    assert message.startswith("Number overflow.")


# --- reads ---------------------------------------------------------------------------------------

TWICE = f"{INVALID}Duplicate value in attribute name: a"


@pytest.mark.parametrize(
    ("operation", "request_", "message"),
    [
        ("GetItem", {"AttributesToGet": ["a", "b", "a"]}, TWICE),
        ("Scan", {"AttributesToGet": ["a", "a"], "ScanFilter": {"a": compare("EQ")}}, TWICE),
        ("Query", {"AttributesToGet": ["a", "a"], "QueryFilter": {}}, TWICE),
        (
            "Query",
            {"AttributesToGet": ["a", "a"], "QueryFilter": {"a": compare("EQ")}},
            wrong_count("EQ"),
        ),
        (
            "Scan",
            {"AttributesToGet": ["a"], "Select": "COUNT"},
            "Cannot specify the AttributesToGet when choosing to get only the Count",
        ),
        (
            "Query",
            {**KEY, "AttributesToGet": ["a"], "Select": "ALL_ATTRIBUTES"},
            "Cannot specify the AttributesToGet when choosing to get ALL_ATTRIBUTES",
        ),
        (
            "Query",
            {**KEY, "QueryFilter": {"id": EQ}},
            "QueryFilter can only contain non-primary key attributes: Primary key attribute: id",
        ),
        (
            "Query",
            {**KEY, "FilterExpression": "id = :v", "ExpressionAttributeValues": {":v": S("x")}},
            "Filter Expression can only contain non-primary key attributes: "
            "Primary key attribute: id",
        ),
    ],
)
def test_reads_that_contradict_themselves_are_refused(
    table: Region, operation: str, request_: Answer, message: str
) -> None:
    assert refused(table, operation, request_) == message


NOT_INDEXABLE = "Attempted conditional constraint is not an indexable operation"
NULL: Any = {"ComparisonOperator": "NULL"}


@pytest.mark.parametrize(
    ("conditions", "message"),
    [
        ({}, "Conditions can be of length 1 or 2 only"),
        ({"a": NULL, "b": NULL, "c": NULL}, "Conditions can be of length 1 or 2 only"),
        ({"id": EQ, "at": EQ, "c": EQ}, "Conditions can be of length 1 or 2 only"),
        ({"at": EQ}, "Query condition missed key schema element: id"),
        ({"id": EQ, "c": EQ}, "Query condition missed key schema element: at"),
        *(({"id": EQ, "at": compare(name, S("x"))}, NOT_INDEXABLE) for name in ("NE", "CONTAINS")),
        ({"id": EQ, "at": NULL}, NOT_INDEXABLE),
        ({"id": compare("IN", S("x"), S("y"))}, NOT_INDEXABLE),
        ({"id": compare("GT", S("x"))}, "Query key condition not supported"),
        (
            {"id": compare("EQ", N(1))},
            f"{INVALID}Condition parameter type does not match schema type",
        ),
    ],
)
def test_key_conditions_fit_the_keys(region: Region, conditions: Answer, message: str) -> None:
    region.create(sort="at")
    assert refused(region, "Query", {"KeyConditions": conditions}) == message


def test_a_key_without_a_sort_key_takes_one_condition(table: Region) -> None:
    message = refused(table, "Query", {"KeyConditions": {"id": compare("NE", S("x")), "a": EQ}})
    assert message == "Query key condition not supported"
