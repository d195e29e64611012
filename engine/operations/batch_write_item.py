"""BatchWriteItem: up to 25 puts and deletes, each a write of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..capacity import report_of
from ..errors import ThrottledError, ValidationException
from ..item_keys import ItemKey
from ..schema import Table
from ..storage import Transaction
from ..values import Item
from ..writes import DeleteWrite, PutWrite, Write
from .operation import Answer, DatabaseParts, Present, Request
from .reading import OTHER_SCHEMA

WRITES_MAX = 25


def batch_write_item(
    database: DatabaseParts, request: Request, present: Present
) -> Callable[[Any], Answer]:
    requested: dict[str, list[Request]] = request["RequestItems"]
    if not requested:
        raise ValidationException("The requestItems parameter is required for BatchWriteItem")
    if sum(len(each) for each in requested.values()) > WRITES_MAX:
        raise ValidationException("Too many items requested for the BatchWriteItem call")
    writes = [(name, _write_of(each)) for name, requests in requested.items() for each in requests]
    catalog, writer, clock = database.catalog, database.writer, database.clock
    plans = _locate(catalog.table, writes)

    def work(transaction: Transaction) -> Answer:
        current = plans
        if any(catalog.tables.get(table.name) is not table for table, _, _ in plans):
            current = _locate(catalog.table, writes)
        at_ms = clock.now_ms()
        report = report_of(request)
        throttled: dict[int, ThrottledError] = {}
        for position, (table, key, write) in enumerate(current):
            try:
                decision = writer.decide(transaction, table, key, write)
            except ThrottledError as error:
                throttled[position] = error
                continue
            writer.apply(transaction, table, key, decision, at_ms=at_ms)
            if report is not None:
                report.add_write(transaction, table, key, decision)
        answer: Answer = {"UnprocessedItems": {}}
        if throttled:
            answer["UnprocessedItems"] = _unprocessed(requested, throttled)
        return answer if report is None else report.add_lists_to(answer)

    return work


def _unprocessed(
    requested: dict[str, list[Request]], throttled: dict[int, ThrottledError]
) -> dict[str, list[Request]]:
    """The entries at the positions that were throttled. Raises the error where all were."""
    entries = [(name, each) for name, requests in requested.items() for each in requests]
    if len(throttled) == len(entries):
        raise throttled[0]
    unprocessed: dict[str, list[Request]] = {}
    for position in throttled:
        name, entry = entries[position]
        unprocessed.setdefault(name, []).append(entry)
    return unprocessed


def _write_of(request: Request) -> Write:
    put, delete = request.get("PutRequest"), request.get("DeleteRequest")
    if (put is None) == (delete is None):  # AWS says the same to both, and to neither
        raise ValidationException(
            "Supplied AttributeValue has more than one datatypes set, must contain exactly one of "
            "the supported datatypes"
        )
    if put is not None:
        return PutWrite(put["Item"], None)
    return DeleteWrite(request["DeleteRequest"]["Key"], None)


def _locate(
    table_named: Callable[[str], Table], writes: list[tuple[str, Write]]
) -> list[tuple[Table, ItemKey, Write]]:
    plans, seen = [], set()
    for name, write in writes:
        table = table_named(name)
        if isinstance(write, PutWrite):
            _check_key_members(table, write.new.item)
        key = write.locate(table)
        plans.append((table, key, write))
        seen.add((table.name, key.address))
    if len(seen) < len(plans):
        raise ValidationException("Provided list of item keys contains duplicates")
    return plans


def _check_key_members(table: Table, item: Item) -> None:
    """Raises ValidationException for an item without a fitting key, in the words of a Key here."""
    for name in table.key.names:
        if table.attribute_types[name] not in item.get(name, ()):
            raise ValidationException(OTHER_SCHEMA)
