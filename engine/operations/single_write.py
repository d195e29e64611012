"""What PutItem, UpdateItem and DeleteItem share: one write, decided and applied in one work."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..capacity import report_of
from ..errors import ConditionalCheckFailedException, ValidationException
from ..items import Decision, Write
from ..storage import Transaction

if TYPE_CHECKING:
    from ..database import Database

Request = dict[str, Any]
Answer = dict[str, Any]


def write_one(
    database: Database,
    request: Request,
    write: Write,
    answer: Callable[[Decision], Answer],
) -> Callable[[Transaction], Answer]:
    """The work of a single write: `answer` makes the response of what was decided."""
    catalog, writer, clock = database.catalog, database.writer, database.clock
    table = catalog.table(request["TableName"])
    key = write.locate(table)
    shows_item = request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"

    def work(transaction: Transaction) -> Answer:
        current_table, current_key = table, key
        if catalog.tables.get(table.name) is not table:
            current_table = catalog.table(request["TableName"])
            current_key = write.locate(current_table)
        try:
            decision = writer.decide(transaction, current_table, current_key, write)
        except ConditionalCheckFailedException as error:
            if not shows_item:
                error.item = None
            raise
        writer.apply(transaction, current_table, current_key, decision, at_ms=clock.now_ms())
        report = report_of(request)
        if report is None:
            return answer(decision)
        report.add_write(transaction, current_table, current_key, decision)
        return report.add_to(answer(decision))

    return work


def check_return_values(request: Request, *allowed: str) -> str:
    """The request's ReturnValues. Raises ValidationException where the operation lacks it."""
    value: str = request.get("ReturnValues") or "NONE"
    if value not in ("NONE", *allowed):
        raise ValidationException("ReturnValues can only be ALL_OLD or NONE")
    return value
