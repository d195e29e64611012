"""Tags, time to live, backups, limits and endpoints through boto3."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .tables import WireTable, refusal_of

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

NewTable = Callable[..., WireTable]


def tags_of(client: DynamoDBClient, arn: str) -> dict[str, str]:
    tags = client.list_tags_of_resource(ResourceArn=arn)["Tags"]
    return {tag["Key"]: tag["Value"] for tag in tags}


def test_tags_are_given_replaced_and_taken(dynamodb: DynamoDBClient, new_table: NewTable) -> None:
    table = new_table("id", Tags=[{"Key": "team", "Value": "shop"}])
    arn = table.describe()["TableArn"]
    assert tags_of(dynamodb, arn) == {"team": "shop"}
    added = [{"Key": "team", "Value": "post"}, {"Key": "stage", "Value": "test"}]
    dynamodb.tag_resource(ResourceArn=arn, Tags=added)  # type: ignore[arg-type]
    assert tags_of(dynamodb, arn) == {"team": "post", "stage": "test"}
    dynamodb.untag_resource(ResourceArn=arn, TagKeys=["team", "never-there"])
    assert tags_of(dynamodb, arn) == {"stage": "test"}


def test_wrong_tags_are_refused(dynamodb: DynamoDBClient, table: WireTable) -> None:
    arn = table.describe()["TableArn"]
    assert refusal_of(dynamodb.tag_resource, ResourceArn=arn, Tags=[]) == (
        "ValidationException",
        "Atleast one Tag needs to be provided as Input.",
    )
    nowhere = f"{arn}-never-made"
    assert refusal_of(
        dynamodb.tag_resource, ResourceArn=nowhere, Tags=[{"Key": "a", "Value": "b"}]
    ) == (
        "ResourceNotFoundException",
        f"Requested resource not found: ResourcArn: {nowhere} not found",
    )
    code, message = refusal_of(dynamodb.list_tags_of_resource, ResourceArn=nowhere)
    assert code == "AccessDeniedException"
    assert message.endswith(f"dynamodb:ListTagsOfResource on resource: {nowhere}")
    assert tags_of(dynamodb, arn) == {}


def test_time_to_live_is_switched_on(table: WireTable) -> None:
    def status() -> dict[str, Any]:
        described: dict[str, Any] = table.call("describe_time_to_live")["TimeToLiveDescription"]
        return described

    assert status() == {"TimeToLiveStatus": "DISABLED"}
    on = {"AttributeName": "expires", "Enabled": True}
    answer = table.call("update_time_to_live", TimeToLiveSpecification=on)
    assert answer == {"TimeToLiveSpecification": on}
    assert status()["AttributeName"] == "expires"
    assert status()["TimeToLiveStatus"] in ("ENABLING", "ENABLED")  # AWS takes its time.


def test_time_to_live_cannot_be_switched_off_twice(table: WireTable) -> None:
    off = {"AttributeName": "expires", "Enabled": False}
    assert table.refusal("update_time_to_live", TimeToLiveSpecification=off) == (
        "ValidationException",
        "TimeToLive is already disabled",
    )


def test_backups_are_described(table: WireTable, dynamodb: DynamoDBClient) -> None:
    described = table.call("describe_continuous_backups")["ContinuousBackupsDescription"]
    recovery = described["PointInTimeRecoveryDescription"]
    assert recovery["PointInTimeRecoveryStatus"] == "DISABLED"
    off = {"PointInTimeRecoveryEnabled": False}
    updated = table.call("update_continuous_backups", PointInTimeRecoverySpecification=off)
    assert updated["ContinuousBackupsDescription"] == described
    assert refusal_of(dynamodb.describe_continuous_backups, TableName="pelton-never-made") == (
        "TableNotFoundException",
        "Table not found: pelton-never-made",
    )


def test_the_limits_of_the_account(dynamodb: DynamoDBClient) -> None:
    limits = dynamodb.describe_limits()
    assert limits["AccountMaxReadCapacityUnits"] >= limits["TableMaxReadCapacityUnits"] > 0
    assert limits["AccountMaxWriteCapacityUnits"] >= limits["TableMaxWriteCapacityUnits"] > 0


def test_the_endpoint_of_the_region(dynamodb: DynamoDBClient) -> None:
    (endpoint,) = dynamodb.describe_endpoints()["Endpoints"]
    assert endpoint["Address"] == f"dynamodb.{dynamodb.meta.region_name}.amazonaws.com"
    assert endpoint["CachePeriodInMinutes"] == 1440
