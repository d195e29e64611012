"""ExecuteTransaction: up to 100 statements that happen together, or are read at one moment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..capacity import TRANSACTION_FACTOR, report_of
from ..errors import ValidationException
from ..partiql import BoundStatement, Select, bind_statement, parse_statement, write_of
from ..storage import Reader, Transaction
from .operation import Answer, DatabaseParts, Mode, Present, Request
from .selecting import SelectedItem
from .transact_write_items import Action, write_together


def transaction_mode(request: Request) -> Mode:
    statements = [parse_statement(each["Statement"]) for each in request["TransactStatements"]]
    return Mode.READ if all(each.reads for each in statements) else Mode.WRITE


def execute_transaction(
    database: DatabaseParts, request: Request, present: Present
) -> Callable[[Any], Answer]:
    requested = request["TransactStatements"]
    statements = [bind_statement(each["Statement"], each.get("Parameters")) for each in requested]
    reads = [isinstance(each.command, Select) for each in statements]
    if all(reads):
        return _read_together(database, request, statements, present)
    if any(reads):
        raise ValidationException(
            "ExecuteTransaction must consist of either only read or only write statements"
        )
    actions = [
        _action_of(database, each, asked) for each, asked in zip(statements, requested, strict=True)
    ]
    write = write_together(database, request, actions, requested)

    def work(transaction: Transaction) -> Answer:
        return {"Responses": [{} for _ in actions], **write(transaction)}

    return work


def _action_of(database: DatabaseParts, statement: BoundStatement, request: Request) -> Action:
    name = statement.command.table
    write = write_of(statement, database.catalog.table(name))
    return Action(name, write, request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD")


def _read_together(
    database: DatabaseParts, request: Request, statements: list[BoundStatement], present: Present
) -> Callable[[Any], Answer]:
    selected = [SelectedItem(database, each) for each in statements]
    if len({(each.table.name, each.key.address) for each in selected}) < len(selected):
        raise ValidationException(
            "Transaction request cannot include multiple operations on one item"
        )

    def work(reader: Reader) -> Answer:
        report = report_of(request, factor=TRANSACTION_FACTOR)
        responses = [each.read(reader, present, report, consistent=True) for each in selected]
        answer: Answer = {"Responses": responses}
        return answer if report is None else report.add_lists_to(answer, kind="Read")

    return work
