"""DeleteTable: removes a table with its items and indexes; its stream stays readable."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..backfill import forget_reached
from ..errors import ValidationException
from ..storage import Transaction
from .describe_table import description_of, table_to_manage
from .operation import Answer, DatabaseParts, Present, Request


def delete_table(
    database: DatabaseParts, request: Request, present: Present
) -> Callable[[Any], Answer]:
    name = request["TableName"]
    table_to_manage(database.catalog, name)

    def work(transaction: Transaction) -> Answer:
        table = table_to_manage(database.catalog, name)
        if table.deletion_protection:
            raise ValidationException(
                "Resource cannot be deleted as it is currently protected against deletion. "
                "Disable deletion protection first."
            )
        description = description_of(table, transaction, database.clock.now_ms(), "DELETING")
        for index in table.indexes:
            transaction.drop_space(index.space)
            if index.is_backfilling:
                forget_reached(transaction, index)
        if table.collection_space is not None:
            transaction.drop_space(table.collection_space)
        if table.time_to_live is not None:
            transaction.drop_space(table.time_to_live.space)
        transaction.drop_space(table.space)
        database.catalog.change(transaction, table, None)
        return {"TableDescription": description}

    return work
