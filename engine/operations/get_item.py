"""GetItem: reads one item by its key."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from ..capacity import report_of
from ..expressions import Placeholders, Projection, bind_projection
from ..item_keys import key_of_request
from ..key_paths import check_not_entered
from ..legacy import projection_from_names, uses_legacy
from .expressions import placeholders_of
from .operation import Answer, DatabaseParts, Present, Request

_EXPRESSIONS = ("ProjectionExpression",)
_LEGACY = frozenset(("AttributesToGet",))
_PROJECTING = _LEGACY | {
    "ProjectionExpression",
    "ExpressionAttributeNames",
    "ExpressionAttributeValues",
}


def get_item(
    database: DatabaseParts, request: Request, present: Present
) -> Callable[[Any], Answer]:
    projection = requested_projection(request)
    table = database.catalog.table(request["TableName"])
    if projection is not None and projection.entered:
        check_not_entered(table, projection.entered)
    key = key_of_request(table, request["Key"])
    heat = database.heat

    def work(reader: Any) -> Answer:
        row = reader.get(table.space, *key.address)
        if heat.random() < heat.chance:
            consistent = bool(request.get("ConsistentRead"))
            heat.note_get(table, key, 0 if row is None else row[0], consistent=consistent)
        answer = {} if row is None else {"Item": shown(row[1], projection, present)}
        report = report_of(request)
        if report is None:
            return answer
        consistent = bool(request.get("ConsistentRead"))
        report.add_read(table, 0 if row is None else row[0], consistent=consistent)
        return report.add_to(answer)

    return work


def requested_projection(request: Request) -> Projection | None:
    """The projection of a request that has no other expression, or AttributesToGet instead."""
    if _PROJECTING.isdisjoint(request):
        return None
    legacy = "AttributesToGet" in request and uses_legacy(request, _LEGACY, _EXPRESSIONS)
    placeholders = placeholders_of(request, "ProjectionExpression")
    if legacy:
        return projection_from_names(request["AttributesToGet"])
    projection = projection_of(request, placeholders)
    placeholders.check_all_used()
    return projection


def projection_of(request: Request, placeholders: Placeholders) -> Projection | None:
    text = request.get("ProjectionExpression")
    return None if text is None else bind_projection(text, placeholders)


def shown(body: bytes, projection: Projection | None, present: Present) -> Any:
    """A stored item as an answer shows it."""
    return present(body) if projection is None else projection.project(orjson.loads(body))
