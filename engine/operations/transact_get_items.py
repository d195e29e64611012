"""TransactGetItems: up to 100 items, all read at one moment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..capacity import TRANSACTION_FACTOR, report_of
from ..errors import ValidationException, cancellation
from ..expressions import Projection
from ..item_keys import ItemKey, key_of_request
from ..schema import Table
from ..storage import Reader
from ..values import Item
from .expressions import placeholders_of
from .get_item import projection_of, shown
from .operation import Answer, DatabaseParts, Present, Request


def transact_get_items(
    database: DatabaseParts, request: Request, present: Present
) -> Callable[[Any], Answer]:
    gets = [_bind_get(database, each["Get"]) for each in request["TransactItems"]]
    plans = _locate_gets(gets)
    if len({(table.name, key.address) for table, key, _ in plans}) < len(plans):
        raise ValidationException(
            "Transaction request cannot include multiple operations on one item"
        )

    heat = database.heat

    def work(reader: Reader) -> Answer:
        responses = []
        report = report_of(request, factor=TRANSACTION_FACTOR)
        for table, key, projection in plans:
            row = reader.get(table.space, *key.address)
            responses.append({} if row is None else {"Item": shown(row[1], projection, present)})
            size = row[0] if row else 0
            if heat.random() < heat.chance:
                heat.note_get(table, key, size, consistent=True, factor=TRANSACTION_FACTOR)
            if report is not None:
                report.add_read(table, size, consistent=True)
        answer: Answer = {"Responses": responses}
        return answer if report is None else report.add_lists_to(answer, kind="Read")

    return work


def _bind_get(database: DatabaseParts, request: Request) -> tuple[Table, Item, Projection | None]:
    placeholders = placeholders_of(request, "ProjectionExpression")
    projection = projection_of(request, placeholders)
    placeholders.check_all_used()
    return database.catalog.table(request["TableName"]), request["Key"], projection


def _locate_gets(
    gets: list[tuple[Table, Item, Projection | None]],
) -> list[tuple[Table, ItemKey, Projection | None]]:
    """The gets with their encoded keys; one bad key cancels the transaction, told by its reason."""
    plans, reasons = [], []
    for table, key, projection in gets:
        try:
            plans.append((table, key_of_request(table, key), projection))
            reasons.append({"Code": "None"})
        except ValidationException as error:
            reasons.append({"Code": "ValidationError", "Message": error.message})
    if len(plans) < len(gets):
        raise cancellation(reasons)
    return plans
