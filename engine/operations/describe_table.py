"""DescribeTable: what a table is, in every member the API has for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..errors import ResourceNotFoundException
from ..schema import Index, Table, Throughput
from ..storage import Reader
from .operation import Answer, DatabaseParts, Present, Request
from .table_settings import settings_description

if TYPE_CHECKING:
    from ..catalog import Catalog


def describe_table(
    database: DatabaseParts, request: Request, present: Present
) -> Callable[[Any], Answer]:
    table = table_to_manage(database.catalog, request["TableName"])
    clock = database.clock
    return lambda reader: {"Table": description_of(table, reader, clock.now_ms())}


def table_to_manage(catalog: Catalog, name: str) -> Table:
    """The table a control-plane request names. Raises ResourceNotFoundException in its words."""
    try:
        return catalog.table(name)
    except ResourceNotFoundException:
        raise ResourceNotFoundException(
            f"Requested resource not found: Table: {name} not found"
        ) from None


def description_of(
    table: Table, reader: Reader, at_ms: int, status: str = "ACTIVE"
) -> dict[str, Any]:
    """A TableDescription as it is at a time; `status` is the table's and its indexes'."""
    count, size = reader.count(table.space)
    description: dict[str, Any] = {
        "AttributeDefinitions": [
            {"AttributeName": name, "AttributeType": kind}
            for name, kind in table.attribute_types.items()
        ],
        "TableName": table.name,
        "KeySchema": table.key.describe(),
        "TableStatus": status,
        "CreationDateTime": table.created_ms / 1000,
        "ProvisionedThroughput": _throughput(table.throughput, at_ms),
        "TableSizeBytes": size,
        "ItemCount": count,
        "TableArn": table.arn,
        "TableId": table.id,
        "DeletionProtectionEnabled": table.deletion_protection,
        **settings_description(table, table.billing_mode, status),
    }
    if table.on_demand_ms is not None:
        description["BillingModeSummary"] = {
            "BillingMode": table.billing_mode,
            "LastUpdateToPayPerRequestDateTime": table.on_demand_ms / 1000,
        }
    for member, is_local in (("LocalSecondaryIndexes", True), ("GlobalSecondaryIndexes", False)):
        indexes = [each for each in table.indexes if each.is_local is is_local]
        if indexes:
            description[member] = [_index(table, each, reader, at_ms, status) for each in indexes]
    if table.stream is not None:
        description["StreamSpecification"] = {
            "StreamEnabled": True,
            "StreamViewType": table.stream.view_type,
        }
    if table.last_stream is not None:
        description["LatestStreamLabel"] = table.last_stream.label
        description["LatestStreamArn"] = table.last_stream.arn
    return description


def _index(table: Table, index: Index, reader: Reader, at_ms: int, status: str) -> dict[str, Any]:
    count, size = reader.count(index.space)
    projection: dict[str, Any] = {"ProjectionType": index.projection}
    if index.projection == "INCLUDE":
        projection["NonKeyAttributes"] = list(index.non_key_attributes)
    description: dict[str, Any] = {
        "IndexName": index.name,
        "KeySchema": index.key.describe(),
        "Projection": projection,
        "IndexSizeBytes": size,
        "ItemCount": count,
        "IndexArn": f"{table.arn}/index/{index.name}",
    }
    if not index.is_local:
        description["IndexStatus"] = status
        if index.is_backfilling:
            description |= {"IndexStatus": "CREATING", "Backfilling": True}
        description["ProvisionedThroughput"] = _throughput(index.throughput, at_ms)
        description |= settings_description(index, table.billing_mode, status)
    return description


def _throughput(throughput: Throughput, at_ms: int) -> dict[str, Any]:
    described: dict[str, Any] = {
        "NumberOfDecreasesToday": throughput.decreases_on_day_of(at_ms),
        "ReadCapacityUnits": throughput.read_units,
        "WriteCapacityUnits": throughput.write_units,
    }
    if throughput.increased_ms is not None:
        described["LastIncreaseDateTime"] = throughput.increased_ms / 1000
    if throughput.decreased_ms is not None:
        described["LastDecreaseDateTime"] = throughput.decreased_ms / 1000
    return described
