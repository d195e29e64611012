"""Settings that DescribeTable tells back and nothing here acts on: class, encryption, maxima."""

from __future__ import annotations

from typing import Any

from ..errors import ValidationException
from ..schema import Index, Table, Throughput
from .operation import DatabaseParts, Request

INVALID = "One or more parameter values were invalid: "
NO_MAXIMUM = -1
"""What stands for a maximum that is not set, and unsets one."""

ON_DEMAND_WARM = {"ReadUnitsPerSecond": 12_000, "WriteUnitsPerSecond": 4_000}
"""What a new on-demand table can take at once. Source: AWS's guide, "Warm throughput"."""

STILL_TO_COME = (
    "DisassociationProtectionEnabled",
    "GlobalTableSettingsReplicationMode",
    "GlobalTableSourceArn",
    "GlobalTableWitnessUpdates",
    "MultiRegionConsistency",
    "ReplicaUpdates",
    "ResourcePolicy",
    "VectorIndexUpdates",
    "VectorIndexes",
)
"""Members that ask for what pelton does not do: to pass over them would be to lie."""

Settings = dict[str, Any]


def refuse_members_to_come(request: Request) -> None:
    """Raises ValidationException where a table is asked to be what it cannot be yet."""
    asked = [member for member in STILL_TO_COME if request.get(member)]
    if asked:
        raise ValidationException(f"pelton does not support {', '.join(asked)} yet")


def changed_settings(
    database: DatabaseParts, settings: Settings, request: Request, billing_mode: str
) -> Settings:
    """A table's settings with what a CreateTable or UpdateTable request says of them."""
    changed = dict(settings)
    if request.get("TableClass"):
        changed["TableClassSummary"] = {"TableClass": request["TableClass"]}
    encryption = request.get("SSESpecification")
    if encryption is not None:
        changed.pop("SSEDescription", None)
        if encryption.get("Enabled"):
            changed["SSEDescription"] = _encryption_of(database, encryption)
    return _with_maximum(changed, request, billing_mode)


def index_settings(settings: Settings, request: Request, billing_mode: str) -> Settings:
    """A global index's settings with what a request says of them."""
    return _with_maximum(dict(settings), request, billing_mode)


def with_warm_throughput(
    settings: Settings, request: Request, billing_mode: str, throughput: Throughput, owner: str
) -> Settings:
    """The settings with the warm throughput asked for. Raises ValidationException where it is less
    than there is; `owner` says of what ("table" or "index NAME").
    """
    asked = request.get("WarmThroughput")
    if asked is None:
        return settings
    current = warm_throughput(settings, billing_mode, throughput)
    for member, units in current.items():
        wanted = asked.get(member)
        if wanted is not None and wanted < units:
            raise ValidationException(
                f"{INVALID}Requested {member} for WarmThroughput for {owner} is lower than "
                "current WarmThroughput, decreasing WarmThroughput is not supported"
            )
    given = {member: asked[member] for member in current if asked.get(member) is not None}
    return {**settings, "WarmThroughput": {**current, **given}}


def warm_throughput(
    settings: Settings, billing_mode: str, throughput: Throughput
) -> dict[str, int]:
    """What a table or an index can take at once: at least what its billing mode begins with."""
    least = ON_DEMAND_WARM
    if billing_mode != "PAY_PER_REQUEST":
        least = {
            "ReadUnitsPerSecond": throughput.read_units,
            "WriteUnitsPerSecond": throughput.write_units,
        }
    asked = settings.get("WarmThroughput") or {}
    return {member: max(units, asked.get(member, 0)) for member, units in least.items()}


def settings_description(settled: Table | Index, billing_mode: str, status: str) -> Settings:
    """The settings of a table or a global index as its description has them."""
    warm = warm_throughput(settled.settings, billing_mode, settled.throughput)
    return {**settled.settings, "WarmThroughput": {**warm, "Status": status}}


def _with_maximum(settings: Settings, request: Request, billing_mode: str) -> Settings:
    asked = request.get("OnDemandThroughput")
    if billing_mode != "PAY_PER_REQUEST":
        if asked is not None:
            raise ValidationException(
                f"{INVALID}OnDemandThroughput can only be specified when BillingMode is "
                "PAY_PER_REQUEST"
            )
        settings.pop("OnDemandThroughput", None)
        return settings
    if asked is None:
        return settings
    maximum = {"MaxReadRequestUnits": NO_MAXIMUM, "MaxWriteRequestUnits": NO_MAXIMUM}
    maximum |= settings.pop("OnDemandThroughput", {})
    maximum |= {member: asked[member] for member in maximum if asked.get(member) is not None}
    for member, units in maximum.items():
        if units < 1 and units != NO_MAXIMUM:
            raise ValidationException(f"{INVALID}{member} must be greater than 0, or -1 for none")
    if set(maximum.values()) != {NO_MAXIMUM}:
        settings["OnDemandThroughput"] = maximum
    return settings


def _encryption_of(database: DatabaseParts, specification: Request) -> Settings:
    key = specification.get("KMSMasterKeyId") or "alias/aws/dynamodb"
    if not key.startswith("arn:"):
        path = key if key.startswith("alias/") else f"key/{key}"
        key = f"arn:aws:kms:{database.region}:{database.account}:{path}"
    return {"Status": "ENABLED", "SSEType": "KMS", "KMSMasterKeyArn": key}
