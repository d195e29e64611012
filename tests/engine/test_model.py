"""The structural validation of requests, in AWS's words."""

from __future__ import annotations

import copy
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pelton.engine.errors import SerializationException, ValidationException
from pelton.engine.model import operations, validate_request
from pelton.engine.model.constraints import broken_constraints
from pelton.engine.model.json_types import take_types
from pelton.engine.model.predicates import predicate_of
from pelton.engine.model.shapes import input_shape, shape_named

Request = dict[str, Any]

KEY = {"id": {"S": "x"}}
NULL = "failed to satisfy constraint: Member must not be null"
PATTERN = (
    "failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"
)
SHORT = "failed to satisfy constraint: Member must have length greater than or equal to"
LONG = "failed to satisfy constraint: Member must have length less than or equal to"
LOW = "failed to satisfy constraint: Member must have value greater than or equal to"
HIGH = "failed to satisfy constraint: Member must have value less than or equal to"
ENUM = "failed to satisfy constraint: Member must satisfy enum value set:"

GOOD: list[tuple[str, Request]] = [
    ("PutItem", {"TableName": "t", "Item": KEY}),
    ("PutItem", {"TableName": "t", "Item": {}, "Unknown": object, "ReturnValues": None}),
    ("GetItem", {"TableName": "arn:aws:dynamodb:us-east-1:000000000000:table/t", "Key": KEY}),
    ("BatchGetItem", {"RequestItems": {"arn:aws:dynamodb:x:1:table/t": {"Keys": [KEY]}}}),
    ("ListTables", {}),
    ("Query", {"TableName": "t", "Limit": 1, "Select": "COUNT", "ScanIndexForward": False}),
    ("TransactGetItems", {"TransactItems": [{"Get": {"TableName": "t", "Key": KEY}}]}),
    ("GetRecords", {"ShardIterator": "x", "Limit": 1000}),
    ("DescribeEndpoints", {}),
    ("DescribeEndpoints", {"Unknown": 1}),
]

CONVERTED: list[tuple[Request, Request]] = [
    ({"ConsistentRead": "true"}, {"ConsistentRead": True}),
    ({"ConsistentRead": "No"}, {"ConsistentRead": False}),
    ({"ConsistentRead": "1"}, {"ConsistentRead": True}),
    ({"Limit": 3.0}, {"Limit": 3}),
    ({"Limit": 3.9}, {"Limit": 3}),
]

# An operation, a request, and what is wrong with it: one sentence for each broken constraint.
BROKEN: list[tuple[str, Request, list[str]]] = [
    ("PutItem", {}, [f"Value null at 'tableName' {NULL}", f"Value null at 'item' {NULL}"]),
    ("PutItem", {"TableName": None, "Item": KEY}, [f"Value null at 'tableName' {NULL}"]),
    ("PutItem", {"TableName": "", "Item": {}}, [f"Value '' at 'tableName' {SHORT} 1"]),
    (
        "PutItem",
        {"TableName": "a" * 256, "Item": {}},
        [f"Value '{'a' * 256}' at 'tableName' {LONG} 255"],
    ),
    (
        "PutItem",
        {"TableName": "bad table!@#", "Item": {}},
        [f"Value 'bad table!@#' at 'tableName' {PATTERN}"],
    ),
    (
        "PutItem",
        {"TableName": "abc", "Item": {"a": None}},
        [f"Value null at 'item.a.member' {NULL}"],
    ),
    (
        "PutItem",
        {
            "TableName": "abc",
            "Item": KEY,
            "ReturnConsumedCapacity": "A",
            "ReturnItemCollectionMetrics": "B",
            "ReturnValues": "C",
            "ConditionalOperator": "D",
        },
        [
            f"Value 'C' at 'returnValues' {ENUM} "
            "[ALL_NEW, UPDATED_OLD, ALL_OLD, NONE, UPDATED_NEW]",
            f"Value 'A' at 'returnConsumedCapacity' {ENUM} [INDEXES, TOTAL, NONE]",
            f"Value 'B' at 'returnItemCollectionMetrics' {ENUM} [SIZE, NONE]",
            f"Value 'D' at 'conditionalOperator' {ENUM} [OR, AND]",
        ],
    ),
    ("CreateTable", {"TableName": "ab"}, [f"Value 'ab' at 'tableName' {SHORT} 3"]),
    (
        "CreateTable",
        {"TableName": "a;"},
        [f"Value 'a;' at 'tableName' {PATTERN}", f"Value 'a;' at 'tableName' {SHORT} 3"],
    ),
    (
        "CreateTable",
        {
            "TableName": "abc",
            "AttributeDefinitions": [{"AttributeName": "a", "AttributeType": "SS"}],
            "KeySchema": [{"AttributeName": "a", "KeyType": "INVALID"}, {"KeyType": "RANGE"}],
            "ProvisionedThroughput": {"ReadCapacityUnits": 0},
            "LocalSecondaryIndexes": [
                {
                    "IndexName": "",
                    "KeySchema": [],
                    "Projection": {"ProjectionType": "SOME", "NonKeyAttributes": [""]},
                }
            ],
        },
        [
            f"Value 'SS' at 'attributeDefinitions.1.member.attributeType' {ENUM} [B, N, S]",
            f"Value 'INVALID' at 'keySchema.1.member.keyType' {ENUM} [HASH, RANGE]",
            f"Value null at 'keySchema.2.member.attributeName' {NULL}",
            f"Value '' at 'localSecondaryIndexes.1.member.indexName' {PATTERN}",
            f"Value '' at 'localSecondaryIndexes.1.member.indexName' {SHORT} 3",
            f"Value '[]' at 'localSecondaryIndexes.1.member.keySchema' {SHORT} 1",
            f"Value 'SOME' at 'localSecondaryIndexes.1.member.projection.projectionType' {ENUM} "
            "[ALL, INCLUDE, KEYS_ONLY]",
            "Value '[]' at 'localSecondaryIndexes.1.member.projection.nonKeyAttributes' failed to "
            "satisfy constraint: Member must satisfy constraint: [Member must have length less "
            "than or equal to 255, Member must have length greater than or equal to 1]",
            f"Value '0' at 'provisionedThroughput.readCapacityUnits' {LOW} 1",
            f"Value null at 'provisionedThroughput.writeCapacityUnits' {NULL}",
        ],
    ),
    (
        "CreateTable",
        {"TableName": "abc", "KeySchema": [{"AttributeName": "a", "KeyType": "HASH"}] * 3},
        [
            f"Value '[{', '.join(['KeySchemaElement(attributeName=a, keyType=HASH)'] * 3)}]' "
            f"at 'keySchema' {LONG} 2"
        ],
    ),
    (
        "UpdateTable",
        {"TableName": "abc", "GlobalSecondaryIndexUpdates": [{"Update": {}}]},
        [f"Value null at 'globalSecondaryIndexUpdates.1.member.update.indexName' {NULL}"],
    ),
    (
        "ListTables",
        {"ExclusiveStartTableName": "", "Limit": 500},
        [
            f"Value '' at 'exclusiveStartTableName' {PATTERN}",
            f"Value '' at 'exclusiveStartTableName' {SHORT} 3",
            f"Value '500' at 'limit' {HIGH} 100",
        ],
    ),
    (
        "Query",
        {"TableName": "abc", "Select": "SOME"},
        [
            f"Value 'SOME' at 'select' {ENUM} "
            "[SPECIFIC_ATTRIBUTES, COUNT, ALL_ATTRIBUTES, ALL_PROJECTED_ATTRIBUTES]"
        ],
    ),
    (
        "Query",
        {"TableName": "abc", "QueryFilter": {"a": {}, "b": {"ComparisonOperator": ""}}},
        [
            f"Value null at 'queryFilter.a.member.comparisonOperator' {NULL}",
            f"Value '' at 'queryFilter.b.member.comparisonOperator' {ENUM} "
            "[IN, NULL, BETWEEN, LT, NOT_CONTAINS, EQ, GT, NOT_NULL, NE, LE, BEGINS_WITH, GE, "
            "CONTAINS]",
        ],
    ),
    (
        "Scan",
        {"TableName": "abc", "Limit": 0, "Segment": -1, "TotalSegments": 1_000_001},
        [
            f"Value '0' at 'limit' {LOW} 1",
            f"Value '1000001' at 'totalSegments' {HIGH} 1000000",
            f"Value '-1' at 'segment' {LOW} 0",
        ],
    ),
    ("GetItem", {"TableName": "abc", "Key": None}, [f"Value null at 'key' {NULL}"]),
    (
        "GetItem",
        {"TableName": "abc", "Key": KEY, "AttributesToGet": []},
        [f"Value '[]' at 'attributesToGet' {SHORT} 1"],
    ),
    (
        "TransactWriteItems",
        {"TransactItems": []},
        [f"Value '[]' at 'transactItems' {SHORT} 1"],
    ),
    (
        "TransactWriteItems",
        {"TransactItems": [{"Put": {"TableName": "a!", "Item": KEY}}, {"Delete": {}}]},
        [
            f"Value 'a!' at 'transactItems.1.member.put.tableName' {PATTERN}",
            f"Value null at 'transactItems.2.member.delete.key' {NULL}",
            f"Value null at 'transactItems.2.member.delete.tableName' {NULL}",
        ],
    ),
    (
        "TransactGetItems",
        {"TransactItems": [{"Get": {"TableName": "abc", "Key": {"a": {"BOOL": True}}}}] * 101},
        [
            "Value '["
            + ", ".join(
                ["TransactGetItem(get=Get(tableName=abc, key={a=AttributeValue(bOOL=true)}))"] * 101
            )
            + f"]' at 'transactItems' {LONG} 100"
        ],
    ),
    (
        "BatchWriteItem",
        {"RequestItems": {"abc": []}},
        [
            "Value '{abc=[]}' at 'requestItems' failed to satisfy constraint: Map value must "
            "satisfy constraint: [Member must have length less than or equal to 25, "
            "Member must have length greater than or equal to 1]"
        ],
    ),
    (
        "BatchWriteItem",
        {"RequestItems": {"aa;": [{"PutRequest": {}, "DeleteRequest": {}}]}},
        [
            "Value '{aa;=[WriteRequest(putRequest=PutRequest(), deleteRequest=DeleteRequest())]}' "
            "at 'requestItems' failed to satisfy constraint: Map keys must satisfy constraint: "
            "[Member must have length less than or equal to 255, Member must have length greater "
            "than or equal to 1, Member must satisfy regular expression pattern: "
            "[a-zA-Z0-9_.-]+]",
            f"Value null at 'requestItems.aa;.member.1.member.putRequest.item' {NULL}",
            f"Value null at 'requestItems.aa;.member.1.member.deleteRequest.key' {NULL}",
        ],
    ),
    (
        "BatchGetItem",
        {"RequestItems": {"abc": {"Keys": [None]}}},
        [f"Value null at 'requestItems.abc.member.keys.1.member' {NULL}"],
    ),
    (
        "BatchGetItem",
        {"RequestItems": {"abc": None}},
        [f"Value null at 'requestItems.abc.member' {NULL}"],
    ),
    (
        "GetShardIterator",
        {"StreamArn": "a" * 37, "ShardId": "s" * 28, "ShardIteratorType": "FIRST"},
        [
            f"Value 'FIRST' at 'shardIteratorType' {ENUM} [AFTER_SEQUENCE_NUMBER, LATEST, "
            "AT_TIMESTAMP, AT_SEQUENCE_NUMBER, TRIM_HORIZON]"
        ],
    ),
]

PACKAGE = "com.amazonaws.dynamodb.v20120810"
CAST = (
    "class sun.reflect.generics.reflectiveObjects.ParameterizedTypeImpl cannot be cast to class "
    "java.lang.Class (sun.reflect.generics.reflectiveObjects.ParameterizedTypeImpl and "
    "java.lang.Class are in module java.base of loader 'bootstrap')"
)
STRUCTURE = "Start of structure or map found where not expected"
FIELD = "Unexpected field type"
PAYLOAD = "Unexpected value type in payload"

# What AWS says to JSON of the wrong type, by what stands in the model at that place.
STRING: list[tuple[Any, str]] = [
    (True, "TRUE_VALUE cannot be converted to String"),
    (False, "FALSE_VALUE cannot be converted to String"),
    (-23, "NUMBER_VALUE cannot be converted to String"),
    (34.56, "DECIMAL_VALUE cannot be converted to String"),
    ([], "Unrecognized collection type class java.lang.String"),
    ({}, STRUCTURE),
]
BOOLEAN: list[tuple[Any, str]] = [
    ("23", "Unexpected token received from parser"),
    (2147483648, "NUMBER_VALUE cannot be converted to Boolean"),
    (34.56, "DECIMAL_VALUE cannot be converted to Boolean"),
    ([], "Unrecognized collection type class java.lang.Boolean"),
    ({}, STRUCTURE),
]
INTEGER: list[tuple[Any, str]] = [
    ("23", "STRING_VALUE cannot be converted to Integer"),
    (True, "TRUE_VALUE cannot be converted to Integer"),
    (2**31, "NUMBER_VALUE cannot be converted to Integer"),
    (1e300, "NUMBER_VALUE cannot be converted to Integer"),
    ([], "Unrecognized collection type class java.lang.Integer"),
    ({}, STRUCTURE),
]
LONG_INTEGER: list[tuple[Any, str]] = [
    ("23", "STRING_VALUE cannot be converted to Long"),
    (2**63, "NUMBER_VALUE cannot be converted to Long"),
]
BLOB: list[tuple[Any, str]] = [
    (23, "only base-64-encoded strings are convertible to bytes"),
    ([], "Unrecognized collection type class java.nio.ByteBuffer"),
    ({}, STRUCTURE),
]
LIST: list[tuple[Any, str]] = [("23", FIELD), (True, FIELD), (34.56, FIELD), ({}, STRUCTURE)]
LIST_INSIDE: list[tuple[Any, str]] = [("23", CAST), (True, CAST), ({}, STRUCTURE)]


def map_of(java: str, scalar: str = FIELD) -> list[tuple[Any, str]]:
    list_message = f"Unrecognized collection type java.util.Map<java.lang.String, {java}>"
    return [("23", scalar), (23, scalar), ([], list_message)]


def structure(name: str, scalar: str) -> list[tuple[Any, str]]:
    list_message = f"Unrecognized collection type class {PACKAGE}.{name}"
    return [("23", scalar), (False, scalar), (34.56, scalar), ([], list_message)]


# An operation and a place in its request. The table's name is wrong too, so that the contents of
# attribute values are looked into here: in requests that are else right, engine/values.py does it.
PLACES: list[tuple[str, str, list[tuple[Any, str]]]] = [
    ("PutItem", "TableName", STRING),
    ("PutItem", "Item", map_of(f"{PACKAGE}.AttributeValue")),
    ("PutItem", "Item.a", structure("AttributeValue", PAYLOAD)),
    ("PutItem", "Item.a.S", STRING),
    ("PutItem", "Item.a.N", STRING),
    ("PutItem", "Item.a.B", BLOB),
    ("PutItem", "Item.a.BOOL", BOOLEAN),
    ("PutItem", "Item.a.NULL", BOOLEAN),
    ("PutItem", "Item.a.SS", LIST),
    ("PutItem", "Item.a.SS.0", STRING),
    ("PutItem", "Item.a.BS.0", BLOB),
    ("PutItem", "Item.a.L", LIST),
    ("PutItem", "Item.a.L.0", structure("AttributeValue", PAYLOAD)),
    ("PutItem", "Item.a.M", map_of(f"{PACKAGE}.AttributeValue")),
    ("PutItem", "Item.a.M.a.BS.0", BLOB),
    ("PutItem", "Expected", map_of(f"{PACKAGE}.ExpectedAttributeValue")),
    ("PutItem", "Expected.a", structure("ExpectedAttributeValue", PAYLOAD)),
    ("PutItem", "Expected.a.Value", structure("AttributeValue", FIELD)),
    ("PutItem", "Expected.a.Exists", BOOLEAN),
    ("PutItem", "ExpressionAttributeNames", map_of("java.lang.String")),
    ("PutItem", "ExpressionAttributeNames.a", STRING),
    ("Query", "Limit", INTEGER),
    ("Query", "ConsistentRead", BOOLEAN),
    ("GetItem", "AttributesToGet", LIST),
    ("CreateTable", "ProvisionedThroughput", structure("ProvisionedThroughput", FIELD)),
    ("CreateTable", "ProvisionedThroughput.ReadCapacityUnits", LONG_INTEGER),
    ("CreateTable", "KeySchema", LIST),
    ("CreateTable", "KeySchema.0", structure("KeySchemaElement", PAYLOAD)),
    ("BatchGetItem", "RequestItems", map_of(f"{PACKAGE}.KeysAndAttributes")),
    ("BatchGetItem", "RequestItems.a.Keys", LIST),
    ("BatchGetItem", "RequestItems.a.Keys.0", map_of(f"{PACKAGE}.AttributeValue", CAST)),
    ("BatchWriteItem", "RequestItems", map_of(f"java.util.List<{PACKAGE}.WriteRequest>")),
    ("BatchWriteItem", "RequestItems.a", LIST_INSIDE),
    ("BatchWriteItem", "RequestItems.a.0", structure("WriteRequest", PAYLOAD)),
    ("BatchWriteItem", "RequestItems.a.0.PutRequest", structure("PutRequest", FIELD)),
    ("TagResource", "Tags.0.Key", STRING),
]
ILL_TYPED = [
    (operation, place, value, message)
    for operation, place, answers in PLACES
    for value, message in answers
]

REQUIRED_FIRST = (
    "CreateTable",
    "DeleteTable",
    "DescribeTable",
    "DescribeTimeToLive",
    "UpdateTable",
)


@pytest.mark.parametrize(("operation", "request_"), GOOD)
def test_a_good_request_passes_as_it_is(operation: str, request_: Request) -> None:
    before = copy.copy(request_)
    validate_request(operation, request_)
    assert request_ == before


@pytest.mark.parametrize(("members", "taken"), CONVERTED)
def test_what_aws_converts_is_converted(members: Request, taken: Request) -> None:
    request = {"TableName": "abc", **members}
    validate_request("Query", request)
    assert request == {"TableName": "abc", **taken}
    assert [type(value) for value in request.values()] == [str, *map(type, taken.values())]


@pytest.mark.parametrize(("operation", "request_", "sentences"), BROKEN)
def test_broken_constraints_are_told_in_awss_words(
    operation: str, request_: Request, sentences: list[str]
) -> None:
    with pytest.raises(ValidationException) as raised:
        validate_request(operation, request_)
    plural = "s" if len(sentences) > 1 else ""
    expected = f"{len(sentences)} validation error{plural} detected: {'; '.join(sentences)}"
    assert raised.value.message == expected


def test_ten_broken_constraints_are_told_and_no_more() -> None:
    with pytest.raises(ValidationException, match="^10 validation errors detected: ") as raised:
        validate_request("CreateTable", {"TableName": "abc", "LocalSecondaryIndexes": [{}] * 9})
    assert raised.value.message.count("failed to satisfy constraint") == 10


@pytest.mark.parametrize("operation", REQUIRED_FIRST)
def test_a_missing_table_is_told_first_by_what_manages_tables(operation: str) -> None:
    with pytest.raises(ValidationException) as raised:
        validate_request(operation, {"BillingMode": "FREE"})
    expected = "The parameter 'TableName' is required but was not present in the request"
    assert raised.value.message == expected


@pytest.mark.parametrize(("operation", "place", "value", "message"), ILL_TYPED)
def test_json_of_the_wrong_type_is_a_serialization_error(
    operation: str, place: str, value: Any, message: str
) -> None:
    request = request_with(place, value)
    with pytest.raises(SerializationException) as raised:
        validate_request(operation, request)
    assert raised.value.message == message


def request_with(place: str, value: Any) -> Request:
    """A request that holds a value at `place`; a number stands for the element of a list.

    >>> request_with("Keys.0.a", 5)
    {'TableName': '!', 'Keys': [{'a': 5}]}
    """
    first, *rest = place.split(".")
    for name in reversed(rest):
        value = [value] if name.isdigit() else {name: value}
    return {"TableName": "!", first: value}


def test_attribute_values_nested_too_deep_do_not_exhaust_the_stack() -> None:
    deep: Request = {"S": "x"}
    for _ in range(400):
        deep = {"L": [{"M": {"a": deep}}]}
    action = {"Put": {"TableName": "abc", "Item": {"id": deep}}}
    with pytest.raises(ValidationException, match="less than or equal to 100$"):
        validate_request("TransactWriteItems", {"TransactItems": [action] * 101})


def test_the_model_names_every_operation_of_the_installed_botocore() -> None:
    botocore = pytest.importorskip("botocore.session", reason="botocore is not installed")
    session = botocore.get_session()
    for service in ("dynamodb", "dynamodbstreams"):
        assert set(session.get_service_model(service).operation_names) <= operations()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
TEXTS = st.sampled_from(["", "a", "abc", "a!", "arn:aws:x", "x" * 300, "true"]) | st.text()
NUMBERS = st.integers(-2, 200) | st.sampled_from([1.0, 2.5, 2**31, -(2**63) - 1])


# What is inside an attribute value is engine/values.py's to check.
ATTRIBUTE_VALUES = st.sampled_from([{"S": "x"}, {"L": [{"N": "1"}]}]) | JSON.filter(
    lambda value: not isinstance(value, dict)
)


@cache
def like(name: str) -> st.SearchStrategy[Any]:
    """Values that mostly have a shape's type, and now and then keep its constraints."""
    shape = shape_named(name)
    kind = shape["type"]
    value: st.SearchStrategy[Any]
    if name == "AttributeValue":
        return ATTRIBUTE_VALUES
    if kind == "structure":
        parts = {member: like(each) for member, each in shape["members"].items()}
        required = {member: parts.pop(member) for member in shape.get("required", ())}
        value = st.fixed_dictionaries(required, optional=parts)
    elif kind == "list":
        value = st.lists(like(shape["member"]), max_size=2)
    elif kind == "map":
        value = st.dictionaries(TEXTS, like(shape["value"]), max_size=2)
    elif kind == "boolean":
        value = st.booleans()
    elif kind in ("string", "blob"):
        value = st.sampled_from(shape["enum"]) if "enum" in shape else TEXTS
    else:
        value = NUMBERS
    return st.integers(0, 30).flatmap(lambda dice: JSON if dice == 30 else value)


REQUESTS = (
    st.sampled_from(sorted(operations()))
    .flatmap(
        lambda operation: st.tuples(
            st.just(operation), like(input_shape(operation) or "ListTablesInput")
        )
    )
    .filter(lambda case: isinstance(case[1], dict))
)


@settings(max_examples=200, deadline=None)
@given(REQUESTS)
def test_any_json_object_passes_or_gets_one_of_two_errors(case: tuple[str, Request]) -> None:
    operation, request = case
    name = input_shape(operation)
    if name is None:
        return
    fast = predicate_of(name)(request)
    try:
        validate_request(operation, request)
    except (SerializationException, ValidationException) as error:
        assert error.message
        return
    # What only the slow answer lets pass is converted by now, or absent.
    assert fast or predicate_of(name)(without_nulls(request))


@settings(max_examples=200, deadline=None)
@given(REQUESTS)
def test_what_the_fast_answer_lets_pass_breaks_nothing(case: tuple[str, Request]) -> None:
    operation, request = case
    name = input_shape(operation)
    if name is None or not predicate_of(name)(request):
        return
    with_types = copy.deepcopy(request)
    take_types(name, with_types)
    assert repr(with_types) == repr(request)
    assert list(broken_constraints(name, request)) == []


def without_nulls(value: Any) -> Any:
    """A value without the members that are null."""
    if isinstance(value, list):
        return [without_nulls(each) for each in value]
    if isinstance(value, dict):
        return {name: without_nulls(each) for name, each in value.items() if each is not None}
    return value
