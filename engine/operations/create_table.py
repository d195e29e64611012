"""CreateTable: a new table, with its indexes and stream, ACTIVE at once."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..errors import ResourceInUseException, ValidationException
from ..schema import Table, divide_tokens, initial_partition_count
from ..storage import Transaction
from ..tags import tags_of
from .describe_table import description_of
from .operation import Answer, Present, Request
from .table_definition import (
    attribute_types_of,
    check_all_defined_used,
    check_defined,
    indexes_of,
    key_schema_of,
    new_stream,
    place,
    stream_view_of,
    throughput_of,
)

if TYPE_CHECKING:
    from ..database import Database


def create_table(database: Database, request: Request, present: Present) -> Callable[[Any], Answer]:
    for member in ("TableName", "KeySchema", "AttributeDefinitions"):
        if request.get(member) is None:
            raise ValidationException(
                f"The parameter '{member}' is required but was not present in the request"
            )
    name = request["TableName"]
    billing_mode = request.get("BillingMode") or "PROVISIONED"
    throughput = throughput_of(request, billing_mode)
    types = attribute_types_of(request)
    key = key_schema_of(request["KeySchema"])
    check_defined(key, types)
    indexes = indexes_of(request, types, key, billing_mode)
    check_all_defined_used(types, key, [index.key for index in indexes])
    arn = f"arn:aws:dynamodb:{database.region}:{database.account}:table/{name}"
    tags = tags_of(request.get("Tags"))
    view_type = stream_view_of(request.get("StreamSpecification"))

    def work(transaction: Transaction) -> Answer:
        if name in database.catalog.tables:
            raise ResourceInUseException(f"Table already exists: {name}")
        at_ms = database.clock.now_ms()
        stream = new_stream(transaction, view_type, arn, at_ms) if view_type else None
        table = Table(
            name=name,
            arn=arn,
            id=str(uuid.uuid4()),
            created_ms=at_ms,
            space=transaction.create_space(),
            key=key,
            attribute_types=types,
            indexes=tuple(place(transaction, index) for index in indexes),
            partitions=divide_tokens(initial_partition_count(billing_mode, throughput)),
            stream=stream,
            last_stream=stream,
            billing_mode=billing_mode,
            throughput=throughput,
            deletion_protection=bool(request.get("DeletionProtectionEnabled")),
            tags=tags,
            settings=_settings_of(request),
        )
        database.catalog.change(transaction, None, table)
        return {"TableDescription": description_of(table, transaction)}

    return work


def _settings_of(request: Request) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    if request.get("TableClass"):
        settings["TableClassSummary"] = {"TableClass": request["TableClass"]}
    if request.get("OnDemandThroughput"):
        settings["OnDemandThroughput"] = request["OnDemandThroughput"]
    return settings
