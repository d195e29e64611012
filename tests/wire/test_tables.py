"""CreateTable, DescribeTable, ListTables, UpdateTable and DeleteTable through boto3."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from .tables import WireTable, refusal_of

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

NewTable = Callable[..., WireTable]

BY_OWNER = {
    "IndexName": "by-owner",
    "KeySchema": [{"AttributeName": "owner", "KeyType": "HASH"}],
    "Projection": {"ProjectionType": "ALL"},
}


def test_a_created_table_is_described(new_table: NewTable) -> None:
    table = new_table("id", "at", types={"at": "N"}, stream="KEYS_ONLY")
    described = table.describe()
    assert described["TableName"] == table.name
    assert described["TableStatus"] == "ACTIVE"
    assert described["KeySchema"] == [
        {"AttributeName": "id", "KeyType": "HASH"},
        {"AttributeName": "at", "KeyType": "RANGE"},
    ]
    definitions = described["AttributeDefinitions"]
    types = {each["AttributeName"]: each["AttributeType"] for each in definitions}
    assert types == {"id": "S", "at": "N"}
    assert described["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert described["StreamSpecification"] == {
        "StreamEnabled": True,
        "StreamViewType": "KEYS_ONLY",
    }
    assert described["LatestStreamArn"].startswith(f"{described['TableArn']}/stream/")
    assert described["CreationDateTime"].tzinfo is not None


def test_indexes_are_described(new_table: NewTable) -> None:
    by_age = {
        "IndexName": "by-age",
        "KeySchema": [
            {"AttributeName": "id", "KeyType": "HASH"},
            {"AttributeName": "age", "KeyType": "RANGE"},
        ],
        "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["name"]},
    }
    table = new_table(
        "id",
        "at",
        types={"owner": "S", "age": "N"},
        GlobalSecondaryIndexes=[BY_OWNER],
        LocalSecondaryIndexes=[by_age],
    )
    described = table.describe()
    (shared,) = described["GlobalSecondaryIndexes"]
    assert shared["IndexName"] == "by-owner"
    assert shared["IndexStatus"] == "ACTIVE"
    assert shared["IndexArn"] == f"{described['TableArn']}/index/by-owner"
    (local,) = described["LocalSecondaryIndexes"]
    assert local["KeySchema"] == by_age["KeySchema"]
    assert local["Projection"] == by_age["Projection"]


def test_a_table_can_be_created_once(table: WireTable) -> None:
    code, message = table.refusal(
        "create_table",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    assert code == "ResourceInUseException"
    assert message == f"Table already exists: {table.name}"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"AttributeDefinitions": []},
            "Invalid KeySchema: Some index key attribute have no definition",
        ),
        (
            {"BillingMode": "FREE"},
            "1 validation error detected: Value 'FREE' at 'billingMode' failed to satisfy "
            "constraint: Member must satisfy enum value set: [PROVISIONED, PAY_PER_REQUEST]",
        ),
        (
            {"TableName": "a b c"},
            "1 validation error detected: Value 'a b c' at 'tableName' failed to satisfy "
            "constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+",
        ),
    ],
)
def test_wrong_definitions_are_refused(
    dynamodb: DynamoDBClient, change: dict[str, Any], message: str
) -> None:
    request = {
        "TableName": "pelton-never-made",
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
        **change,
    }
    assert refusal_of(dynamodb.create_table, **request) == ("ValidationException", message)


def test_tables_are_listed_page_by_page(dynamodb: DynamoDBClient, new_table: NewTable) -> None:
    made = {new_table("id").name for _ in range(3)}
    pages = dynamodb.get_paginator("list_tables").paginate(PaginationConfig={"PageSize": 1})
    names = [name for page in pages for name in page["TableNames"]]
    assert made <= set(names)
    assert names == sorted(names)
    first = dynamodb.list_tables(Limit=1)
    assert first["LastEvaluatedTableName"] == first["TableNames"][0]


def test_a_stream_is_switched_on_and_off(table: WireTable) -> None:
    on = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    updated = table.call("update_table", StreamSpecification=on)["TableDescription"]
    assert updated["StreamSpecification"] == on
    code, _ = table.refusal("update_table", StreamSpecification=on)
    assert code == "ValidationException"
    table.call("update_table", StreamSpecification={"StreamEnabled": False})
    described = table.describe()
    assert "StreamSpecification" not in described
    assert described["LatestStreamArn"] == updated["LatestStreamArn"]


def test_an_index_is_added_and_removed(table: WireTable, dynamodb: DynamoDBClient) -> None:
    table.put({"id": {"S": "x"}, "owner": {"S": "ada"}})
    table.call(
        "update_table",
        AttributeDefinitions=[{"AttributeName": "owner", "AttributeType": "S"}],
        GlobalSecondaryIndexUpdates=[{"Create": BY_OWNER}],
    )
    dynamodb.get_waiter("table_exists").wait(TableName=table.name)
    found = table.call(
        "query",
        IndexName="by-owner",
        KeyConditionExpression="#o = :o",
        ExpressionAttributeNames={"#o": "owner"},
        ExpressionAttributeValues={":o": {"S": "ada"}},
    )
    assert found["Items"] == [{"id": {"S": "x"}, "owner": {"S": "ada"}}]
    table.call("update_table", GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "by-owner"}}])
    assert "GlobalSecondaryIndexes" not in table.describe()


def test_a_deleted_table_is_gone(new_table: NewTable) -> None:
    table = new_table("id")
    table.put({"id": {"S": "x"}})
    deleted = table.call("delete_table")["TableDescription"]
    assert deleted["TableStatus"] == "DELETING"
    table.client.get_waiter("table_not_exists").wait(TableName=table.name)
    assert table.refusal("describe_table") == (
        "ResourceNotFoundException",
        f"Requested resource not found: Table: {table.name} not found",
    )
    assert table.refusal("put_item", Item={"id": {"S": "x"}}) == (
        "ResourceNotFoundException",
        "Requested resource not found",
    )


def test_a_protected_table_cannot_be_deleted(new_table: NewTable) -> None:
    table = new_table("id", DeletionProtectionEnabled=True)
    code, message = table.refusal("delete_table")
    assert code == "ValidationException"
    assert "protected against deletion" in message
    table.call("update_table", DeletionProtectionEnabled=False)
