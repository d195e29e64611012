"""Terraform with its AWS provider, unchanged: a shop's tables from their making to their end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .conftest import serving
from .terraform import CHANGES, CLEAN, Workspace, why_absent

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

pytestmark = [
    pytest.mark.tools,
    pytest.mark.skipif(why_absent() is not None, reason=str(why_absent())),
]

INFRASTRUCTURE = Path(__file__).parent / "infrastructure"
PROVIDER, FIRST, THEN = (INFRASTRUCTURE / name for name in ("provider.tf", "first.tf", "then.tf"))
ORDERS = "aws_dynamodb_table.orders"
RESOURCES = {
    ORDERS,
    "aws_dynamodb_table.stock",
    "aws_dynamodb_table.carts",
    "aws_dynamodb_table_item.wheel",
}


def test_the_documentation_shows_the_provider_as_it_is_tried_here() -> None:
    described = PROVIDER.read_text()
    documented = (Path(__file__).parents[2] / "docs" / "tools.md").read_text()
    assert described[described.index('provider "aws"') :] in documented


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """The URL of a server whose tables and indexes take their time, so that the waits are real."""
    slow = ("creating_ms=500", "updating_ms=500", "backfilling_ms=500", "deleting_ms=500")
    with serving(tmp_path, *(word for each in slow for word in ("--strict", each))) as url:
        yield url


@pytest.fixture
def workspace(tmp_path: Path, served: str) -> Workspace:
    folder = tmp_path / "workspace"
    folder.mkdir()
    workspace = Workspace(folder, served)
    workspace.describe(PROVIDER, FIRST)
    workspace.run("init")
    return workspace


@pytest.mark.timeout(600)
def test_tables_are_made_changed_imported_and_destroyed(
    workspace: Workspace, client: DynamoDBClient
) -> None:
    workspace.run("apply", "-auto-approve")
    check_first(client)
    assert workspace.plan(CLEAN) == {}

    workspace.describe(PROVIDER, THEN)
    planned = workspace.plan(CHANGES)
    assert {planned[each] for each in RESOURCES} == {"updated in-place"}
    workspace.run("apply", "planned")
    check_then(client)
    assert workspace.plan(CLEAN) == {}

    workspace.run("state", "rm", ORDERS)
    workspace.run("import", ORDERS, "orders")
    assert workspace.plan(CLEAN) == {}

    workspace.run("destroy", "-auto-approve")
    assert client.list_tables()["TableNames"] == []


def check_first(client: DynamoDBClient) -> None:
    orders = client.describe_table(TableName="orders")["Table"]
    assert [each["IndexName"] for each in orders["LocalSecondaryIndexes"]] == ["by-total"]
    indexes = {each["IndexName"]: each for each in orders["GlobalSecondaryIndexes"]}
    assert indexes.keys() == {"by-status", "by-moment"}
    projection = indexes["by-status"]["Projection"]
    assert projection["ProjectionType"] == "INCLUDE"
    assert sorted(projection["NonKeyAttributes"]) == ["note", "total"]
    assert orders["StreamSpecification"]["StreamViewType"] == "NEW_AND_OLD_IMAGES"
    assert expiry_of_orders(client) == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires"}
    assert tags_of(client, orders["TableArn"]) == {"stage": "test", "team": "shop"}

    stock = client.describe_table(TableName="stock")["Table"]
    assert stock["TableClassSummary"]["TableClass"] == "STANDARD_INFREQUENT_ACCESS"
    assert units_of(stock) == (5, 6)
    assert units_of(stock["GlobalSecondaryIndexes"][0]) == (3, 4)
    carts = client.describe_table(TableName="carts")["Table"]
    assert (units_of(carts), carts["DeletionProtectionEnabled"]) == ((1, 1), True)
    wheel = client.get_item(TableName="stock", Key={"sku": {"S": "wheel"}})["Item"]
    assert wheel == {"sku": {"S": "wheel"}, "count": {"N": "12"}}


def check_then(client: DynamoDBClient) -> None:
    orders = client.describe_table(TableName="orders")["Table"]
    names = {each["IndexName"] for each in orders["GlobalSecondaryIndexes"]}
    assert names == {"by-status", "by-courier"}
    assert orders["StreamSpecification"]["StreamViewType"] == "KEYS_ONLY"
    assert expiry_of_orders(client) == {"TimeToLiveStatus": "DISABLED"}
    assert tags_of(client, orders["TableArn"]) == {"stage": "live", "owner": "ada"}

    stock = client.describe_table(TableName="stock")["Table"]
    assert stock["TableClassSummary"]["TableClass"] == "STANDARD"
    assert stock["SSEDescription"]["Status"] == "ENABLED"
    assert units_of(stock) == (7, 2)
    assert units_of(stock["GlobalSecondaryIndexes"][0]) == (8, 4)
    carts = client.describe_table(TableName="carts")["Table"]
    assert carts["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert carts["OnDemandThroughput"] == {"MaxReadRequestUnits": 100, "MaxWriteRequestUnits": -1}
    assert carts["DeletionProtectionEnabled"] is False
    wheel = client.get_item(TableName="stock", Key={"sku": {"S": "wheel"}})["Item"]
    assert wheel["count"] == {"N": "11"}


def expiry_of_orders(client: DynamoDBClient) -> Any:
    return client.describe_time_to_live(TableName="orders")["TimeToLiveDescription"]


def tags_of(client: DynamoDBClient, arn: str) -> dict[str, str]:
    tags = client.list_tags_of_resource(ResourceArn=arn)["Tags"]
    return {each["Key"]: each["Value"] for each in tags}


def units_of(described: Any) -> tuple[int, int]:
    """The provisioned capacity of a table or an index, for reads and for writes."""
    throughput = described["ProvisionedThroughput"]
    return throughput["ReadCapacityUnits"], throughput["WriteCapacityUnits"]
