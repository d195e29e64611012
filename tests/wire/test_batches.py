"""BatchGetItem and BatchWriteItem through boto3."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from .tables import WireTable, refusal_of

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

NewTable = Callable[..., WireTable]


def key(name: str) -> dict[str, Any]:
    return {"id": {"S": name}}


def put(name: str) -> Any:
    return {"PutRequest": {"Item": key(name)}}


def delete(name: str) -> Any:
    return {"DeleteRequest": {"Key": key(name)}}


def test_a_batch_writes_to_several_tables(dynamodb: DynamoDBClient, new_table: NewTable) -> None:
    one, other = new_table("id"), new_table("id")
    other.put(key("old"))
    answer = dynamodb.batch_write_item(
        RequestItems={
            one.name: [put("a"), put("b")],
            other.name: [put("c"), delete("old")],
        }
    )
    assert answer["UnprocessedItems"] == {}
    assert one.get(key("a")) == key("a")
    assert one.get(key("b")) == key("b")
    assert other.get(key("c")) == key("c")
    assert other.get(key("old")) is None


def test_a_batch_reads_from_several_tables(dynamodb: DynamoDBClient, new_table: NewTable) -> None:
    one, other = new_table("id"), new_table("id")
    one.put({**key("a"), "n": {"N": "1"}, "more": {"S": "x"}})
    other.put(key("b"))
    answer = dynamodb.batch_get_item(
        RequestItems={
            one.name: {"Keys": [key("a"), key("missing")], "ProjectionExpression": "n"},
            other.name: {"Keys": [key("b")], "ConsistentRead": True},
        }
    )
    assert answer["Responses"] == {one.name: [{"n": {"N": "1"}}], other.name: [key("b")]}
    assert answer["UnprocessedKeys"] == {}


def test_the_batch_writer_of_the_resource_interface(endpoint: str | None, table: WireTable) -> None:
    import boto3

    from tests.conftest import CREDENTIALS

    settings: Any = {} if endpoint is None else {"endpoint_url": endpoint, **CREDENTIALS}
    resource = boto3.resource("dynamodb", **settings)
    with resource.Table(table.name).batch_writer() as batch:
        for number in range(60):
            batch.put_item(Item={"id": str(number)})
    assert table.call("scan", Select="COUNT")["Count"] == 60
    resource.meta.client.close()


@pytest.mark.parametrize(
    ("requests", "message"),
    [
        ([put("a"), put("a")], "Provided list of item keys contains duplicates"),
        (
            [put(str(number)) for number in range(26)],
            "Member must have length less than or equal to 25",
        ),
    ],
)
def test_wrong_writes_are_refused_whole(
    table: WireTable, requests: list[dict[str, Any]], message: str
) -> None:
    code, told = refusal_of(table.client.batch_write_item, RequestItems={table.name: requests})
    assert code == "ValidationException"
    assert message in told
    assert table.call("scan")["Count"] == 0


def test_wrong_reads_are_refused(table: WireTable) -> None:
    twice = {table.name: {"Keys": [key("a"), key("a")]}}
    assert refusal_of(table.client.batch_get_item, RequestItems=twice) == (
        "ValidationException",
        "Provided list of item keys contains duplicates",
    )
    nowhere = {"pelton-never-made": {"Keys": [key("a")]}}
    assert refusal_of(table.client.batch_get_item, RequestItems=nowhere) == (
        "ResourceNotFoundException",
        "Requested resource not found",
    )
