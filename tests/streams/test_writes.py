"""Every way to write, through every view: which records it leaves, and what these hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pelton.engine.sweeping import delete_expired
from tests.region import Answer, Item, N, Region, S

KEY: Item = {"id": S("a")}
KEY_BYTES = 3
FIRST: Item = {**KEY, "v": S("first")}
FIRST_BYTES = KEY_BYTES + 6
SECOND: Item = {**KEY, "v": S("other one")}
SECOND_BYTES = KEY_BYTES + 10

Write = Callable[[Region, Item], object]
Remove = Callable[[Region], object]


def by_update(region: Region, item: Item) -> object:
    return region.update(KEY, "SET v = :v", values={":v": item["v"]})


def by_legacy_update(region: Region, item: Item) -> object:
    changes = {"v": {"Action": "PUT", "Value": item["v"]}}
    return region.call("UpdateItem", TableName="things", Key=KEY, AttributeUpdates=changes)


def by_batch(region: Region, request: Answer) -> object:
    return region.call("BatchWriteItem", RequestItems={"things": [request]})


def by_transaction(region: Region, kind: str, **action: Any) -> object:
    return region.call(
        "TransactWriteItems", TransactItems=[{kind: {"TableName": "things", **action}}]
    )


def updated_in_transaction(region: Region, item: Item) -> object:
    values = {":v": item["v"]}
    expression = {"UpdateExpression": "SET v = :v", "ExpressionAttributeValues": values}
    return by_transaction(region, "Update", Key=KEY, **expression)


def writing_statement(region: Region, item: Item) -> Answer:
    if region.get(KEY) is None:
        text = "INSERT INTO things VALUE {'id': ?, 'v': ?}"
        return {"Statement": text, "Parameters": [KEY["id"], item["v"]]}
    text = "UPDATE things SET v = ? WHERE id = ?"
    return {"Statement": text, "Parameters": [item["v"], KEY["id"]]}


REMOVING_STATEMENT = {"Statement": "DELETE FROM things WHERE id = ?", "Parameters": [KEY["id"]]}

WAYS: dict[str, tuple[Write, Remove]] = {
    "PutItem and DeleteItem": (
        lambda region, item: region.put(item),
        lambda region: region.delete(KEY),
    ),
    "UpdateItem": (by_update, lambda region: region.delete(KEY)),
    "UpdateItem with AttributeUpdates": (by_legacy_update, lambda region: region.delete(KEY)),
    "BatchWriteItem": (
        lambda region, item: by_batch(region, {"PutRequest": {"Item": item}}),
        lambda region: by_batch(region, {"DeleteRequest": {"Key": KEY}}),
    ),
    "Put and Delete of TransactWriteItems": (
        lambda region, item: by_transaction(region, "Put", Item=item),
        lambda region: by_transaction(region, "Delete", Key=KEY),
    ),
    "Update of TransactWriteItems": (
        updated_in_transaction,
        lambda region: by_transaction(region, "Delete", Key=KEY),
    ),
    "ExecuteStatement": (
        lambda region, item: region.call("ExecuteStatement", **writing_statement(region, item)),
        lambda region: region.call("ExecuteStatement", **REMOVING_STATEMENT),
    ),
    "BatchExecuteStatement": (
        lambda region, item: region.call(
            "BatchExecuteStatement", Statements=[writing_statement(region, item)]
        ),
        lambda region: region.call("BatchExecuteStatement", Statements=[REMOVING_STATEMENT]),
    ),
    "ExecuteTransaction": (
        lambda region, item: region.call(
            "ExecuteTransaction", TransactStatements=[writing_statement(region, item)]
        ),
        lambda region: region.call("ExecuteTransaction", TransactStatements=[REMOVING_STATEMENT]),
    ),
}

IMAGES = {
    "KEYS_ONLY": (),
    "NEW_IMAGE": ("NewImage",),
    "OLD_IMAGE": ("OldImage",),
    "NEW_AND_OLD_IMAGES": ("NewImage", "OldImage"),
}


def shown(view: str, event: str, **images: tuple[Item, int]) -> Answer:
    """What a record of this view holds of an event with these images, each with its size."""
    seen = {name: images[name] for name in IMAGES[view] if name in images}
    return {
        "eventName": event,
        "Keys": KEY,
        **{name: image for name, (image, _) in seen.items()},
        "SizeBytes": KEY_BYTES + sum(size for _, size in seen.values()),
        "StreamViewType": view,
    }


def told(record: Answer) -> Answer:
    """A record without what is the same in all of them or differs in each."""
    assert set(record) - {"userIdentity"} == {
        *("eventID", "eventName", "eventVersion", "eventSource", "awsRegion", "dynamodb")
    }
    assert (record["eventVersion"], record["eventSource"]) == ("1.1", "aws:dynamodb")
    assert record["awsRegion"] == "us-east-1"
    data = dict(record["dynamodb"])
    assert 21 <= len(data.pop("SequenceNumber")) <= 40
    assert data.pop("ApproximateCreationDateTime") == 1_700_000_000
    return {"eventName": record["eventName"], **data}


@pytest.mark.parametrize("view", IMAGES)
@pytest.mark.parametrize("way", WAYS)
def test_a_write_leaves_one_record_and_its_repetition_none(
    region: Region, way: str, view: str
) -> None:
    write, remove = WAYS[way]
    region.create(stream=view)
    for item in (FIRST, SECOND):
        write(region, item)
        write(region, item)
    remove(region)
    remove(region)
    records = region.records()
    assert [told(record) for record in records] == [
        shown(view, "INSERT", NewImage=(FIRST, FIRST_BYTES)),
        shown(view, "MODIFY", NewImage=(SECOND, SECOND_BYTES), OldImage=(FIRST, FIRST_BYTES)),
        shown(view, "REMOVE", OldImage=(SECOND, SECOND_BYTES)),
    ]
    assert not any("userIdentity" in record for record in records)
    assert len({record["eventID"] for record in records}) == 3


@pytest.mark.parametrize("view", IMAGES)
def test_an_expired_item_leaves_a_record_that_names_the_service(region: Region, view: str) -> None:
    region.create(stream=view)
    specification = {"AttributeName": "ttl", "Enabled": True}
    region.call("UpdateTimeToLive", TableName="things", TimeToLiveSpecification=specification)
    item = {**KEY, "ttl": N(1_699_999_999)}
    region.put(item)
    delete_expired(region.database)
    inserted, removed = region.records()
    assert "userIdentity" not in inserted
    # As the API writes it; in a Lambda event the names begin with a small letter.
    assert removed["userIdentity"] == {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"}
    size = KEY_BYTES + 3 + 6
    assert told(inserted) == shown(view, "INSERT", NewImage=(item, size))
    assert told(removed) == shown(view, "REMOVE", OldImage=(item, size))
