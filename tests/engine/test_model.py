"""The structural validation of requests, in AWS's words."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pelton.engine.errors import SerializationException, ValidationException
from pelton.engine.model import operations, validate_request

KEY = {"id": {"S": "x"}}
NULL = "failed to satisfy constraint: Member must not be null"
ITEM_MAP = (
    "Unrecognized collection type java.util.Map<java.lang.String, "
    "com.amazonaws.dynamodb.v20120810.AttributeValue>"
)

GOOD: list[tuple[str, dict[str, Any]]] = [
    ("PutItem", {"TableName": "t", "Item": KEY}),
    ("PutItem", {"TableName": "t", "Item": {}, "Unknown": object, "ReturnValues": None}),
    ("GetItem", {"TableName": "arn:aws:dynamodb:us-east-1:000000000000:table/t", "Key": KEY}),
    ("ListTables", {}),
    ("Query", {"TableName": "t", "Limit": 1, "Select": "COUNT", "ScanIndexForward": False}),
    ("TransactGetItems", {"TransactItems": [{"Get": {"TableName": "t", "Key": KEY}}]}),
    ("GetRecords", {"ShardIterator": "x", "Limit": 1000}),
    ("DescribeEndpoints", {}),
]

BROKEN: list[tuple[str, dict[str, Any], str]] = [
    (
        "PutItem",
        {},
        f"2 validation errors detected: Value null at 'tableName' {NULL}; "
        f"Value null at 'item' {NULL}",
    ),
    (
        "PutItem",
        {"TableName": "", "Item": {}},
        "1 validation error detected: Value '' at 'tableName' failed to satisfy constraint: "
        "Member must have length greater than or equal to 1",
    ),
    (
        "PutItem",
        {"TableName": "a" * 256, "Item": {}},
        f"1 validation error detected: Value '{'a' * 256}' at 'tableName' failed to satisfy "
        "constraint: Member must have length less than or equal to 255",
    ),
    (
        "PutItem",
        {"TableName": "bad table!@#", "Item": {}},
        "1 validation error detected: Value 'bad table!@#' at 'tableName' failed to satisfy "
        "constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+",
    ),
    (
        "CreateTable",
        {
            "TableName": "abc",
            "KeySchema": [{"AttributeName": "a", "KeyType": "INVALID"}],
            "AttributeDefinitions": [],
        },
        "1 validation error detected: Value 'INVALID' at 'keySchema.1.member.keyType' failed to "
        "satisfy constraint: Member must satisfy enum value set: [HASH, RANGE]",
    ),
    (
        "Query",
        {"TableName": "abc", "Select": "SOME"},
        "1 validation error detected: Value 'SOME' at 'select' failed to satisfy constraint: "
        "Member must satisfy enum value set: "
        "[SPECIFIC_ATTRIBUTES, COUNT, ALL_ATTRIBUTES, ALL_PROJECTED_ATTRIBUTES]",
    ),
    (
        "Scan",
        {"TableName": "abc", "Limit": 0},
        "1 validation error detected: Value '0' at 'limit' failed to satisfy constraint: "
        "Member must have value greater than or equal to 1",
    ),
    (
        "TransactWriteItems",
        {"TransactItems": []},
        "1 validation error detected: Value '[]' at 'transactItems' failed to satisfy constraint: "
        "Member must have length greater than or equal to 1",
    ),
    (
        "BatchWriteItem",
        {"RequestItems": {"abc": []}},
        "1 validation error detected: Value '{abc=[]}' at 'requestItems' failed to satisfy "
        "constraint: Map value must satisfy constraint: [Member must have length less than or "
        "equal to 25, Member must have length greater than or equal to 1]",
    ),
    (
        "BatchGetItem",
        {"RequestItems": {"abc": {"Keys": [None]}}},
        f"1 validation error detected: Value null at 'requestItems.abc.member.keys.1.member' "
        f"{NULL}",
    ),
]

ILL_TYPED: list[tuple[str, dict[str, Any], str]] = [
    ("PutItem", {"TableName": 5, "Item": {}}, "NUMBER_VALUE cannot be converted to String"),
    ("PutItem", {"TableName": 5.5, "Item": {}}, "DECIMAL_VALUE cannot be converted to String"),
    ("PutItem", {"TableName": True, "Item": {}}, "TRUE_VALUE cannot be converted to String"),
    (
        "PutItem",
        {"TableName": [], "Item": {}},
        "Unrecognized collection type class java.lang.String",
    ),
    (
        "PutItem",
        {"TableName": {}, "Item": {}},
        "Start of structure or map found where not expected",
    ),
    ("PutItem", {"TableName": "t", "Item": []}, ITEM_MAP),
    ("PutItem", {"TableName": "t", "Item": "x"}, "Unexpected field type"),
    ("PutItem", {"TableName": "t", "Item": {"a": 5}}, "Unexpected value type in payload"),
    ("Query", {"TableName": "t", "Limit": "1"}, "STRING_VALUE cannot be converted to Integer"),
    ("Query", {"TableName": "t", "Limit": 1.5}, "DECIMAL_VALUE cannot be converted to Integer"),
    (
        "Query",
        {"TableName": "t", "ConsistentRead": 1},
        "NUMBER_VALUE cannot be converted to Boolean",
    ),
    ("BatchGetItem", {"RequestItems": {"t": {"Keys": {}}}}, "Start of structure or map found"),
]


@pytest.mark.parametrize(("operation", "request_"), GOOD)
def test_a_good_request_passes(operation: str, request_: dict[str, Any]) -> None:
    before = repr(request_)
    validate_request(operation, request_)
    assert repr(request_) == before


@pytest.mark.parametrize(("operation", "request_", "message"), BROKEN)
def test_broken_constraints_are_told_in_awss_words(
    operation: str, request_: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValidationException) as raised:
        validate_request(operation, request_)
    assert raised.value.message == message


@pytest.mark.parametrize(("operation", "request_", "message"), ILL_TYPED)
def test_json_of_the_wrong_type_is_a_serialization_error(
    operation: str, request_: dict[str, Any], message: str
) -> None:
    with pytest.raises(SerializationException) as raised:
        validate_request(operation, request_)
    assert raised.value.message.startswith(message)


def test_the_model_names_every_operation_of_the_installed_botocore() -> None:
    botocore = pytest.importorskip("botocore.session", reason="botocore is not installed")
    session = botocore.get_session()
    for service in ("dynamodb", "dynamodbstreams"):
        assert set(session.get_service_model(service).operation_names) <= operations()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
MEMBERS = st.sampled_from(
    ["TableName", "Item", "Key", "Keys", "RequestItems", "TransactItems", "KeySchema", "Limit"]
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(operations())), st.dictionaries(MEMBERS, JSON, max_size=5))
def test_any_json_passes_or_gets_one_of_two_errors(
    operation: str, request_: dict[str, Any]
) -> None:
    try:
        validate_request(operation, request_)
    except (SerializationException, ValidationException) as error:
        assert error.message
