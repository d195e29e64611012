"""UpdateTable: changes a table's stream, capacity, indexes or protection."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from ..backfill import fill_first, forget_reached
from ..errors import LimitExceededException, ResourceNotFoundException, ValidationException
from ..partitions.splitting import grow_to_capacity
from ..schema import Index, Table, Throughput
from ..storage import Transaction
from .describe_table import description_of, table_to_manage
from .operation import Answer, DatabaseParts, Present, Request
from .table_definition import (
    INVALID,
    attribute_types_of,
    check_bounds,
    index_of_request,
    new_stream,
    place,
    stream_view_of,
    throughput_of,
)
from .table_settings import (
    changed_settings,
    index_settings,
    refuse_members_to_come,
    with_warm_throughput,
)

_CHANGES = (
    "ProvisionedThroughput",
    "BillingMode",
    "StreamSpecification",
    "GlobalSecondaryIndexUpdates",
    "SSESpecification",
    "ReplicaUpdates",
    "DeletionProtectionEnabled",
    "TableClass",
    "OnDemandThroughput",
    "WarmThroughput",
)
_INDEX_CHANGES = ("Update", "Create", "Delete")


def update_table(
    database: DatabaseParts, request: Request, present: Present
) -> Callable[[Any], Answer]:
    name = request["TableName"]
    refuse_members_to_come(request)
    if all(request.get(member) in (None, []) for member in _CHANGES):
        raise ValidationException(
            "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, "
            "GlobalSecondaryIndexUpdates or SSESpecification or ReplicaUpdates is required"
        )
    _check_capacity(request)
    _check_updates(request.get("GlobalSecondaryIndexUpdates") or ())
    _check_stream_alone(request)
    table_to_manage(database.catalog, name)

    def work(transaction: Transaction) -> Answer:
        old = table_to_manage(database.catalog, name)
        at_ms = database.clock.now_ms()
        table = _change_capacity(old, request, at_ms)
        table = _change_stream(transaction, table, request, at_ms)
        table = _change_indexes(transaction, table, request, at_ms)
        if request.get("DeletionProtectionEnabled") is not None:
            table = replace(table, deletion_protection=request["DeletionProtectionEnabled"])
        table = _change_settings(database, table, request, at_ms)
        table = grow_to_capacity(transaction, table, database.partition_limits)
        database.catalog.change(transaction, old, table)
        return {"TableDescription": description_of(table, transaction, at_ms)}

    return work


def _check_capacity(request: Request) -> None:
    given = request.get("ProvisionedThroughput")
    if given is not None:
        check_bounds(given)
    elif request.get("BillingMode") == "PROVISIONED":
        raise ValidationException(
            f"{INVALID}ProvisionedThroughput must be specified when BillingMode is PROVISIONED"
        )


def _check_updates(updates: Sequence[Request]) -> None:
    """Raises ValidationException unless each is one change, and each of another index."""
    named = set()
    for update in updates:
        given = [update[kind] for kind in _INDEX_CHANGES if update.get(kind) is not None]
        if len(given) != 1:
            raise ValidationException(
                f"{INVALID}One of GlobalSecondaryIndexUpdate.Update, "
                "GlobalSecondaryIndexUpdate.Create, GlobalSecondaryIndexUpdate.Delete must not be "
                "null"
            )
        name = given[0]["IndexName"]
        if name in named:
            raise ValidationException(
                f"{INVALID}Only one global secondary index update per index is allowed "
                f"simultaneously. Index: {name}"
            )
        named.add(name)


def _check_stream_alone(request: Request) -> None:
    """Raises ValidationException for a stream's change beside one that AWS wants apart from it."""
    if request.get("StreamSpecification") is None:
        return
    if request.get("ProvisionedThroughput") or request.get("BillingMode") == "PROVISIONED":
        raise ValidationException(
            f"{INVALID}You cannot modify stream status while updating table IOPS"
        )
    updates = request.get("GlobalSecondaryIndexUpdates") or ()
    if any(update.get("Create") or update.get("Delete") for update in updates):
        raise ValidationException(
            f"{INVALID}You cannot create or delete index while changing stream status"
        )


def _change_settings(database: DatabaseParts, table: Table, request: Request, at_ms: int) -> Table:
    mode = table.billing_mode
    settings = changed_settings(database, table.settings, request, mode)
    if request.get("TableClass"):
        settings["TableClassSummary"]["LastUpdateDateTime"] = at_ms / 1000
    settings = with_warm_throughput(settings, request, mode, table.throughput, "table")
    return replace(table, settings=settings)


def _change_capacity(table: Table, request: Request, at_ms: int) -> Table:
    mode = request.get("BillingMode") or table.billing_mode
    given = request.get("ProvisionedThroughput")
    if mode == table.billing_mode and given is None:
        return table
    throughput = throughput_of(request, mode)
    read_units, write_units = throughput.read_units, throughput.write_units
    held = table.throughput
    is_same = (read_units, write_units) == (held.read_units, held.write_units)
    if mode == table.billing_mode and is_same:
        raise ValidationException(
            "The provisioned throughput for the table will not change. The requested value equals "
            f"the current value. Current ReadCapacityUnits provisioned for the table: "
            f"{throughput.read_units}. Requested ReadCapacityUnits: {throughput.read_units}. "
            f"Current WriteCapacityUnits provisioned for the table: {throughput.write_units}. "
            f"Requested WriteCapacityUnits: {throughput.write_units}. Refer to the Amazon DynamoDB "
            "Developer Guide for current limits and how to request higher limits."
        )
    if mode != table.billing_mode:
        return replace(_change_billing(table, request, mode, at_ms), throughput=throughput)
    return replace(table, throughput=held.changed(read_units, write_units, at_ms))


def _change_billing(table: Table, request: Request, mode: str, at_ms: int) -> Table:
    """The table billed otherwise; its global indexes follow, and need capacity where it has."""
    if mode == "PAY_PER_REQUEST":
        table = replace(table, on_demand_ms=at_ms)
    else:
        _check_index_capacity(table, request)
    indexes = tuple(
        replace(index, throughput=Throughput(), settings=index_settings(index.settings, {}, mode))
        for index in table.indexes
    )
    return replace(table, billing_mode=mode, indexes=indexes)


def _check_index_capacity(table: Table, request: Request) -> None:
    updates = [
        each.get("Update") or {} for each in request.get("GlobalSecondaryIndexUpdates") or ()
    ]
    given = {each["IndexName"] for each in updates if each.get("ProvisionedThroughput")}
    for index in table.indexes:
        if not index.is_local and index.name not in given:
            raise ValidationException(
                f"{INVALID}ProvisionedThroughput must be specified for index: {index.name}"
            )


def _change_stream(transaction: Transaction, table: Table, request: Request, at_ms: int) -> Table:
    specification = request.get("StreamSpecification")
    if specification is None:
        return table
    view_type = stream_view_of(specification)
    if view_type is None:
        if table.stream is None:
            raise ValidationException(f"Table has no stream to disable: TableName: {table.name}")
        return replace(table, stream=None)
    if table.stream is not None:
        raise ValidationException(f"Table already has an enabled stream: TableName: {table.name}")
    stream = new_stream(transaction, view_type, table.arn, at_ms)
    return replace(table, stream=stream, last_stream=stream)


def _change_indexes(transaction: Transaction, table: Table, request: Request, at_ms: int) -> Table:
    types = {**table.attribute_types, **attribute_types_of(request)}
    updates = request.get("GlobalSecondaryIndexUpdates") or ()
    _check_one_at_a_time(table, updates)
    for update in updates:
        ((kind, body),) = [(kind, update[kind]) for kind in _INDEX_CHANGES if update.get(kind)]
        if kind == "Create":
            table = _create_index(transaction, table, types, body)
        elif kind == "Delete":
            table = _delete_index(transaction, table, body["IndexName"])
        else:
            table = _update_index(table, body, at_ms)
    return table


def _check_one_at_a_time(table: Table, updates: Sequence[Request]) -> None:
    """Raises LimitExceededException where two indexes would be made or deleted at a time.

    One that is being filled may itself be deleted.
    """
    named = [
        body["IndexName"]
        for update in updates
        for kind, body in update.items()
        if body is not None and kind in ("Create", "Delete")
    ]
    busy = {index.name for index in table.indexes if index.is_backfilling}
    if len(named) > 1 or (named and busy - set(named)):
        raise LimitExceededException(
            "Subscriber limit exceeded: Only 1 online index can be created or deleted "
            "simultaneously per table"
        )


def _create_index(
    transaction: Transaction, table: Table, types: dict[str, str], request: Request
) -> Table:
    if table.index_named(request["IndexName"]) is not None:
        raise ValidationException(
            f"{INVALID}Attempting to create an index which already exists: {request['IndexName']}"
        )
    index = index_of_request(
        request, types, table.key, is_local=False, billing_mode=table.billing_mode
    )
    index = place(transaction, index)
    used = {name: types[name] for name in types if name in _key_names(table, index)}
    filled = replace(table, attribute_types=used, indexes=(*table.indexes, index))
    if fill_first(transaction, filled, index):
        return filled
    return replace(filled, indexes=(*table.indexes, replace(index, is_backfilling=True)))


def _key_names(table: Table, *more: Index) -> set[str]:
    keys = (table.key, *(index.key for index in (*table.indexes, *more)))
    return {name for key in keys for name in key.names}


def _named_index(table: Table, name: str) -> Index:
    index = table.index_named(name)
    if index is None or index.is_local:
        raise ResourceNotFoundException(
            f"Requested resource not found: Index: {name} not found in table: {table.name}"
        )
    return index


def _delete_index(transaction: Transaction, table: Table, name: str) -> Table:
    index = _named_index(table, name)
    transaction.drop_space(index.space)
    if index.is_backfilling:
        forget_reached(transaction, index)
    table = replace(table, indexes=tuple(each for each in table.indexes if each is not index))
    names = _key_names(table)
    types = {name: kind for name, kind in table.attribute_types.items() if name in names}
    return replace(table, attribute_types=types)


def _update_index(table: Table, request: Request, at_ms: int) -> Table:
    index = _named_index(table, request["IndexName"])
    given = request.get("ProvisionedThroughput") or {}
    throughput = index.throughput.changed(
        given.get("ReadCapacityUnits", index.throughput.read_units),
        given.get("WriteCapacityUnits", index.throughput.write_units),
        at_ms,
    )
    mode = table.billing_mode
    settings = index_settings(index.settings, request, mode)
    settings = with_warm_throughput(settings, request, mode, throughput, f"index {index.name}")
    changed = replace(index, throughput=throughput, settings=settings)
    return replace(
        table, indexes=tuple(changed if each is index else each for each in table.indexes)
    )
