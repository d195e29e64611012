"""Scan: every item of a table or an index, or of one segment of it, in token order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..capacity import report_of
from ..errors import ValidationException
from ..item_keys import key_of_item
from ..keys import segment_tokens
from ..legacy import LEGACY_MEMBERS, uses_legacy
from ..pages import PageRow, read_page
from ..storage import Reader
from .expressions import placeholders_of
from .operation import Answer, DatabaseParts, Present, Request
from .reading import Selection, StartKey, index_of, last_key_getter, report_page

_EXPRESSIONS = ("ProjectionExpression", "FilterExpression")
SCAN_EXPRESSIONS = ("FilterExpression", "ProjectionExpression")
"""The same, in the order of the errors about placeholders."""

_LEGACY = frozenset(("AttributesToGet", "ScanFilter", "ConditionalOperator"))


def scan(database: DatabaseParts, request: Request, present: Present) -> Callable[[Any], Answer]:
    legacy = not LEGACY_MEMBERS.isdisjoint(request) and uses_legacy(request, _LEGACY, _EXPRESSIONS)
    placeholders = placeholders_of(request, *SCAN_EXPRESSIONS)
    selection = Selection(request, placeholders, "ScanFilter" if legacy else None)
    placeholders.check_all_used()
    low, high = segment_of(request)
    table = database.catalog.table(request["TableName"])
    index = index_of(table, request)
    space = table.space if index is None else index.space
    start = request.get("ExclusiveStartKey")
    after = None
    if start is not None:
        after = StartKey(table, index, start, gives_reason=index is None).address
    if after is not None and not low <= after[0] <= high:
        raise ValidationException(
            "The provided starting key is invalid: Invalid ExclusiveStartKey. Please use "
            "ExclusiveStartKey with correct Segment. TotalSegments: "
            f"{request['TotalSegments']} Segment: {request['Segment']}"
        )
    selection.check_paths(table)
    last_key = last_key_getter(table, index)
    consistent = bool(request.get("ConsistentRead"))
    heat = database.heat

    def work(reader: Reader) -> Answer:
        rules = selection.rules(table, index, reader)
        found = reader.scan(space, after=after, token_low=low, token_high=high)
        rows = (PageRow(row.size, row.body) for row in found)
        page = read_page(rows, rules, present)
        answer = page.answer(rules, last_key)
        if heat.random() < heat.chance and index is None:
            first = low if after is None else after[0]
            last = high if page.last is None else key_of_item(table, page.last).token
            heat.note_scan(table, (first, last), page.scanned_bytes, consistent=consistent)
        report = report_of(request)
        if report is None:
            return answer
        report_page(report, table, index, page, rules, consistent=consistent)
        return report.add_to(answer)

    return work


def segment_of(request: Request) -> tuple[int, int]:
    segment, segments = request.get("Segment"), request.get("TotalSegments")
    if segments is None and segment is None:
        return segment_tokens(0, 1)
    if segments is None:
        raise ValidationException(
            "The TotalSegments parameter is required but was not present in the request when "
            "Segment parameter is present"
        )
    if segment is None:
        raise ValidationException(
            "The Segment parameter is required but was not present in the request when parameter "
            "TotalSegments is present"
        )
    if segment >= segments:
        raise ValidationException(
            "The Segment parameter is zero-based and must be less than parameter TotalSegments: "
            f"Segment: {segment} is not less than TotalSegments: {segments}"
        )
    return segment_tokens(segment, segments)
