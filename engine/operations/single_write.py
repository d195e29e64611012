"""What PutItem, UpdateItem and DeleteItem share: one write, decided and applied in one work."""

from __future__ import annotations

from collections.abc import Callable

from ..capacity import report_of
from ..errors import ConditionalCheckFailedException, ValidationException
from ..expressions import Condition
from ..legacy import LEGACY_MEMBERS, uses_legacy
from ..storage import Transaction
from ..writes import Decision, Write
from .expressions import condition_of, expected_of, placeholders_of
from .operation import Answer, DatabaseParts, Present, Request

_EXPRESSIONS = ("ConditionExpression",)
_LEGACY = frozenset(("Expected", "ConditionalOperator"))
_CONDITIONAL = LEGACY_MEMBERS | {
    "ConditionExpression",
    "ExpressionAttributeNames",
    "ExpressionAttributeValues",
}


def write_one(
    database: DatabaseParts,
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


def old_item_getter(request: Request, present: Present) -> Callable[[Decision], Answer]:
    """Makes the answer of a put or delete: the item that stood there, where ALL_OLD asks for it."""
    if check_return_values(request, "ALL_OLD") != "ALL_OLD":
        return _answer_nothing

    def answer(decision: Decision) -> Answer:
        if decision.old is not None:
            return {"Attributes": present(decision.old.body)}
        return {}

    return answer


def _answer_nothing(decision: Decision) -> Answer:
    return {}


def condition_of_write(request: Request) -> Condition | None:
    """The condition of a put or delete, by expression or by its legacy parameters."""
    if _CONDITIONAL.isdisjoint(request):
        return None
    legacy = uses_legacy(request, _LEGACY, _EXPRESSIONS)
    placeholders = placeholders_of(request, *_EXPRESSIONS)
    condition = expected_of(request) if legacy else condition_of(request, placeholders)
    placeholders.check_all_used()
    return condition


def check_return_values(request: Request, *allowed: str) -> str:
    """The request's ReturnValues. Raises ValidationException where the operation lacks it."""
    value: str = request.get("ReturnValues") or "NONE"
    if value not in ("NONE", *allowed):
        raise ValidationException("ReturnValues can only be ALL_OLD or NONE")
    return value
