"""ExecuteStatement: one statement of PartiQL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..errors import ValidationException
from ..expressions import updated_values
from ..partiql import Delete, Exists, Select, Update, bind_statement, parse_statement, write_of
from ..writes import Decision, UpdateWrite, Write
from .operation import Answer, DatabaseParts, Mode, Present, Request
from .selecting import select_page
from .single_write import write_one


def statement_mode(request: Request) -> Mode:
    return Mode.READ if parse_statement(request["Statement"]).reads else Mode.WRITE


def execute_statement(
    database: DatabaseParts, request: Request, present: Present
) -> Callable[[Any], Answer]:
    statement = bind_statement(request["Statement"], request.get("Parameters"))
    command = statement.command
    if isinstance(command, Select):
        return select_page(database, request, statement, present)
    if isinstance(command, Exists):
        raise ValidationException("EXISTS is only supported in ExecuteTransaction")
    write = write_of(statement, database.catalog.table(command.table))
    returns = command.returning if isinstance(command, Update | Delete) else "NONE"

    def answer(decision: Decision) -> Answer:
        returned = returned_item(returns, decision, write, present)
        return {"Items": [] if returned is None else [returned]}

    return write_one(database, {**request, "TableName": command.table}, write, answer)


def returned_item(returns: str, decision: Decision, write: Write, present: Present) -> Any:
    """What RETURNING asks for of a write; None where there is nothing."""
    which, _, when = returns.partition("_")
    stored = {"OLD": decision.old, "NEW": decision.new}.get(when)
    if stored is None:
        return None
    if which == "ALL":
        return present(stored.body)
    assert isinstance(write, UpdateWrite) and write.update is not None, "only UPDATE modifies"
    return updated_values(write.update, stored.item)
