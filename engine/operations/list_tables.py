"""ListTables: the names of the tables, in order, up to 100 a page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .operation import Answer, DatabaseParts, Present, Request

NAMES_MAX = 100


def list_tables(
    database: DatabaseParts, request: Request, present: Present
) -> Callable[[Any], Answer]:
    start = request.get("ExclusiveStartTableName")
    limit = request.get("Limit") or NAMES_MAX

    def work(reader: Any) -> Answer:
        names = sorted(database.catalog.tables)
        if start is not None:
            names = [name for name in names if name > start]
        answer: Answer = {"TableNames": names[:limit]}
        if len(names) > limit:
            answer["LastEvaluatedTableName"] = names[limit - 1]
        return answer

    return work
