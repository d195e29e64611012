"""ConsumedCapacity and ItemCollectionMetrics: how much, and in which shape, by operation."""

from __future__ import annotations

from typing import Any

import pytest

from tests.region import Answer, Item, Region, S, index

KB = 1024


def sized(size_bytes: int, **more: Any) -> Item:
    """An item of `id` "a" that counts `size_bytes`, with more attributes of one letter each."""
    rest = sum(len(name) + len(value["S"]) for name, value in more.items())
    return {"id": S("a"), "p": S("x" * (size_bytes - 4 - rest)), **more}


def consumed(answer: Answer) -> Any:
    return answer["ConsumedCapacity"]


def units(number: float) -> Answer:
    return {"CapacityUnits": number}


@pytest.mark.parametrize(
    ("old_bytes", "new_bytes", "expected"),
    [(0, 4, 1.0), (0, KB, 1.0), (0, KB + 1, 2.0), (5 * KB, 10, 5.0), (10, 5 * KB, 5.0)],
)
def test_a_write_costs_by_the_larger_of_the_item_before_and_after(
    region: Region, old_bytes: int, new_bytes: int, expected: float
) -> None:
    region.create()
    if old_bytes:
        region.put(sized(old_bytes))
    put = region.put(sized(new_bytes), ReturnConsumedCapacity="TOTAL")
    assert consumed(put) == {"TableName": "things", "CapacityUnits": expected}


def test_a_request_that_asks_for_nothing_is_told_nothing(region: Region) -> None:
    region.create()
    put = region.put(sized(9), ReturnConsumedCapacity="NONE", ReturnItemCollectionMetrics="NONE")
    assert put == {}
    got = region.call("GetItem", TableName="things", Key={"id": S("a")})
    assert list(got) == ["Item"]


def test_updates_and_deletes_cost_also_where_nothing_changes(region: Region) -> None:
    region.create()
    absent = {"Key": {"id": S("none")}, "TableName": "things", "ReturnConsumedCapacity": "INDEXES"}
    expected = {"TableName": "things", **units(1.0), "Table": units(1.0)}
    assert consumed(region.call("DeleteItem", **absent)) == expected
    assert consumed(region.call("UpdateItem", **absent, UpdateExpression="REMOVE v")) == expected
    region.put(sized(3 * KB))
    again = region.put(sized(3 * KB), ReturnConsumedCapacity="TOTAL")
    assert consumed(again)["CapacityUnits"] == 3.0
    gone = region.delete({"id": S("a")}, ReturnConsumedCapacity="TOTAL", ReturnValues="ALL_OLD")
    assert consumed(gone)["CapacityUnits"] == 3.0
    assert gone["Attributes"] == sized(3 * KB)


@pytest.mark.parametrize(
    ("size_bytes", "consistent", "expected"),
    [(0, True, 1.0), (0, False, 0.5), (4 * KB, True, 1.0), (4 * KB + 1, False, 1.0)],
)
def test_a_read_costs_by_four_kilobytes_and_half_when_it_may_be_stale(
    region: Region, size_bytes: int, consistent: bool, expected: float
) -> None:
    region.create()
    if size_bytes:
        region.put(sized(size_bytes))
    got = region.call(
        "GetItem",
        TableName="things",
        Key={"id": S("a")},
        ConsistentRead=consistent,
        ProjectionExpression="id",
        ReturnConsumedCapacity="INDEXES",
    )
    assert consumed(got) == {"TableName": "things", **units(expected), "Table": units(expected)}


INDEXES = {
    "local": [index("near", "id", "n", is_local=True, projection="KEYS_ONLY")],
    "shared": [index("far", "f"), index("keys", "k", projection="KEYS_ONLY")],
}


def indexed(region: Region) -> None:
    region.create("things", "id", "s", local=INDEXES["local"], shared=INDEXES["shared"])


@pytest.mark.parametrize(
    ("before", "after", "local", "shared"),
    [
        # written: an entry each; those of "keys" stay small however large the item is
        (None, {"n": "1", "f": "1", "k": "1"}, {"near": 1.0}, {"far": 3.0, "keys": 1.0}),
        (None, {"k": "1"}, {}, {"keys": 1.0}),
        # moved: one write to delete the old entry, one for the new
        ({"k": "1", "f": "1"}, {"k": "2", "f": "1"}, {}, {"far": 3.0, "keys": 2.0}),
        ({"f": "1"}, {"f": "2"}, {}, {"far": 6.0}),
        # left: the entry is deleted
        ({"n": "1", "f": "1"}, {"f": "1"}, {"near": 1.0}, {"far": 3.0}),
        # stays: nothing of what the index keeps has changed
        ({"n": "1", "k": "1"}, {"n": "1", "k": "1", "v": "1"}, {}, {}),
        ({"f": "1"}, {"f": "1"}, {}, {}),
    ],
)
def test_a_write_costs_for_every_index_entry_that_changes(
    region: Region,
    before: dict[str, str] | None,
    after: dict[str, str],
    local: dict[str, float],
    shared: dict[str, float],
) -> None:
    indexed(region)

    def item(values: dict[str, str]) -> Item:
        return sized(3 * KB, s=S("1"), **{name: S(value) for name, value in values.items()})

    if before is not None:
        region.put(item(before))
    put = region.put(item(after), ReturnConsumedCapacity="INDEXES")
    total = 3.0 + sum(local.values()) + sum(shared.values())
    expected = {"TableName": "things", **units(total), "Table": units(3.0)}
    for member, each in (("LocalSecondaryIndexes", local), ("GlobalSecondaryIndexes", shared)):
        if each:
            expected[member] = {name: units(number) for name, number in each.items()}
    assert consumed(put) == expected
    in_total = region.delete({"id": S("a"), "s": S("1")}, ReturnConsumedCapacity="TOTAL")
    assert consumed(in_total)["CapacityUnits"] >= 3.0


def test_a_page_costs_by_the_sum_of_its_items(region: Region) -> None:
    region.create("things", "id", "s")
    for number in range(10):
        region.put(sized(KB, s=S(str(number))))
    query = {
        "TableName": "things",
        "KeyConditionExpression": "id = :a",
        "ExpressionAttributeValues": {":a": S("a")},
        "ReturnConsumedCapacity": "TOTAL",
    }
    assert consumed(region.call("Query", **query))["CapacityUnits"] == 1.5
    assert consumed(region.call("Query", **query, Select="COUNT"))["CapacityUnits"] == 1.5
    steady = region.call("Query", **query, ConsistentRead=True, Limit=5)
    assert consumed(steady)["CapacityUnits"] == 2.0
    filtered = region.call(
        "Scan",
        TableName="things",
        FilterExpression="attribute_exists(nothing)",
        ReturnConsumedCapacity="INDEXES",
    )
    assert consumed(filtered) == {"TableName": "things", **units(1.5), "Table": units(1.5)}


def test_a_page_of_an_index_costs_the_index_and_what_it_gets_from_the_table(region: Region) -> None:
    indexed(region)
    for number in range(3):
        region.put(sized(5 * KB, s=S(str(number)), n=S(str(number)), f=S("1")))
    query = {
        "TableName": "things",
        "ExpressionAttributeValues": {":a": S("a")},
        "KeyConditionExpression": "id = :a",
        "ReturnConsumedCapacity": "INDEXES",
    }
    near = region.call("Query", **query, IndexName="near")
    assert consumed(near) == {
        "TableName": "things",
        **units(0.5),
        "Table": units(0.0),
        "LocalSecondaryIndexes": {"near": units(0.5)},
    }
    fetching = region.call("Query", **query, IndexName="near", Select="ALL_ATTRIBUTES")
    assert consumed(fetching) == {
        "TableName": "things",
        **units(3.5),
        "Table": units(3.0),
        "LocalSecondaryIndexes": {"near": units(0.5)},
    }
    far = region.call("Scan", TableName="things", IndexName="far", ReturnConsumedCapacity="INDEXES")
    assert consumed(far) == {
        "TableName": "things",
        **units(2.0),
        "Table": units(0.0),
        "GlobalSecondaryIndexes": {"far": units(2.0)},
    }


def test_a_batch_costs_item_by_item_and_is_told_table_by_table(region: Region) -> None:
    region.create()
    region.create("others", shared=[index("far", "f")])
    written = region.call(
        "BatchWriteItem",
        RequestItems={
            "things": [
                {"PutRequest": {"Item": sized(KB + 1)}},
                {"DeleteRequest": {"Key": {"id": S("none")}}},
            ],
            "others": [{"PutRequest": {"Item": sized(KB, f=S("1"))}}],
        },
        ReturnConsumedCapacity="INDEXES",
    )
    assert consumed(written) == [
        {"TableName": "things", **units(3.0), "Table": units(3.0)},
        {
            "TableName": "others",
            **units(2.0),
            "Table": units(1.0),
            "GlobalSecondaryIndexes": {"far": units(1.0)},
        },
    ]
    got = region.call(
        "BatchGetItem",
        RequestItems={
            "things": {"Keys": [{"id": S("a")}, {"id": S("none")}], "ConsistentRead": True},
            "others": {"Keys": [{"id": S("a")}]},
        },
        ReturnConsumedCapacity="TOTAL",
    )
    assert consumed(got) == [
        {"TableName": "things", **units(2.0)},
        {"TableName": "others", **units(0.5)},
    ]


def twice(kind: str, number: float) -> Answer:
    return {"CapacityUnits": number, f"{kind}CapacityUnits": number}


def test_a_transaction_costs_twice(region: Region) -> None:
    region.create()
    put = {"Put": {"TableName": "things", "Item": sized(KB + 1)}}
    check = {
        "ConditionCheck": {
            "TableName": "things",
            "Key": {"id": S("none")},
            "ConditionExpression": "attribute_not_exists(id)",
        }
    }
    request = {
        "TransactItems": [put, check],
        "ClientRequestToken": "once",
        "ReturnConsumedCapacity": "INDEXES",
    }
    written = region.call("TransactWriteItems", **request)
    assert consumed(written) == [
        {"TableName": "things", **twice("Write", 6.0), "Table": twice("Write", 6.0)}
    ]
    repeated = region.call("TransactWriteItems", **request)
    assert consumed(repeated) == [
        {"TableName": "things", **twice("Read", 4.0), "Table": twice("Read", 4.0)}
    ]
    got = region.call(
        "TransactGetItems",
        TransactItems=[
            {"Get": {"TableName": "things", "Key": {"id": S(name)}}} for name in ("a", "none")
        ],
        ReturnConsumedCapacity="TOTAL",
    )
    assert consumed(got) == [{"TableName": "things", **twice("Read", 4.0)}]


def test_item_collections_are_measured_where_there_is_a_local_index(region: Region) -> None:
    indexed(region)
    metrics = {"ItemCollectionKey": {"id": S("a")}, "SizeEstimateRangeGB": [0.0, 1.0]}
    key = {"id": S("a"), "s": S("1")}
    asks = {"ReturnItemCollectionMetrics": "SIZE"}
    assert region.put(key, **asks) == {"ItemCollectionMetrics": metrics}
    assert region.update(key, "SET v = s", **asks) == {"ItemCollectionMetrics": metrics}
    assert region.delete(key, **asks) == {"ItemCollectionMetrics": metrics}
    batch = region.call(
        "BatchWriteItem",
        RequestItems={
            "things": [{"PutRequest": {"Item": {"id": S("a"), "s": S(sort)}}} for sort in "12"]
        },
        **asks,
    )
    assert batch["ItemCollectionMetrics"] == {"things": [metrics]}
    together = region.call(
        "TransactWriteItems", TransactItems=[{"Put": {"TableName": "things", "Item": key}}], **asks
    )
    assert together == {"ItemCollectionMetrics": {"things": [metrics]}}


def test_item_collections_are_not_measured_without_a_local_index(region: Region) -> None:
    region.create()
    assert region.put({"id": S("a")}, ReturnItemCollectionMetrics="SIZE") == {}


def test_a_refused_write_tells_nothing(region: Region) -> None:
    region.create()
    code, message = region.refusal(
        "PutItem",
        TableName="things",
        Item={"id": S("a")},
        ConditionExpression="attribute_exists(id)",
        ReturnConsumedCapacity="TOTAL",
    )
    assert (code, message) == (
        "ConditionalCheckFailedException",
        "The conditional request failed",
    )
