"""UntagResource: takes tags from a table; keys it does not have do not matter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ..errors import ValidationException
from ..storage import Transaction
from ..tags import check_table_arn
from .operation import Answer, DatabaseParts, Present, Request


def untag_resource(
    database: DatabaseParts, request: Request, present: Present
) -> Callable[[Any], Answer]:
    arn = request["ResourceArn"]
    check_table_arn(arn)
    if not request["TagKeys"]:
        raise ValidationException("Atleast one Tag Key needs to be provided as Input.")
    removed = set(request["TagKeys"])
    database.catalog.table(arn)

    def work(transaction: Transaction) -> Answer:
        table = database.catalog.table(arn)
        kept = {key: value for key, value in table.tags.items() if key not in removed}
        database.catalog.change(transaction, table, replace(table, tags=kept))
        return {}

    return work
