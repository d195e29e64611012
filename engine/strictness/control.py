"""Operations on tables whose effects take their time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..errors import ResourceNotFoundException
from ..operations.describe_table import description_of, table_to_manage
from ..operations.operation import Answer, Operation, Present, Request
from ..storage import Transaction
from .parts import Parts
from .statuses import Statuses

if TYPE_CHECKING:
    from ..database import Database

Work = Callable[[Any], Answer]

CHANGES = frozenset({"CreateTable", "DeleteTable", "UpdateTable", "UpdateTimeToLive"})
"""The operations that meet a table which is still changing."""


def prepare_slowly(
    database: Database,
    statuses: Statuses,
    name: str,
    operation: Operation,
    request: Request,
    present: Present,
) -> Work:
    """The work of an operation on tables, with the statuses of what it is about."""
    if name == "ListTables":
        parts = Parts.of(database)._replace(catalog=statuses.listed())
        return operation.prepare(parts, request, present)
    if name == "DescribeTable":
        described = statuses.deleted_description(request["TableName"])
        if described is not None:
            return lambda reader: {"Table": described}
        tell = operation.prepare(database, request, present)
        return lambda reader: {"Table": statuses.tell(tell(reader)["Table"])}
    if name not in CHANGES:
        return operation.prepare(database, request, present)
    if request.get("TableName") is not None:
        statuses.check_change(name, request)
    change = operation.prepare(database, request, present)

    def work(transaction: Transaction) -> Answer:
        # Whatever was prepared before it may have been changed since.
        statuses.check_change(name, request)
        old = _table_before(database, name, request)
        at_ms = database.clock.now_ms()
        before = {} if old is None else description_of(old, transaction, at_ms)
        answer = change(transaction)
        description = answer.get("TableDescription", {})

        def note() -> None:
            # After the catalog's own callback, so that the tables are those of now.
            if name == "CreateTable":
                statuses.note_created(description["TableName"])
            elif old is not None and name == "DeleteTable":
                statuses.note_deleted(old, before)
            elif old is not None and name == "UpdateTable":
                statuses.note_updated(old, database.catalog.tables[old.name], before)
            if name in ("CreateTable", "UpdateTable"):
                # The answer has not left yet: it waits for the commit, as this did.
                answer["TableDescription"] = statuses.tell(description)

        transaction.after_commit(note)
        return answer

    return work


def _table_before(database: Database, name: str, request: Request) -> Any:
    if name == "CreateTable":
        return None
    try:
        return table_to_manage(database.catalog, request["TableName"])
    except ResourceNotFoundException:
        return None
