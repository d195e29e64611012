"""Operations about a region as a whole, and those of the API that are still to come."""

from __future__ import annotations

import pytest

from pelton.engine.model import operations
from tests.region import Region

LATER = {
    "CreateBackup",
    "CreateGlobalTable",
    "ExportTableToPointInTime",
    "ImportTable",
    "ListBackups",
    "ListGlobalTables",
    "PutResourcePolicy",
    "UpdateTableReplicaAutoScaling",
}


def test_limits_are_those_of_a_new_account(region: Region) -> None:
    assert region.call("DescribeLimits") == {
        "AccountMaxReadCapacityUnits": 80_000,
        "AccountMaxWriteCapacityUnits": 80_000,
        "TableMaxReadCapacityUnits": 40_000,
        "TableMaxWriteCapacityUnits": 40_000,
    }


def test_the_endpoint_is_the_region_s(region: Region) -> None:
    assert region.call("DescribeEndpoints") == {
        "Endpoints": [{"Address": "dynamodb.us-east-1.amazonaws.com", "CachePeriodInMinutes": 1440}]
    }


def test_point_in_time_recovery_is_off_and_stays_off(region: Region) -> None:
    region.create()
    off = {
        "ContinuousBackupsDescription": {
            "ContinuousBackupsStatus": "ENABLED",
            "PointInTimeRecoveryDescription": {"PointInTimeRecoveryStatus": "DISABLED"},
        }
    }
    assert region.call("DescribeContinuousBackups", TableName="things") == off
    specification = {"PointInTimeRecoveryEnabled": False}
    asked = {"TableName": "things", "PointInTimeRecoverySpecification": specification}
    assert region.call("UpdateContinuousBackups", **asked) == off
    specification["PointInTimeRecoveryEnabled"] = True
    assert region.refusal("UpdateContinuousBackups", **asked) == (
        "ValidationException",
        "pelton does not support point-in-time recovery yet",
    )


def test_backups_of_a_table_that_is_not_there(region: Region) -> None:
    expected = ("TableNotFoundException", "Table not found: things")
    assert region.refusal("DescribeContinuousBackups", TableName="things") == expected


@pytest.mark.parametrize("operation", sorted(LATER))
def test_an_operation_still_to_come_says_so(region: Region, operation: str) -> None:
    assert operation in operations()
    assert region.refusal(operation) == (
        "UnknownOperationException",
        f"pelton does not support {operation} yet",
    )


def test_an_operation_nobody_has_is_told_apart(region: Region) -> None:
    assert region.refusal("MakeCoffee") == (
        "UnknownOperationException",
        "DynamoDB has no operation MakeCoffee",
    )
