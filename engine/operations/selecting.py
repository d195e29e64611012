"""What a SELECT reads: one item by its key, or a page of a table or an index."""

from __future__ import annotations

import binascii
import hashlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from functools import cmp_to_key
from itertools import chain
from typing import Any

import orjson

from ..capacity import Report, report_of
from ..errors import SerializationException, ValidationException
from ..expressions import KeyCondition, Placeholders, key_clause
from ..item_keys import key_of_request
from ..keys import segment_tokens
from ..pages import PageRow, read_page
from ..partiql import (
    BoundStatement,
    Clause,
    Select,
    clause_of,
    conjuncts,
    joined,
    key_of_where,
    projection_of,
)
from ..schema import Index, KeySchema, Table
from ..storage import Reader
from ..values import AttributeValue, Item, compare_values, normalise_item, values_equal
from .operation import Answer, DatabaseParts, Present, Request
from .query import QueryRange
from .reading import Selection, StartKey, index_of, last_key_getter, report_page

INVALID_TOKEN = "Given NextToken is invalid"


class SelectedItem:
    """The one item that a SELECT with a whole key is about."""

    def __init__(self, database: DatabaseParts, statement: BoundStatement) -> None:
        select, values = statement
        assert isinstance(select, Select), "only a SELECT reads"
        if select.index is not None:
            raise ValidationException("A SELECT of one item cannot read an index")
        self.table = database.catalog.table(select.table)
        key, rest = key_of_where(self.table, select.where, values)
        self.key = key_of_request(self.table, key)
        self._condition = joined(rest, values)
        self._projection = projection_of(select)
        self._heat = database.heat

    def read(
        self, reader: Reader, present: Present, report: Report | None, *, consistent: bool
    ) -> dict[str, Any]:
        """As a member of `Responses`: with the item, if there is one that is selected."""
        row = reader.get(self.table.space, *self.key.address)
        size = row[0] if row else 0
        if self._heat.random() < self._heat.chance:
            self._heat.note_get(self.table, self.key, size, consistent=consistent)
        if report is not None:
            report.add_read(self.table, size, consistent=consistent)
        if row is None:
            return {}
        if self._condition is None and self._projection is None:
            return {"Item": present(row[1])}
        item = orjson.loads(row[1])
        if self._condition is not None and not self._condition.matches(item):
            return {}
        return {"Item": present(row[1]) if self._projection is None else self._shown(item)}

    def _shown(self, item: Item) -> Item:
        assert self._projection is not None, "asked only where there is one"
        return self._projection.project(item)


def select_page(
    database: DatabaseParts, request: Request, statement: BoundStatement, present: Present
) -> Callable[[Any], Answer]:
    """The work of a SELECT: a page of what it selects, and the token of the next."""
    select, values = statement
    assert isinstance(select, Select), "only a SELECT reads"
    table = database.catalog.table(select.table)
    index = index_of(table, {**request, "IndexName": select.index})
    digest = _digest_of(request)
    start = _start_of(request, digest)
    rows_of, selection = _plan(table, index, select, values, start)
    selection.limit = request.get("Limit")
    last_key = last_key_getter(table, index)
    consistent = bool(request.get("ConsistentRead"))

    def work(reader: Reader) -> Answer:
        rules = selection.rules(table, index, reader)
        page = read_page(rows_of(reader), rules, present)
        answer: Answer = {"Items": page.items}
        if page.last is not None:
            answer["LastEvaluatedKey"] = last_key(page.last)
            answer["NextToken"] = _token_of(answer["LastEvaluatedKey"], digest)
        report = report_of(request)
        if report is None:
            return answer
        report_page(report, table, index, page, rules, consistent=consistent)
        return report.add_to(answer)

    return work


def _plan(
    table: Table,
    index: Index | None,
    select: Select,
    values: dict[str, AttributeValue],
    start: Item | None,
) -> tuple[Callable[[Reader], Iterator[PageRow]], Selection]:
    """The rows to read, and what is asked of each: the key's clauses narrow the first."""
    key = table.key if index is None else index.key
    rest = conjuncts(select.where)
    partitions = _partition_clauses(rest, values, key)
    _check_order(select, key, partitions)
    selection = Selection({}, Placeholders(None, None), None)
    selection.projection = projection_of(select)
    if not partitions:
        selection.filter = joined(rest, values)
        return _scanned(table, index, start), selection
    sorts = _sort_clauses(rest, values, key)
    selection.filter = joined(rest, values)
    order = dict(select.order)
    if key.is_plain:
        return _ranges(table, index, key, (*partitions, *sorts), start, order), selection
    clauses = (*partitions, *sorts)
    reverse = _is_reverse(select, key)
    return _one_range(table, index, key, clauses, start, reverse=reverse), selection


_RANGE_OPERATORS = ("<", "<=", ">", ">=", "BETWEEN", "begins_with")


def _partition_clauses(
    conditions: list[Any], values: dict[str, AttributeValue], key: KeySchema
) -> list[Clause]:
    """Takes the clauses that name a partition (or a list of such); none where they do not."""
    taken = list(conditions)
    operators = ("=", "IN") if key.is_plain else ("=",)
    clauses = [_take(taken, values, name, operators) for name in key.partitions]
    found = [clause for clause in clauses if clause is not None]
    if len(found) < len(clauses):
        return []
    conditions[:] = taken
    return found


def _sort_clauses(
    conditions: list[Any], values: dict[str, AttributeValue], key: KeySchema
) -> list[Clause]:
    """Takes the clauses about the first sort attributes: `=` ones, then maybe a range."""
    clauses: list[Clause] = []
    for name in key.sorts:
        clause = _take(conditions, values, name, ("=", *_RANGE_OPERATORS))
        if clause is not None:
            clauses.append(clause)
        if clause is None or clause.operator != "=":
            break
    return clauses


def _is_reverse(select: Select, key: KeySchema) -> bool:
    """The direction of the sort attributes. Raises ValidationException where rows do not stand in
    the order asked for.
    """
    asked = [name for name, _ in select.order if name not in key.partitions]
    directions = {descends for name, descends in select.order if name in asked}
    if asked != list(key.sorts[: len(asked)]) or len(directions) > 1:
        raise ValidationException(
            "ORDER BY of an index with several sort key attributes names the first of them in the "
            "order of the key, all in one direction"
        )
    return directions == {True}


def _one_range(
    table: Table,
    index: Index | None,
    key: KeySchema,
    clauses: tuple[Clause, ...],
    start: Item | None,
    *,
    reverse: bool,
) -> Callable[[Reader], Iterator[PageRow]]:
    """The rows of one partition key of an index with several attributes in its key."""
    found = {clause.name: key_clause(clause.operator, clause.values) for clause in clauses}
    request = {"ScanIndexForward": not reverse, "ExclusiveStartKey": start}
    return QueryRange(table, index, key, KeyCondition(found, {}), request).rows


def _take(
    conditions: list[Any],
    values: dict[str, AttributeValue],
    name: str,
    operators: tuple[str, ...],
) -> Clause | None:
    """Takes the first clause about a key attribute out of the conditions."""
    for position, part in enumerate(conditions):
        clause = clause_of(part, values)
        if clause is not None and clause.name == name and clause.operator in operators:
            del conditions[position]
            return clause
    return None


def _check_order(select: Select, key: KeySchema, partitions: list[Clause]) -> None:
    if not select.order:
        return
    if select.where is None:
        raise ValidationException(
            "Must have WHERE clause in the statement when using ORDER BY clause."
        )
    if not partitions:
        raise ValidationException(
            "Must have at least one non-optional hash key condition in WHERE clause when using "
            "ORDER BY clause."
        )
    for name, _ in select.order:
        if name not in key.names:
            raise ValidationException(
                f"Variable reference {name} in ORDER BY clause must be part of the primary key"
            )


def _scanned(
    table: Table, index: Index | None, start: Item | None
) -> Callable[[Reader], Iterator[PageRow]]:
    space = table.space if index is None else index.space
    low, high = segment_tokens(0, 1)
    after = None
    if start is not None:
        after = StartKey(table, index, start, gives_reason=False).address

    def rows(reader: Reader) -> Iterator[PageRow]:
        found = reader.scan(space, after=after, token_low=low, token_high=high)
        return (PageRow(row.size, row.body) for row in found)

    return rows


def _ranges(
    table: Table,
    index: Index | None,
    key: KeySchema,
    clauses: tuple[Clause, ...],
    start: Item | None,
    order: dict[str, bool],
) -> Callable[[Reader], Iterator[PageRow]]:
    """The rows of one partition key after the other, as listed or, if so asked, in order."""
    partition, *sort = clauses
    wanted = _distinct(partition.values)
    reverse = order.get(key.partition, False)
    if key.partition in order:
        wanted.sort(key=cmp_to_key(_order), reverse=reverse)
    if key.sort is not None:
        reverse = order.get(key.sort, reverse)
    if start is not None:
        reached = start.get(key.partition)
        while wanted and (reached is None or not values_equal(wanted[0], reached)):
            del wanted[0]
        if not wanted:
            raise ValidationException(INVALID_TOKEN)
    ranges = []
    for position, value in enumerate(wanted):
        found = {key.partition: key_clause("=", [value])}
        found |= {each.name: key_clause(each.operator, each.values) for each in sort}
        request = {
            "ScanIndexForward": not reverse,
            "ExclusiveStartKey": start if position == 0 else None,
        }
        ranges.append(QueryRange(table, index, key, KeyCondition(found, {}), request))
    return lambda reader: chain.from_iterable(each.rows(reader) for each in ranges)


def _distinct(values: list[AttributeValue]) -> list[AttributeValue]:
    distinct: list[AttributeValue] = []
    for value in values:
        if not any(values_equal(value, other) for other in distinct):
            distinct.append(value)
    return distinct


def _order(first: AttributeValue, second: AttributeValue) -> int:
    # Values of another type than the key's are refused afterwards: their place does not matter.
    return compare_values(first, second) or 0


# --- tokens: where to go on, and of what ---------------------------------------------------------


def _digest_of(request: Request) -> str:
    said = orjson.dumps([request["Statement"], request.get("Parameters")])
    return hashlib.sha256(said).hexdigest()[:16]


def _token_of(last_key: Item, digest: str) -> str:
    return b64encode(orjson.dumps([digest, last_key])).decode()


def _start_of(request: Request, digest: str) -> Item | None:
    token = request.get("NextToken")
    if token is None:
        return None
    try:
        said = orjson.loads(b64decode(token, validate=True))
    except (binascii.Error, ValueError):
        raise ValidationException(INVALID_TOKEN) from None
    if not isinstance(said, list) or len(said) != 2 or not isinstance(said[1], dict):
        raise ValidationException(INVALID_TOKEN)
    if not all(isinstance(value, dict) for value in said[1].values()):
        raise ValidationException(INVALID_TOKEN)
    if said[0] != digest:
        raise ValidationException(f"{INVALID_TOKEN}: it is of another statement")
    try:
        start, _ = normalise_item(said[1])
    except (SerializationException, ValidationException):
        raise ValidationException(INVALID_TOKEN) from None
    return start
