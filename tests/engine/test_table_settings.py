"""What DescribeTable tells of a table's settings, and ARNs where a name may stand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.region import Answer, N, Region, S, definitions, index, key_schema

INVALID = "One or more parameter values were invalid: "
ARN = "arn:aws:dynamodb:us-east-1:000000000000:table/things"
CAPACITY = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 3}
NOW = 1_700_000_000.0


def by_v(**more: Any) -> Answer:
    return {
        "IndexName": "by-v",
        "KeySchema": key_schema("v"),
        "Projection": {"ProjectionType": "ALL"},
        **more,
    }


def request(**more: Any) -> Answer:
    """A CreateTable request, billed on demand, with an index where one is given."""
    names = ["id", "v"] if "GlobalSecondaryIndexes" in more else ["id"]
    return {
        "TableName": "things",
        "KeySchema": key_schema("id"),
        "AttributeDefinitions": definitions(names, {}),
        "BillingMode": "PAY_PER_REQUEST",
        **more,
    }


def create(region: Region, **more: Any) -> Answer:
    created: Answer = region.call("CreateTable", **request(**more))["TableDescription"]
    assert region.describe() == created
    return created


def update(region: Region, **more: Any) -> Answer:
    region.call("UpdateTable", TableName="things", **more)
    return region.describe()


def shared_index(described: Answer) -> Answer:
    (found,) = described["GlobalSecondaryIndexes"]
    shared: Answer = found
    return shared


def test_a_class_is_told_with_the_moment_it_changed(region: Region) -> None:
    created = create(region, TableClass="STANDARD_INFREQUENT_ACCESS")
    assert created["TableClassSummary"] == {"TableClass": "STANDARD_INFREQUENT_ACCESS"}
    assert update(region, TableClass="STANDARD")["TableClassSummary"] == {
        "TableClass": "STANDARD",
        "LastUpdateDateTime": NOW,
    }


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ({}, "alias/aws/dynamodb"),
        ({"SSEType": "KMS", "KMSMasterKeyId": "alias/mine"}, "alias/mine"),
        ({"KMSMasterKeyId": "1234"}, "key/1234"),
        ({"KMSMasterKeyId": "arn:aws:kms:us-east-1:000000000000:key/1"}, "key/1"),
    ],
)
def test_encryption_is_told_while_it_is_by_a_key_of_ones_own(
    region: Region, given: Answer, key: str
) -> None:
    created = create(region, SSESpecification={"Enabled": True, **given})
    assert created["SSEDescription"] == {
        "Status": "ENABLED",
        "SSEType": "KMS",
        "KMSMasterKeyArn": f"arn:aws:kms:us-east-1:000000000000:{key}",
    }
    assert "SSEDescription" not in update(region, SSESpecification={"Enabled": False})


def test_maxima_are_set_and_unset_one_by_one(region: Region) -> None:
    created = create(region, OnDemandThroughput={"MaxReadRequestUnits": 10})
    expected = {"MaxReadRequestUnits": 10, "MaxWriteRequestUnits": -1}
    assert created["OnDemandThroughput"] == expected
    both = update(region, OnDemandThroughput={"MaxWriteRequestUnits": 20})
    assert both["OnDemandThroughput"] == {**expected, "MaxWriteRequestUnits": 20}
    unset = {"MaxReadRequestUnits": -1, "MaxWriteRequestUnits": -1}
    assert "OnDemandThroughput" not in update(region, OnDemandThroughput=unset)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            {
                "BillingMode": "PROVISIONED",
                "ProvisionedThroughput": CAPACITY,
                "OnDemandThroughput": {"MaxReadRequestUnits": 10},
            },
            "OnDemandThroughput can only be specified when BillingMode is PAY_PER_REQUEST",
        ),
        (
            {"OnDemandThroughput": {"MaxReadRequestUnits": 0}},
            "MaxReadRequestUnits must be greater than 0, or -1 for none",
        ),
        (
            {"WarmThroughput": {"WriteUnitsPerSecond": 3999}},
            "Requested WriteUnitsPerSecond for WarmThroughput for table is lower than current "
            "WarmThroughput, decreasing WarmThroughput is not supported",
        ),
        (
            {"GlobalSecondaryIndexes": [by_v(WarmThroughput={"ReadUnitsPerSecond": 1})]},
            "Requested ReadUnitsPerSecond for WarmThroughput for index by-v is lower than current "
            "WarmThroughput, decreasing WarmThroughput is not supported",
        ),
    ],
)
def test_throughput_that_cannot_be_is_refused(region: Region, more: Answer, message: str) -> None:
    refused = region.refusal("CreateTable", **request(**more))
    assert refused == ("ValidationException", INVALID + message)


def test_warm_throughput_begins_with_the_billing_mode_and_only_grows(region: Region) -> None:
    created = create(region, GlobalSecondaryIndexes=[by_v()])
    least = {"ReadUnitsPerSecond": 12_000, "WriteUnitsPerSecond": 4_000, "Status": "ACTIVE"}
    assert created["WarmThroughput"] == shared_index(created)["WarmThroughput"] == least
    warmer = update(region, WarmThroughput={"ReadUnitsPerSecond": 15_000})
    assert warmer["WarmThroughput"] == {**least, "ReadUnitsPerSecond": 15_000}
    assert shared_index(warmer)["WarmThroughput"] == least
    code, _ = region.refusal(
        "UpdateTable", TableName="things", WarmThroughput={"ReadUnitsPerSecond": 14_999}
    )
    assert code == "ValidationException"


def test_an_index_has_settings_of_its_own(region: Region, tmp_path: Path) -> None:
    region = Region(tmp_path / "region.db")
    maximum = {"MaxReadRequestUnits": 5, "MaxWriteRequestUnits": 6}
    created = create(region, GlobalSecondaryIndexes=[by_v(OnDemandThroughput=maximum)])
    assert "OnDemandThroughput" not in created
    assert shared_index(created)["OnDemandThroughput"] == maximum
    warm = {"ReadUnitsPerSecond": 20_000, "WriteUnitsPerSecond": 5_000}
    change = {"IndexName": "by-v", "WarmThroughput": warm}
    updated = update(region, GlobalSecondaryIndexUpdates=[{"Update": change}])
    assert shared_index(updated)["WarmThroughput"] == {**warm, "Status": "ACTIVE"}
    assert shared_index(updated)["OnDemandThroughput"] == maximum
    region.close()
    again = Region(tmp_path / "region.db")
    assert again.describe() == updated
    again.close()


def test_a_change_of_billing_takes_the_indexes_along(region: Region) -> None:
    region.create(shared=[index("by-v", "v")])
    on_demand = update(region, BillingMode="PAY_PER_REQUEST")
    zero = {"NumberOfDecreasesToday": 0, "ReadCapacityUnits": 0, "WriteCapacityUnits": 0}
    assert on_demand["ProvisionedThroughput"] == zero
    assert shared_index(on_demand)["ProvisionedThroughput"] == zero
    update(region, OnDemandThroughput={"MaxReadRequestUnits": 10})
    back = {"BillingMode": "PROVISIONED", "ProvisionedThroughput": CAPACITY}
    assert region.refusal("UpdateTable", TableName="things", **back) == (
        "ValidationException",
        INVALID + "ProvisionedThroughput must be specified for index: by-v",
    )
    change = {"Update": {"IndexName": "by-v", "ProvisionedThroughput": CAPACITY}}
    provisioned = update(region, **back, GlobalSecondaryIndexUpdates=[change])
    expected = {"NumberOfDecreasesToday": 0, **CAPACITY}
    assert provisioned["ProvisionedThroughput"] == expected
    assert shared_index(provisioned)["ProvisionedThroughput"] == expected
    assert "OnDemandThroughput" not in provisioned
    warm = {"ReadUnitsPerSecond": 5, "WriteUnitsPerSecond": 3, "Status": "ACTIVE"}
    assert provisioned["WarmThroughput"] == warm


def test_an_arn_may_stand_for_the_name(region: Region) -> None:
    created = create(region, TableName=ARN, StreamSpecification=None)
    assert (created["TableName"], created["TableArn"]) == ("things", ARN)
    key = {"id": S("a")}
    region.call("PutItem", TableName=ARN, Item=key)
    assert region.call("GetItem", TableName=ARN, Key=key)["Item"] == key
    region.update(key, "SET v = :v", ARN, values={":v": N(1)})
    item = {**key, "v": N(1)}
    assert region.items("Scan", TableName=ARN) == [item]
    query = {"KeyConditionExpression": "id = :a", "ExpressionAttributeValues": {":a": S("a")}}
    assert region.items("Query", TableName=ARN, **query) == [item]
    got = region.call("BatchGetItem", RequestItems={ARN: {"Keys": [key]}})
    assert got["Responses"] == {ARN: [item]}
    region.call("BatchWriteItem", RequestItems={ARN: [{"DeleteRequest": {"Key": key}}]})
    region.call("TransactWriteItems", TransactItems=[{"Put": {"TableName": ARN, "Item": key}}])
    gets = [{"Get": {"TableName": ARN, "Key": key}}]
    assert region.call("TransactGetItems", TransactItems=gets)["Responses"] == [{"Item": key}]
    specification = {"Enabled": True, "AttributeName": "ttl"}
    region.call("UpdateTimeToLive", TableName=ARN, TimeToLiveSpecification=specification)
    described = region.call("DescribeTimeToLive", TableName=ARN)["TimeToLiveDescription"]
    assert described["TimeToLiveStatus"] == "ENABLED"
    region.call("DescribeContinuousBackups", TableName=ARN)
    view = {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}
    region.call("UpdateTable", TableName=ARN, StreamSpecification=view)
    region.call("DeleteItem", TableName=ARN, Key=key)
    assert region.call("DescribeTable", TableName=ARN)["Table"]["ItemCount"] == 0
    region.call("DeleteTable", TableName=ARN)


@pytest.mark.parametrize("region_name", ["eu-west-1", "us-east-1:1"])
def test_an_arn_of_elsewhere_names_no_table(region: Region, region_name: str) -> None:
    region.create()
    arn = ARN.replace("us-east-1", region_name)
    code, _ = region.refusal("DescribeTable", TableName=arn)
    assert code == "ResourceNotFoundException"
    assert region.refusal("CreateTable", **request(TableName=arn)) == (
        "ValidationException",
        f"Invalid TableArn: Invalid ResourceArn provided as input {arn}",
    )


def test_members_still_to_come_are_refused_and_not_passed_over(region: Region) -> None:
    policy = {"ResourcePolicy": "{}", "GlobalTableSourceArn": ARN}
    assert region.refusal("CreateTable", **request(**policy)) == (
        "ValidationException",
        "pelton does not support GlobalTableSourceArn, ResourcePolicy yet",
    )
    create(region)
    replica = {"Create": {"RegionName": "eu-west-1"}}
    assert region.refusal("UpdateTable", TableName="things", ReplicaUpdates=[replica]) == (
        "ValidationException",
        "pelton does not support ReplicaUpdates yet",
    )
    update(region, DeletionProtectionEnabled=True, DisassociationProtectionEnabled=False)
