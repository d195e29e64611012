"""PutItem: replaces an item whole, or creates it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..items import Decision, PutWrite
from .expressions import condition_of, placeholders_of
from .operation import Answer, Present, Request
from .single_write import check_return_values, write_one

if TYPE_CHECKING:
    from ..database import Database


def put_item(database: Database, request: Request, present: Present) -> Callable[[Any], Answer]:
    returns = check_return_values(request, "ALL_OLD")
    placeholders = placeholders_of(request, "ConditionExpression")
    condition = condition_of(request, placeholders)
    placeholders.check_all_used()
    write = PutWrite(request["Item"], condition)

    def answer(decision: Decision) -> Answer:
        if returns == "ALL_OLD" and decision.old is not None:
            return {"Attributes": present(decision.old.body)}
        return {}

    return write_one(database, request, write, answer)
