"""Tables and indexes that take their time to be made, changed and deleted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pelton.engine import Strictness
from tests.region import Answer, Region, S, definitions, index

from .conftest import SteppingClock

IN_USE = "Attempt to change a resource which is still in use: "
NOT_FOUND = ("ResourceNotFoundException", "Requested resource not found")


@pytest.fixture
def slow(region: Region) -> Region:
    region.database.strictness = Strictness(
        creating_ms=2_000, updating_ms=3_000, backfilling_ms=4_000, deleting_ms=5_000
    )
    return region


@pytest.fixture
def settled(slow: Region) -> Region:
    """With a table that is ACTIVE."""
    slow.create(shared=[index("by-kind", "kind")])
    slow.clock.advance(seconds=2)
    return slow


def statuses(region: Region) -> tuple[str, dict[str, tuple[str, bool | None]]]:
    """The status of the table, and those of its indexes with whether they are being filled."""
    described = region.describe()
    indexes = described.get("GlobalSecondaryIndexes", [])
    return described["TableStatus"], {
        each["IndexName"]: (each["IndexStatus"], each.get("Backfilling")) for each in indexes
    }


def add_index(region: Region, name: str) -> Answer:
    return region.call("UpdateTable", **adding(name))


def adding(name: str) -> dict[str, Any]:
    return {
        "TableName": "things",
        "AttributeDefinitions": definitions({"id", "kind", name}, {}),
        "GlobalSecondaryIndexUpdates": [{"Create": index(name, name)}],
    }


def removing(name: str) -> dict[str, Any]:
    return {
        "TableName": "things",
        "GlobalSecondaryIndexUpdates": [{"Delete": {"IndexName": name}}],
    }


KEY = {"id": S("a")}
SELECT = "SELECT * FROM things WHERE id = 'a'"
CAPACITY = {"ReadCapacityUnits": 2, "WriteCapacityUnits": 2}


def test_a_new_table_is_creating_until_its_time(slow: Region) -> None:
    answer = slow.create(shared=[index("by-kind", "kind")])
    assert answer["TableStatus"] == "CREATING"
    assert answer["GlobalSecondaryIndexes"][0]["IndexStatus"] == "CREATING"
    slow.clock.advance(seconds=1.999)
    assert statuses(slow) == ("CREATING", {"by-kind": ("CREATING", None)})
    slow.clock.advance(seconds=0.001)
    assert statuses(slow) == ("ACTIVE", {"by-kind": ("ACTIVE", None)})


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("PutItem", {"TableName": "things", "Item": {"id": S("a")}}),
        ("GetItem", {"TableName": "things", "Key": {"id": S("a")}}),
        ("Scan", {"TableName": "things"}),
        ("BatchGetItem", {"RequestItems": {"things": {"Keys": [{"id": S("a")}]}}}),
        (
            "TransactWriteItems",
            {"TransactItems": [{"Delete": {"TableName": "things", "Key": {"id": S("a")}}}]},
        ),
        ("TransactGetItems", {"TransactItems": [{"Get": {"TableName": "things", "Key": KEY}}]}),
        ("ExecuteStatement", {"Statement": "SELECT * FROM things"}),
        ("BatchExecuteStatement", {"Statements": [{"Statement": SELECT}]}),
        ("ExecuteTransaction", {"TransactStatements": [{"Statement": SELECT}]}),
    ],
)
def test_a_table_that_is_creating_has_no_items_to_ask_for(
    slow: Region, operation: str, request_: dict[str, Any]
) -> None:
    slow.create()
    assert slow.refusal(operation, **request_) == NOT_FOUND
    slow.clock.advance(seconds=2)
    slow.call(operation, **request_)


def test_a_table_that_is_creating_cannot_be_changed(slow: Region) -> None:
    slow.create()
    busy = ("ResourceInUseException", f"{IN_USE}Table is being created: things")
    update = {"TableName": "things", "ProvisionedThroughput": CAPACITY}
    assert slow.refusal("UpdateTable", **update) == busy
    assert slow.refusal("DeleteTable", TableName="things") == busy
    time_to_live = {"AttributeName": "ttl", "Enabled": True}
    assert slow.refusal(
        "UpdateTimeToLive", TableName="things", TimeToLiveSpecification=time_to_live
    ) == ("ResourceNotFoundException", "Requested resource not found: Table: things not found")
    assert slow.call("ListTables")["TableNames"] == ["things"]


def test_an_update_takes_its_time_and_one_is_done_at_a_time(settled: Region) -> None:
    update = {"TableName": "things", "ProvisionedThroughput": CAPACITY}
    answer = settled.call("UpdateTable", **update)["TableDescription"]
    assert answer["TableStatus"] == "UPDATING"
    assert settled.refusal("UpdateTable", **update) == (
        "ResourceInUseException",
        f"{IN_USE}Table is being updated: things",
    )
    assert settled.refusal("DeleteTable", TableName="things") == (
        "ResourceInUseException",
        f"{IN_USE}Table: things is in the process of being updated.",
    )
    settled.put({"id": S("a")})  # Items are served meanwhile.
    settled.clock.advance(seconds=3)
    assert statuses(settled)[0] == "ACTIVE"


def test_a_new_index_is_allocated_then_filled_then_there(settled: Region) -> None:
    settled.put({"id": S("a"), "more": S("x")})
    answer = add_index(settled, "more")["TableDescription"]
    assert answer["TableStatus"] == "UPDATING"
    query = {
        "TableName": "things",
        "IndexName": "more",
        "KeyConditionExpression": "more = :x",
        "ExpressionAttributeValues": {":x": S("x")},
    }
    filling = (
        "ValidationException",
        "Cannot read from backfilling global secondary index: more",
    )
    by_kind = ("ACTIVE", None)
    assert statuses(settled) == ("UPDATING", {"by-kind": by_kind, "more": ("CREATING", False)})
    assert settled.refusal("Query", **query) == filling
    settled.clock.advance(seconds=3)
    assert statuses(settled) == ("ACTIVE", {"by-kind": by_kind, "more": ("CREATING", True)})
    assert settled.refusal("Query", **query) == filling
    assert settled.refusal("Scan", TableName="things", IndexName="more") == filling
    statement = {"Statement": 'SELECT * FROM things."more"'}
    assert settled.refusal("ExecuteStatement", **statement) == filling
    settled.clock.advance(seconds=4)
    assert statuses(settled) == ("ACTIVE", {"by-kind": by_kind, "more": ("ACTIVE", None)})
    assert settled.call("Query", **query)["Count"] == 1


def test_one_index_is_made_or_deleted_at_a_time(settled: Region) -> None:
    add_index(settled, "more")
    settled.clock.advance(seconds=3)
    limit = (
        "LimitExceededException",
        "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously "
        "per table",
    )
    assert settled.refusal("UpdateTable", **adding("other")) == limit
    assert settled.refusal("UpdateTable", **removing("by-kind")) == limit
    assert settled.refusal("DeleteTable", TableName="things") == (
        "ResourceInUseException",
        f"{IN_USE}Cannot delete table while indexes are being created, updated, or deleted.",
    )
    # The one that is being filled may go.
    settled.call("UpdateTable", **removing("more"))
    assert statuses(settled)[1]["more"] == ("DELETING", None)


@pytest.mark.parametrize("update", [{}, {"N": "1"}, {"Create": None}])
def test_an_update_of_no_index_is_refused_by_the_operation(
    settled: Region, update: dict[str, Any]
) -> None:
    request = {"TableName": "things", "GlobalSecondaryIndexUpdates": [update]}
    code, message = settled.refusal("UpdateTable", **request)
    assert code == "ValidationException"
    assert "GlobalSecondaryIndexUpdate.Delete must not be null" in message


def test_an_index_that_is_deleted_is_told_of_until_its_time(settled: Region) -> None:
    answer = settled.call("UpdateTable", **removing("by-kind"))["TableDescription"]
    assert answer["GlobalSecondaryIndexes"][0]["IndexStatus"] == "DELETING"
    settled.clock.advance(seconds=3)
    assert statuses(settled) == ("ACTIVE", {"by-kind": ("DELETING", None)})
    assert settled.refusal("UpdateTable", **removing("by-kind")) == (
        "ResourceInUseException",
        f"{IN_USE}Index is being deleted. Table: things Index: by-kind",
    )
    settled.clock.advance(seconds=2)
    assert statuses(settled) == ("ACTIVE", {})


def test_an_index_whose_capacity_changes_is_updating(settled: Region) -> None:
    update = {"Update": {"IndexName": "by-kind", "ProvisionedThroughput": CAPACITY}}
    settled.call("UpdateTable", TableName="things", GlobalSecondaryIndexUpdates=[update])
    assert statuses(settled) == ("UPDATING", {"by-kind": ("UPDATING", None)})
    settled.clock.advance(seconds=3)
    assert statuses(settled) == ("ACTIVE", {"by-kind": ("ACTIVE", None)})


def test_a_deleted_table_is_told_of_until_its_time(settled: Region) -> None:
    settled.put({"id": S("a")})
    answer = settled.call("DeleteTable", TableName="things")["TableDescription"]
    assert answer["TableStatus"] == "DELETING"
    assert statuses(settled) == ("DELETING", {"by-kind": ("DELETING", None)})
    assert settled.call("ListTables")["TableNames"] == ["things"]
    assert settled.refusal("GetItem", TableName="things", Key={"id": S("a")}) == NOT_FOUND
    assert settled.refusal("DeleteTable", TableName="things") == (
        "ResourceInUseException",
        f"{IN_USE}Table is being deleted: things",
    )
    with pytest.raises(Exception, match="Table already exists: things"):
        settled.create()
    settled.clock.advance(seconds=5)
    assert settled.call("ListTables")["TableNames"] == []
    assert settled.refusal("DescribeTable", TableName="things") == (
        "ResourceNotFoundException",
        "Requested resource not found: Table: things not found",
    )
    settled.create()
    settled.clock.advance(seconds=2)
    assert settled.get({"id": S("a")}) is None


def test_an_arn_stands_for_the_name(slow: Region) -> None:
    arn = slow.create()["TableArn"]
    assert slow.call("DescribeTable", TableName=arn)["Table"]["TableStatus"] == "CREATING"
    assert slow.refusal("GetItem", TableName=arn, Key={"id": S("a")}) == NOT_FOUND


def test_switching_off_ends_what_was_waited_for(slow: Region) -> None:
    slow.create()
    slow.database.strictness = Strictness()
    assert slow.describe()["TableStatus"] == "ACTIVE"


def test_boto3s_waiters_wait(
    slow: Region, clock: SteppingClock, new_client: Callable[..., Any]
) -> None:
    client = new_client()
    slow.create()
    assert client.describe_table(TableName="things")["Table"]["TableStatus"] == "CREATING"
    quick = {"Delay": 0, "MaxAttempts": 100}
    clock.step_ms = 200  # At every look of pelton's at the clock.
    client.get_waiter("table_exists").wait(TableName="things", WaiterConfig=quick)
    client.put_item(TableName="things", Item={"id": S("a")})
    clock.step_ms = 0
    client.delete_table(TableName="things")
    assert client.describe_table(TableName="things")["Table"]["TableStatus"] == "DELETING"
    clock.step_ms = 200
    client.get_waiter("table_not_exists").wait(TableName="things", WaiterConfig=quick)
    assert client.list_tables()["TableNames"] == []
