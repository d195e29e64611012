"""One page of a Query or a Scan: which rows it takes, what of them it shows, where it stops."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import orjson

from .expressions import Condition, Projection
from .indexes import projected_names
from .schema import Index, Table
from .values import Item

PAGE_BYTES_MAX = 1024 * 1024
"""A page ends with the item that takes its items' sizes past this."""

Present = Callable[[bytes], Any]


class PageRow(NamedTuple):
    """A row of the table or index that is read."""

    size: int
    body: bytes


class PageRules(NamedTuple):
    """What a request asks of every row."""

    limit: int | None
    filter: Condition | None
    projection: Projection | None
    counts_only: bool
    full_body: Callable[[Item], bytes] | None = None
    """Gets the table's item for a row of a local index that does not keep all that is asked."""


class Page(NamedTuple):
    """The answer's parts; `last` is the item to continue behind, or None at the end."""

    items: list[Any]
    matched: int
    scanned: int
    scanned_bytes: int
    last: Item | None

    def answer(self, rules: PageRules, last_key: Callable[[Item], Item]) -> dict[str, Any]:
        answer: dict[str, Any] = {"Count": self.matched, "ScannedCount": self.scanned}
        if not rules.counts_only:
            answer["Items"] = self.items
        if self.last is not None:
            answer["LastEvaluatedKey"] = last_key(self.last)
        return answer


def read_page(rows: Iterable[PageRow], rules: PageRules, present: Present) -> Page:
    """Takes rows until the limit, the page's size or the end, whichever comes first."""
    limit, condition, projection, counts_only, full_body = rules
    plain = condition is None and projection is None and full_body is None
    items: list[Any] = []
    matched = scanned = size = 0
    body = b""
    for row_size, body in rows:
        scanned += 1
        size += row_size
        if plain:
            matched += 1
            if not counts_only:
                items.append(present(body))
        else:
            item = orjson.loads(body)
            shown_body = body
            if full_body is not None:
                shown_body = full_body(item)
                item = orjson.loads(shown_body)
            if condition is None or condition.matches(item):
                matched += 1
                if not counts_only:
                    items.append(
                        present(shown_body) if projection is None else projection.project(item)
                    )
        if scanned == limit or size > PAGE_BYTES_MAX:
            return Page(items, matched, scanned, size, orjson.loads(body))
    return Page(items, matched, scanned, size, None)


def last_key_names(table: Table, index: Index | None) -> tuple[str, ...]:
    """The attributes that LastEvaluatedKey and ExclusiveStartKey consist of."""
    if index is None:
        return table.key.names
    return tuple(dict.fromkeys((*index.key.names, *table.key.names)))


def keeps_all(table: Table, index: Index | None, names: Iterable[str]) -> bool:
    """Whether the rows that are read hold all of the named top-level attributes."""
    if index is None or index.projection == "ALL":
        return True
    return set(names) <= set(projected_names(table, index))
