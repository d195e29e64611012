"""Global indexes with several key attributes, through boto3."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from .tables import WireTable

NewTable = Callable[..., WireTable]

INDEX: dict[str, Any] = {
    "IndexName": "matches",
    "KeySchema": [
        {"AttributeName": "cup", "KeyType": "HASH"},
        {"AttributeName": "area", "KeyType": "HASH"},
        {"AttributeName": "round", "KeyType": "RANGE"},
        {"AttributeName": "bracket", "KeyType": "RANGE"},
    ],
    "Projection": {"ProjectionType": "KEYS_ONLY"},
}
TYPES = {"cup": "S", "area": "S", "round": "N", "bracket": "S"}
EAST = {":c": {"S": "winter"}, ":a": {"S": "east"}}


@pytest.fixture
def matches(new_table: NewTable) -> WireTable:
    table = new_table("id", types=TYPES, GlobalSecondaryIndexes=[INDEX])
    for number, (area, round_, bracket) in enumerate(
        [("east", 10, "upper"), ("east", 9, "upper"), ("east", 10, "lower"), ("west", 9, "lower")]
    ):
        table.put(
            {
                "id": {"S": str(number)},
                "cup": {"S": "winter"},
                "area": {"S": area},
                "round": {"N": str(round_)},
                "bracket": {"S": bracket},
            }
        )
    table.put({"id": {"S": "incomplete"}, "cup": {"S": "winter"}, "area": {"S": "east"}})
    return table


def ids(answer: dict[str, Any]) -> list[str]:
    return [item["id"]["S"] for item in answer["Items"]]


def test_the_index_is_described_as_it_was_asked_for(matches: WireTable) -> None:
    (described,) = matches.describe()["GlobalSecondaryIndexes"]
    assert described["KeySchema"] == INDEX["KeySchema"]


def test_a_query_by_all_partition_attributes_is_sorted_by_all_others(matches: WireTable) -> None:
    request: dict[str, Any] = {
        "IndexName": "matches",
        "KeyConditionExpression": "area = :a AND cup = :c",
        "ExpressionAttributeValues": EAST,
    }
    assert ids(matches.call("query", **request)) == ["1", "2", "0"]
    assert ids(matches.call("query", **request, ScanIndexForward=False)) == ["0", "2", "1"]
    pages = matches.client.get_paginator("query").paginate(
        TableName=matches.name, PaginationConfig={"PageSize": 1}, **request
    )
    assert [item["id"]["S"] for page in pages for item in page["Items"]] == ["1", "2", "0"]


def test_the_last_sort_attribute_given_may_have_a_range(matches: WireTable) -> None:
    answer = matches.call(
        "query",
        IndexName="matches",
        KeyConditionExpression="cup = :c AND area = :a AND #r = :r AND bracket > :b",
        ExpressionAttributeNames={"#r": "round"},
        ExpressionAttributeValues={**EAST, ":r": {"N": "10"}, ":b": {"S": "lower"}},
    )
    assert ids(answer) == ["0"]


def test_a_sort_attribute_may_not_be_left_out(matches: WireTable) -> None:
    code, message = matches.refusal(
        "query",
        IndexName="matches",
        KeyConditionExpression="cup = :c AND area = :a AND bracket = :b",
        ExpressionAttributeValues={**EAST, ":b": {"S": "lower"}},
    )
    assert code == "ValidationException"
    assert "round" in message


def test_a_partition_attribute_may_not_be_left_out(matches: WireTable) -> None:
    code, message = matches.refusal(
        "query",
        IndexName="matches",
        KeyConditionExpression="cup = :c",
        ExpressionAttributeValues={":c": {"S": "winter"}},
    )
    assert code == "ValidationException"
    assert "area" in message
