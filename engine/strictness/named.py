"""What a request on items names: its tables and indexes, and how it reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ..catalog import Catalog
from ..errors import ValidationException
from ..partiql import Select, parse_statement
from ..schema import Table

Request = dict[str, Any]

TRANSACTIONS = frozenset(
    {"ExecuteTransaction", "TransactGetItems", "TransactWriteItems"},
)


def tables_named(request: Request) -> Iterator[tuple[str, str | None]]:
    """The tables a request is about, by name or ARN, each with the index that is read, if any."""
    if "TableName" in request:
        yield request["TableName"], request.get("IndexName")
    for name in request.get("RequestItems") or ():
        yield name, None
    for action in request.get("TransactItems") or ():
        for body in action.values():
            if body is not None:
                yield body["TableName"], None
    for each in statements_of(request):
        try:
            command = parse_statement(each["Statement"]).command
        except ValidationException:
            continue  # Whoever answers it tells what is wrong.
        yield command.table, command.index if isinstance(command, Select) else None


def statements_of(request: Request) -> list[Request]:
    """The statements of PartiQL in a request, each with the parameters that go with it."""
    if "Statement" in request:
        return [request]
    statements: list[Request] = request.get("Statements") or request.get("TransactStatements") or []
    return statements


def consistency_of(operation: str, request: Request, catalog: Catalog) -> Callable[[Table], bool]:
    """Tells of each table whether the request reads it consistently.

    One statement of a batch that asks for it makes the batch's reads of its table consistent.
    """
    if operation in TRANSACTIONS:
        return lambda table: True
    if operation == "BatchGetItem":
        names = [name for name, each in request["RequestItems"].items() if _asks(each)]
    elif operation == "BatchExecuteStatement":
        asking = {"Statements": [each for each in request["Statements"] if _asks(each)]}
        names = [name for name, _ in tables_named(asking)]
    else:
        asks = _asks(request)
        return lambda table: asks
    consistent = {catalog.table(name).name for name in names}
    return lambda table: table.name in consistent


def _asks(request: Request) -> bool:
    return bool(request.get("ConsistentRead"))
