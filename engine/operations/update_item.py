"""UpdateItem: changes attributes of an item by an expression, or creates it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..expressions import Placeholders, Update, bind_update, updated_values
from ..legacy import LEGACY_MEMBERS, update_from_attributes, uses_legacy
from ..writes import Decision, UpdateWrite
from .expressions import condition_of, expected_of, placeholders_of
from .operation import Answer, DatabaseParts, Present, Request
from .single_write import write_one

_EXPRESSIONS = ("UpdateExpression", "ConditionExpression")
_LEGACY = frozenset(("AttributeUpdates", "Expected", "ConditionalOperator"))


def update_item(
    database: DatabaseParts, request: Request, present: Present
) -> Callable[[Any], Answer]:
    returns = request.get("ReturnValues") or "NONE"
    legacy = not LEGACY_MEMBERS.isdisjoint(request) and uses_legacy(request, _LEGACY, _EXPRESSIONS)
    placeholders = placeholders_of(request, "UpdateExpression", "ConditionExpression")
    if legacy:
        update = update_from_attributes(request.get("AttributeUpdates") or {})
        condition = expected_of(request)
    else:
        update = update_of(request, placeholders)
        condition = condition_of(request, placeholders)
    placeholders.check_all_used()
    write = UpdateWrite(request["Key"], update, condition)

    def answer(decision: Decision) -> Answer:
        return {} if returns == "NONE" else _returned(returns, decision, update, present)

    return write_one(database, request, write, answer)


def update_of(request: Request, placeholders: Placeholders) -> Update | None:
    text = request.get("UpdateExpression")
    return None if text is None else bind_update(text, placeholders)


def _returned(returns: str, decision: Decision, update: Update | None, present: Present) -> Answer:
    which, _, when = returns.partition("_")
    stored = decision.old if when == "OLD" else decision.new
    if stored is None:
        return {}
    if which == "ALL":
        return {"Attributes": present(stored.body)}
    part = updated_values(update, stored.item) if update is not None else {}
    return {"Attributes": part} if part else {}
