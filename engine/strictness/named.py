"""What a request on items names: its tables and indexes, and how it reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ..errors import ValidationException
from ..operations.transact_write_items import KINDS
from ..schema import Table
from .unprocessed import BATCHES

Request = dict[str, Any]

TRANSACTIONS = frozenset({"ExecuteTransaction", "TransactGetItems", "TransactWriteItems"})

PARTS = {
    "BatchExecuteStatement": "Statements",
    "ExecuteTransaction": "TransactStatements",
    "TransactGetItems": "TransactItems",
    "TransactWriteItems": "TransactItems",
}
"""The member that lists the parts of a request on several items."""


def tables_named(operation: str, request: Request) -> Iterator[tuple[str, str | None]]:
    """The tables a request is about, by name or ARN, each with the index that is read, if any."""
    parts: list[Request] = request[PARTS[operation]] if operation in PARTS else []
    if operation in BATCHES:
        yield from ((name, None) for name in request["RequestItems"])
    elif operation in ("BatchExecuteStatement", "ExecuteTransaction"):
        yield from _tables_stated(parts)
    elif operation == "ExecuteStatement":
        yield from _tables_stated([request])
    elif operation in PARTS:
        for action in parts:
            bodies = (action.get(kind) for kind in ("Get", *KINDS))
            yield from ((body["TableName"], None) for body in bodies if body is not None)
    else:
        reads_index = operation in ("Query", "Scan")
        yield request["TableName"], request.get("IndexName") if reads_index else None


def _tables_stated(statements: list[Request]) -> Iterator[tuple[str, str | None]]:
    from ..partiql import Select, parse_statement

    for each in statements:
        try:
            command = parse_statement(each["Statement"]).command
        except ValidationException:
            continue  # Whoever answers it tells what is wrong.
        yield command.table, command.index if isinstance(command, Select) else None


def consistency_of(operation: str, request: Request) -> Callable[[Table], bool]:
    """Tells of each table whether the request reads it consistently.

    One statement of a batch that asks for it makes the batch's reads of its table consistent.
    """
    if operation in TRANSACTIONS:
        return lambda table: True
    if operation == "BatchGetItem":
        names = [name for name, each in request["RequestItems"].items() if _asks(each)]
    elif operation == "BatchExecuteStatement":
        asking = [each for each in request["Statements"] if _asks(each)]
        names = [name for name, _ in _tables_stated(asking)]
    else:
        asks = _asks(request)
        return lambda table: asks
    consistent = {name.rpartition(":table/")[2] for name in names}
    return lambda table: table.name in consistent


def _asks(request: Request) -> bool:
    return bool(request.get("ConsistentRead"))
