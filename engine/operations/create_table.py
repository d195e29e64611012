"""CreateTable: a new table, with its indexes and stream, ACTIVE at once."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from typing import Any

from ..errors import ResourceInUseException, ValidationException
from ..partitions.splitting import divide_new
from ..schema import Table
from ..storage import Transaction
from ..tags import tags_of
from .describe_table import description_of
from .operation import Answer, DatabaseParts, Present, Request
from .table_definition import (
    attribute_types_of,
    check_all_defined_used,
    indexes_of,
    new_stream,
    place,
    stream_view_of,
    table_key_of,
    throughput_of,
)
from .table_settings import changed_settings, refuse_members_to_come, with_warm_throughput

_NAME = re.compile(r"[a-zA-Z0-9_.-]{3,255}")


def create_table(
    database: DatabaseParts, request: Request, present: Present
) -> Callable[[Any], Answer]:
    for member in ("TableName", "KeySchema", "AttributeDefinitions"):
        if request.get(member) is None:
            raise ValidationException(
                f"The parameter '{member}' is required but was not present in the request"
            )
    refuse_members_to_come(request)
    name = _name_of(database, request["TableName"])
    billing_mode = request.get("BillingMode") or "PROVISIONED"
    throughput = throughput_of(request, billing_mode)
    types = attribute_types_of(request)
    key = table_key_of(request["KeySchema"], types)
    indexes = indexes_of(request, types, key, billing_mode)
    has_local = any(index.is_local for index in indexes)
    check_all_defined_used(types, key, [index.key for index in indexes])
    arn = _arn_prefix(database) + name
    settings = changed_settings(database, {}, request, billing_mode)
    settings = with_warm_throughput(settings, request, billing_mode, throughput, "table")
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
            stream=stream,
            last_stream=stream,
            billing_mode=billing_mode,
            on_demand_ms=at_ms if billing_mode == "PAY_PER_REQUEST" else None,
            throughput=throughput,
            deletion_protection=bool(request.get("DeletionProtectionEnabled")),
            collection_space=transaction.create_space() if has_local else None,
            tags=tags,
            settings=settings,
        )
        table = divide_new(table, database.partition_limits)
        database.catalog.change(transaction, None, table)
        return {"TableDescription": description_of(table, transaction, at_ms)}

    return work


def _arn_prefix(database: DatabaseParts) -> str:
    return f"arn:aws:dynamodb:{database.region}:{database.account}:table/"


def _name_of(database: DatabaseParts, given: str) -> str:
    """The new table's name, given as it is or as the ARN the table will have."""
    if not given.startswith("arn:"):
        return given
    name = given.removeprefix(_arn_prefix(database))
    if _NAME.fullmatch(name) is None:
        raise ValidationException(
            f"Invalid TableArn: Invalid ResourceArn provided as input {given}"
        )
    return name
