"""Query through boto3: key conditions, order, pages, filters and indexes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from .tables import WireTable

NewTable = Callable[..., WireTable]
Answer = dict[str, Any]


@pytest.fixture
def events(new_table: NewTable) -> Iterator[WireTable]:
    """Ten events of ada at 0, 10, ... 90 and one of bob, with an index by kind."""
    table = new_table(
        "who",
        "stamp",
        types={"stamp": "N", "kind": "S"},
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by-kind",
                "KeySchema": [
                    {"AttributeName": "kind", "KeyType": "HASH"},
                    {"AttributeName": "stamp", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
        ],
    )
    for stamp in range(0, 100, 10):
        kind = "even" if stamp % 20 == 0 else "odd"
        table.put({"who": {"S": "ada"}, "stamp": {"N": str(stamp)}, "kind": {"S": kind}})
    table.put({"who": {"S": "bob"}, "stamp": {"N": "5"}, "kind": {"S": "odd"}})
    yield table


def query(table: WireTable, condition: str, values: Answer, **more: Any) -> Answer:
    return table.call(
        "query",
        KeyConditionExpression=condition,
        ExpressionAttributeValues=values,
        ConsistentRead="IndexName" not in more,
        **more,
    )


def times(answer: Answer) -> list[int]:
    return [int(item["stamp"]["N"]) for item in answer["Items"]]


ADA = {":who": {"S": "ada"}}


@pytest.mark.parametrize(
    ("condition", "values", "found"),
    [
        ("who = :who", {}, list(range(0, 100, 10))),
        ("who = :who AND stamp = :a", {":a": {"N": "30"}}, [30]),
        ("who = :who AND stamp < :a", {":a": {"N": "30"}}, [0, 10, 20]),
        ("who = :who AND stamp <= :a", {":a": {"N": "30"}}, [0, 10, 20, 30]),
        ("who = :who AND stamp > :a", {":a": {"N": "70"}}, [80, 90]),
        ("who = :who AND stamp >= :a", {":a": {"N": "70"}}, [70, 80, 90]),
        (
            "who = :who AND stamp BETWEEN :a AND :b",
            {":a": {"N": "25"}, ":b": {"N": "50"}},
            [30, 40, 50],
        ),
        ("stamp > :a AND who = :who", {":a": {"N": "85"}}, [90]),
    ],
)
def test_key_conditions(
    events: WireTable, condition: str, values: Answer, found: list[int]
) -> None:
    answer = query(events, condition, {**ADA, **values})
    assert times(answer) == found
    assert answer["Count"] == answer["ScannedCount"] == len(found)


def test_begins_with(new_table: NewTable) -> None:
    table = new_table("id", "name")
    for name in ("alpha", "alps", "beta"):
        table.put({"id": {"S": "x"}, "name": {"S": name}})
    found = table.call(
        "query",
        KeyConditionExpression="id = :id AND begins_with(#n, :start)",
        ExpressionAttributeNames={"#n": "name"},
        ExpressionAttributeValues={":id": {"S": "x"}, ":start": {"S": "alp"}},
    )
    assert [item["name"]["S"] for item in found["Items"]] == ["alpha", "alps"]


def test_the_order_can_be_reversed_and_limited(events: WireTable) -> None:
    answer = query(events, "who = :who", ADA, ScanIndexForward=False, Limit=3)
    assert times(answer) == [90, 80, 70]
    assert answer["LastEvaluatedKey"] == {"who": {"S": "ada"}, "stamp": {"N": "70"}}


def test_pages_go_on_where_the_last_one_ended(events: WireTable) -> None:
    pages = events.client.get_paginator("query").paginate(
        TableName=events.name,
        KeyConditionExpression="who = :who",
        ExpressionAttributeValues=ADA,
        PaginationConfig={"PageSize": 3},
    )
    assert [times(dict(page)) for page in pages] == [[0, 10, 20], [30, 40, 50], [60, 70, 80], [90]]


def test_a_filter_drops_items_but_not_their_count(events: WireTable) -> None:
    answer = query(
        events,
        "who = :who",
        {**ADA, ":kind": {"S": "even"}},
        FilterExpression="kind = :kind",
        Limit=5,
    )
    assert times(answer) == [0, 20, 40]
    assert (answer["Count"], answer["ScannedCount"]) == (3, 5)


def test_an_index_is_queried(events: WireTable) -> None:
    answer = query(events, "kind = :kind", {":kind": {"S": "odd"}}, IndexName="by-kind", Limit=2)
    assert answer["Items"] == [
        {"who": {"S": "bob"}, "stamp": {"N": "5"}, "kind": {"S": "odd"}},
        {"who": {"S": "ada"}, "stamp": {"N": "10"}, "kind": {"S": "odd"}},
    ]
    assert answer["LastEvaluatedKey"] == answer["Items"][1]


def test_only_the_count(events: WireTable) -> None:
    answer = query(events, "who = :who", ADA, Select="COUNT")
    assert answer == {"Count": 10, "ScannedCount": 10}


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (
            {
                "KeyConditionExpression": "stamp = :v",
                "ExpressionAttributeValues": {":v": {"N": "1"}},
            },
            "Query condition missed key schema element: who",
        ),
        (
            {
                "KeyConditionExpression": "who = :v",
                "ExpressionAttributeValues": {":v": {"N": "1"}},
            },
            "One or more parameter values were invalid: Condition parameter type does not match "
            "schema type",
        ),
        (
            {
                "KeyConditionExpression": "who = :v",
                "ExpressionAttributeValues": ADA | {":v": {"S": "x"}},
            },
            "Value provided in ExpressionAttributeValues unused in expressions: keys: {:who}",
        ),
        (
            {
                "KeyConditionExpression": "who = :who",
                "ExpressionAttributeValues": ADA,
                "IndexName": "nothing",
            },
            "The table does not have the specified index: nothing",
        ),
        (
            {
                "KeyConditionExpression": "who = :who",
                "ExpressionAttributeValues": ADA,
                "FilterExpression": "stamp = :who",
            },
            "Filter Expression can only contain non-primary key attributes: Primary key "
            "attribute: stamp",
        ),
    ],
)
def test_wrong_queries_are_refused(events: WireTable, request_: Answer, message: str) -> None:
    assert events.refusal("query", **request_) == ("ValidationException", message)
