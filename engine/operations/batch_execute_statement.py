"""BatchExecuteStatement: up to 25 statements about one item each, each on its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..capacity import Report, report_of
from ..errors import (
    ConditionalCheckFailedException,
    DynamoDBError,
    ThrottledError,
    ValidationException,
)
from ..partiql import Delete, Exists, Select, Update, bind_statement, parse_statement, write_of
from ..storage import Transaction
from .execute_statement import returned_item
from .operation import Answer, DatabaseParts, Mode, Present, Request
from .selecting import SelectedItem


def batch_mode(request: Request) -> Mode:
    return Mode.READ if all(map(_may_read, request["Statements"])) else Mode.WRITE


def batch_execute_statement(
    database: DatabaseParts, request: Request, present: Present
) -> Callable[[Any], Answer]:
    statements = request["Statements"]
    if len({_may_read(each) for each in statements if _is_well_formed(each)}) > 1:
        raise ValidationException(
            "BatchExecuteStatement must consist of either only read or only write statements"
        )

    def work(transaction: Transaction) -> Answer:
        report = report_of(request)
        responses = [_response(database, transaction, each, present, report) for each in statements]
        answer: Answer = {"Responses": responses}
        return answer if report is None else report.add_lists_to(answer)

    return work


def _is_well_formed(request: Request) -> bool:
    try:
        parse_statement(request["Statement"])
    except ValidationException:
        return False
    return True


def _may_read(request: Request) -> bool:
    """Whether a statement can run without a writer; one that is malformed only meets its error."""
    return not _is_well_formed(request) or parse_statement(request["Statement"]).reads


def _response(
    database: DatabaseParts,
    transaction: Transaction,
    request: Request,
    present: Present,
    report: Report | None,
) -> dict[str, Any]:
    try:
        return _run(database, transaction, request, present, report)
    except DynamoDBError as error:
        failure = {"Code": _code_of(error), "Message": error.message}
        shows_item = request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
        response: dict[str, Any] = {"Error": failure}
        if isinstance(error, ConditionalCheckFailedException) and shows_item and error.item:
            failure["Item"] = error.item
        return response


def _code_of(error: DynamoDBError) -> str:
    if isinstance(error, ThrottledError):
        return error.reason_code
    code = error.code.removesuffix("Exception")
    return "ValidationError" if code == "Validation" else code


def _run(
    database: DatabaseParts,
    transaction: Transaction,
    request: Request,
    present: Present,
    report: Report | None,
) -> dict[str, Any]:
    statement = bind_statement(request["Statement"], request.get("Parameters"))
    command = statement.command
    if isinstance(command, Select):
        selected = SelectedItem(database, statement)
        consistent = bool(request.get("ConsistentRead"))
        found = selected.read(transaction, present, report, consistent=consistent)
        return {"TableName": selected.table.name, **found}
    if isinstance(command, Exists):
        raise ValidationException("EXISTS is only supported in ExecuteTransaction")
    table = database.catalog.table(command.table)
    write = write_of(statement, table)
    key = write.locate(table)
    decision = database.writer.decide(transaction, table, key, write)
    database.writer.apply(transaction, table, key, decision, at_ms=database.clock.now_ms())
    if report is not None:
        report.add_write(transaction, table, key, decision)
    returns = command.returning if isinstance(command, Update | Delete) else "NONE"
    returned = returned_item(returns, decision, write, present)
    response: dict[str, Any] = {"TableName": table.name}
    return response if returned is None else {**response, "Item": returned}
