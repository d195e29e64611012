"""PutItem, GetItem, UpdateItem and DeleteItem through boto3."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from .tables import WireTable, refusal_of

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

NewTable = Callable[..., WireTable]

KEY = {"id": {"S": "x"}}


def test_an_item_of_all_types_comes_back_as_it_was(table: WireTable) -> None:
    item: dict[str, dict[str, Any]] = {
        "id": {"S": "x"},
        "text": {"S": 'quotes " and \\ and \u00e9 and \U0001f600 and \x00'},
        "number": {"N": "-1234567890.123456789"},
        "bytes": {"B": bytes(range(256))},
        "yes": {"BOOL": True},
        "nothing": {"NULL": True},
        "list": {"L": [{"S": ""}, {"L": []}, {"M": {}}, {"B": b""}]},
        "map": {"M": {"deep": {"M": {"er": {"N": "1"}}}}},
        "strings": {"SS": ["a", "b"]},
        "numbers": {"NS": ["1", "2.5"]},
        "binaries": {"BS": [b"a", b"\x00"]},
    }
    table.put(item)
    found = table.get(KEY)
    assert found is not None
    for name in ("strings", "numbers", "binaries"):
        ((kind, members),) = item[name].items()
        assert sorted(found.pop(name)[kind]) == sorted(members)
        item.pop(name)
    assert found == item


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("1.50", "1.5"),
        ("-0", "0"),
        ("007", "7"),
        ("1e3", "1000"),
        ("0.00001", "0.00001"),
        ("1234567890123456789012345678901234567890e-2", None),
        ("99999999999999999999999999999999999999", "99999999999999999999999999999999999999"),
    ],
)
def test_numbers_come_back_in_their_canonical_form(
    table: WireTable, sent: str, stored: str | None
) -> None:
    item = {**KEY, "n": {"N": sent}}
    if stored is None:
        code, message = table.refusal("put_item", Item=item)
        assert code == "ValidationException"
        assert "more than 38 significant digits" in message
    else:
        table.put(item)
        assert table.get(KEY) == {**KEY, "n": {"N": stored}}


def test_a_missing_item_is_no_error(table: WireTable) -> None:
    assert table.get(KEY) is None
    assert table.call("delete_item", Key=KEY) == {}


def test_put_replaces_the_whole_item(table: WireTable) -> None:
    old = {**KEY, "a": {"N": "1"}}
    table.put(old)
    answer = table.put({**KEY, "b": {"N": "2"}}, ReturnValues="ALL_OLD")
    assert answer == {"Attributes": old}
    assert table.get(KEY) == {**KEY, "b": {"N": "2"}}


def test_get_projects(table: WireTable) -> None:
    table.put({**KEY, "list": {"L": [{"N": "1"}, {"N": "2"}]}, "map": {"M": {"a": {"S": "b"}}}})
    found = table.get(
        KEY,
        ProjectionExpression="#m.a, #l[1]",
        ExpressionAttributeNames={"#m": "map", "#l": "list"},
    )
    assert found == {"map": {"M": {"a": {"S": "b"}}}, "list": {"L": [{"N": "2"}]}}


def test_a_condition_that_does_not_hold_writes_nothing(table: WireTable) -> None:
    table.put({**KEY, "n": {"N": "1"}})
    with pytest.raises(table.client.exceptions.ConditionalCheckFailedException) as caught:
        table.put(
            {**KEY, "n": {"N": "2"}},
            ConditionExpression="attribute_not_exists(id)",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    answer: Any = caught.value.response
    assert answer["Error"]["Message"] == "The conditional request failed"
    assert answer["Item"] == {**KEY, "n": {"N": "1"}}
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert table.get(KEY) == {**KEY, "n": {"N": "1"}}


@pytest.mark.parametrize(
    ("returned", "attributes"),
    [
        ("NONE", None),
        ("ALL_OLD", {"id": {"S": "x"}, "n": {"N": "1"}, "kept": {"S": "k"}}),
        ("UPDATED_OLD", {"n": {"N": "1"}}),
        ("UPDATED_NEW", {"n": {"N": "6"}, "new": {"S": "y"}}),
        (
            "ALL_NEW",
            {"id": {"S": "x"}, "n": {"N": "6"}, "kept": {"S": "k"}, "new": {"S": "y"}},
        ),
    ],
)
def test_update_changes_parts_and_returns_what_is_asked(
    table: WireTable, returned: str, attributes: dict[str, Any] | None
) -> None:
    table.put({**KEY, "n": {"N": "1"}, "kept": {"S": "k"}})
    answer = table.call(
        "update_item",
        Key=KEY,
        UpdateExpression="SET n = n + :five, #new = :y",
        ExpressionAttributeNames={"#new": "new"},
        ExpressionAttributeValues={":five": {"N": "5"}, ":y": {"S": "y"}},
        ReturnValues=returned,
    )
    assert answer == ({} if attributes is None else {"Attributes": attributes})
    assert (table.get(KEY) or {})["n"] == {"N": "6"}


def test_update_creates_what_is_not_there(table: WireTable) -> None:
    table.call(
        "update_item",
        Key=KEY,
        UpdateExpression="ADD hits :one",
        ExpressionAttributeValues={":one": {"N": "1"}},
    )
    assert table.get(KEY) == {**KEY, "hits": {"N": "1"}}


def test_delete_under_a_condition(table: WireTable) -> None:
    item = {**KEY, "n": {"N": "1"}}
    table.put(item)
    condition = {
        "ConditionExpression": "n = :n",
        "ExpressionAttributeValues": {":n": {"N": "2"}},
    }
    assert table.refusal("delete_item", Key=KEY, **condition) == (
        "ConditionalCheckFailedException",
        "The conditional request failed",
    )
    condition["ExpressionAttributeValues"] = {":n": {"N": "1"}}
    answer = table.call("delete_item", Key=KEY, ReturnValues="ALL_OLD", **condition)
    assert answer == {"Attributes": item}
    assert table.get(KEY) is None


REFUSALS: list[tuple[str, dict[str, Any], str]] = [
    (
        "put_item",
        {"Item": {"name": {"S": "x"}}},
        "One or more parameter values were invalid: Missing the key id in the item",
    ),
    (
        "put_item",
        {"Item": {"id": {"N": "1"}}},
        "One or more parameter values were invalid: Type mismatch for key id expected: S actual: N",
    ),
    (
        "put_item",
        {"Item": {"id": {"S": ""}}},
        "One or more parameter values are not valid. The AttributeValue for a key attribute "
        "cannot contain an empty string value. Key: id",
    ),
    (
        "put_item",
        {"Item": {**KEY, "s": {"SS": ["a", "a"]}}},
        "One or more parameter values were invalid: Input collection [a, a] contains duplicates.",
    ),
    ("put_item", {"Item": {**KEY, "big": {"S": "x" * 409_600}}}, "Item size has exceeded"),
    (
        "get_item",
        {"Key": {"id": {"S": "x"}, "more": {"S": "y"}}},
        "The provided key element does not match the schema",
    ),
    (
        "update_item",
        {
            "Key": KEY,
            "UpdateExpression": "SET id = :v",
            "ExpressionAttributeValues": {":v": {"S": "y"}},
        },
        "One or more parameter values were invalid: Cannot update attribute id. This attribute is "
        "part of the key",
    ),
    (
        "update_item",
        {"Key": KEY, "UpdateExpression": "SET a = :missing"},
        "Invalid UpdateExpression: An expression attribute value used in expression is not "
        "defined; attribute value: :missing",
    ),
    (
        "delete_item",
        {"Key": KEY, "ConditionExpression": "size(a"},
        'Invalid ConditionExpression: Syntax error; token: "<EOF>", near: "a"',
    ),
    (
        "put_item",
        {"Item": KEY, "ReturnValues": "ALL_NEW"},
        "ReturnValues can only be ALL_OLD or NONE",
    ),
]


@pytest.mark.parametrize(("operation", "request_", "message"), REFUSALS)
def test_wrong_requests_are_refused(
    table: WireTable, operation: str, request_: dict[str, Any], message: str
) -> None:
    code, told = table.refusal(operation, **request_)
    assert code == "ValidationException"
    assert message in told


def test_the_answer_has_a_request_id_and_a_checksum_boto3_verifies(table: WireTable) -> None:
    answer = table.client.put_item(TableName=table.name, Item={"id": {"S": "x"}})
    metadata = answer["ResponseMetadata"]
    assert metadata["HTTPStatusCode"] == 200
    assert len(metadata["RequestId"]) == 52
    assert metadata["HTTPHeaders"]["x-amz-crc32"] == "2745614147"
    assert metadata["HTTPHeaders"]["content-type"] == "application/x-amz-json-1.0"


def test_the_resource_interface_works(endpoint: str | None, table: WireTable) -> None:
    import boto3

    from tests.conftest import CREDENTIALS

    if endpoint is None:
        resource = boto3.resource("dynamodb")
    else:
        resource = boto3.resource("dynamodb", endpoint_url=endpoint, **CREDENTIALS)  # type: ignore[call-overload]
    things = resource.Table(table.name)
    things.put_item(Item={"id": "x", "tags": {"a"}, "count": 3})
    assert things.get_item(Key={"id": "x"})["Item"] == {"id": "x", "tags": {"a"}, "count": 3}
    resource.meta.client.close()


def test_a_table_that_is_not_there(dynamodb: DynamoDBClient) -> None:
    request = {"TableName": "pelton-never-made", "Key": KEY}
    assert refusal_of(dynamodb.get_item, **request) == (
        "ResourceNotFoundException",
        "Requested resource not found",
    )


def test_binary_and_number_keys(new_table: NewTable) -> None:
    table = new_table("hash", "range", types={"hash": "B", "range": "N"})
    item = {"hash": {"B": b"\x00\xff"}, "range": {"N": "-1.5"}, "v": {"S": "here"}}
    table.put(item)
    assert table.get({"hash": {"B": b"\x00\xff"}, "range": {"N": "-1.50"}}) == item
