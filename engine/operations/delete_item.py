"""DeleteItem: removes an item, if there is one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..items import Decision, DeleteWrite
from ..legacy import LEGACY_MEMBERS, uses_legacy
from .expressions import condition_of, expected_of, placeholders_of
from .operation import Answer, Present, Request
from .single_write import check_return_values, write_one

if TYPE_CHECKING:
    from ..database import Database

_EXPRESSIONS = ("ConditionExpression",)
_LEGACY = frozenset(("Expected", "ConditionalOperator"))


def delete_item(database: Database, request: Request, present: Present) -> Callable[[Any], Answer]:
    returns = check_return_values(request, "ALL_OLD")
    legacy = not LEGACY_MEMBERS.isdisjoint(request) and uses_legacy(request, _LEGACY, _EXPRESSIONS)
    placeholders = placeholders_of(request, "ConditionExpression")
    condition = expected_of(request) if legacy else condition_of(request, placeholders)
    placeholders.check_all_used()
    write = DeleteWrite(request["Key"], condition)

    def answer(decision: Decision) -> Answer:
        if returns == "ALL_OLD" and decision.old is not None:
            return {"Attributes": present(decision.old.body)}
        return {}

    return write_one(database, request, write, answer)
