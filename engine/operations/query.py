"""Query: the items of one partition key, in the order of the sort key."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ..capacity import report_of
from ..errors import ValidationException
from ..expressions import KeyCondition, Placeholders, bind_key_condition
from ..keys import after_prefix, encode_part, sort_range, token_of
from ..legacy import LEGACY_MEMBERS, key_condition_from, uses_legacy
from ..pages import PageRow, read_page
from ..partitions.heat import QueriedKey
from ..schema import Index, KeySchema, Table
from ..storage import Reader
from ..values import AttributeValue
from .expressions import placeholders_of
from .operation import Answer, DatabaseParts, Present, Request
from .reading import Selection, StartKey, check_filter_keys, index_of, last_key_getter, report_page

_EXPRESSIONS = ("ProjectionExpression", "FilterExpression", "KeyConditionExpression")
QUERY_EXPRESSIONS = ("FilterExpression", "KeyConditionExpression", "ProjectionExpression")
"""The same, in the order of the errors about placeholders."""

_LEGACY = frozenset(("AttributesToGet", "QueryFilter", "ConditionalOperator", "KeyConditions"))


def query(database: DatabaseParts, request: Request, present: Present) -> Callable[[Any], Answer]:
    legacy = not LEGACY_MEMBERS.isdisjoint(request) and uses_legacy(request, _LEGACY, _EXPRESSIONS)
    placeholders = placeholders_of(request, *QUERY_EXPRESSIONS)
    selection = Selection(request, placeholders, "QueryFilter" if legacy else None)
    if selection.limit is not None and selection.limit < 1:
        raise ValidationException(
            "1 validation error detected: Value at 'Limit' failed to satisfy constraint: "
            "Member must have value greater than or equal to 1"
        )
    condition = key_condition_of(request, placeholders)
    placeholders.check_all_used()
    table = database.catalog.table(request["TableName"])
    index = index_of(table, request)
    key = table.key if index is None else index.key
    read_range = QueryRange(table, index, key, condition, request)
    check_filter_keys(selection, key)
    selection.check_paths(table)
    last_key = last_key_getter(table, index)
    consistent = bool(request.get("ConsistentRead"))
    heat = database.heat

    def work(reader: Reader) -> Answer:
        rules = selection.rules(table, index, reader)
        page = read_page(read_range.rows(reader), rules, present)
        if heat.random() < heat.chance and (index is None or index.is_local):
            heat.note_query(table, read_range.key, page.scanned_bytes, consistent=consistent)
        answer = page.answer(rules, last_key)
        report = report_of(request)
        if report is None:
            return answer
        report_page(report, table, index, page, rules, consistent=consistent)
        return report.add_to(answer)

    return work


def key_condition_of(request: Request, placeholders: Placeholders) -> KeyCondition:
    text = request.get("KeyConditionExpression")
    if text is not None:
        return bind_key_condition(text, placeholders)
    conditions = request.get("KeyConditions")
    if conditions is not None:
        return key_condition_from(conditions)
    raise ValidationException(
        "Either the KeyConditions or KeyConditionExpression parameter must be specified in the "
        "request."
    )


class QueryRange:
    """The rows a key condition selects, from the start key on, in the direction asked for."""

    def __init__(
        self,
        table: Table,
        index: Index | None,
        key: KeySchema,
        condition: KeyCondition,
        request: Request,
    ) -> None:
        types = table.attribute_types
        self.space = table.space if index is None else index.space
        self.reverse = request.get("ScanIndexForward") is False
        values, sorts = condition.for_schema(key.partitions, key.sorts)
        self.pk = _encoded(types, key.partitions, values)
        self.token = token_of(self.pk)
        self.key = QueriedKey(self.token, values[0])
        self.low, self.high = b"", None
        if sorts:
            self._narrow(types, key.sorts[: len(sorts)], sorts)
        start = request.get("ExclusiveStartKey")
        if start is not None:
            self._start_behind(
                StartKey(table, index, start, gives_reason=False), has_range=bool(sorts)
            )

    low: bytes
    high: bytes | None

    def _narrow(
        self,
        types: dict[str, str],
        names: tuple[str, ...],
        conditions: list[tuple[str, list[AttributeValue]]],
    ) -> None:
        """Takes the conditions on the first sort attributes, of which all but the last are `=`."""
        kind = types[names[-1]]
        operator, operands = conditions[-1]
        contents = [content_of(kind, operand) for operand in operands]
        self.low, self.high = sort_range(kind, operator, contents)
        if len(names) > 1:
            equal = [value for _, (value,) in conditions[:-1]]
            prefix = _encoded(types, names[:-1], equal)
            self.low = prefix + self.low
            self.high = after_prefix(prefix) if self.high is None else prefix + self.high

    def _start_behind(self, start: StartKey, *, has_range: bool) -> None:
        if start.sk < self.low or (self.high is not None and start.sk >= self.high):
            raise ValidationException(
                "The provided starting key does not match the range key predicate"
            )
        if start.pk != self.pk:
            raise ValidationException(
                "The query can return at most one row and cannot be restarted"
                if has_range
                else "The provided starting key is outside query boundaries based on provided "
                "conditions"
            )
        if self.reverse:
            self.high = start.sk if self.high is None else min(self.high, start.sk)
        else:
            self.low = max(self.low, start.sk + b"\x00")

    def rows(self, reader: Reader) -> Iterator[PageRow]:
        found = reader.query(
            self.space,
            self.token,
            self.pk,
            low=self.low,
            high=self.high,
            reverse=self.reverse,
        )
        return (PageRow(size, body) for _, size, body in found)


def _encoded(types: dict[str, str], names: tuple[str, ...], values: list[AttributeValue]) -> bytes:
    """The values of key attributes, one behind the other."""
    encoded = b""
    for position, name in enumerate(names):
        kind = types[name]
        encoded += encode_part(kind, content_of(kind, values[position]))
    return encoded


def content_of(expected: str, value: AttributeValue) -> Any:
    """The content of a key condition's value. Raises ValidationException for another type."""
    if expected not in value:
        raise ValidationException(
            "One or more parameter values were invalid: "
            "Condition parameter type does not match schema type"
        )
    return value[expected]
