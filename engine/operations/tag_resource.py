"""TagResource: gives a table tags, replacing the values of keys it has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ..errors import ValidationException
from ..storage import Transaction
from ..tags import check_table_arn, check_tag_count, tagged_table, tags_of
from .operation import Answer, DatabaseParts, Present, Request


def tag_resource(
    database: DatabaseParts, request: Request, present: Present
) -> Callable[[Any], Answer]:
    arn = request["ResourceArn"]
    check_table_arn(arn)
    if not request["Tags"]:
        raise ValidationException("Atleast one Tag needs to be provided as Input.")
    tags = tags_of(request["Tags"])
    tagged_table(database.catalog, arn)

    def work(transaction: Transaction) -> Answer:
        table = tagged_table(database.catalog, arn)
        merged = {**table.tags, **tags}
        check_tag_count(merged)
        database.catalog.change(transaction, table, replace(table, tags=merged))
        return {}

    return work
