"""Which operation a method and a path mean."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import NamedTuple
from urllib.parse import unquote

from .model import Operation, operations


class Route(NamedTuple):
    """An operation, and what stands in its path where its name has braces."""

    operation: Operation
    parts: dict[str, str]


def find_route(method: str, path: str) -> Route | None:
    """The operation of a path as it came, percent-encoded; None where there is none.

    >>> find_route("GET", "/2015-03-31/functions/audit/policy").parts
    {'FunctionName': 'audit'}
    """
    pieces = path.rstrip("/").split("/")
    for operation, names in _patterns():
        if operation.method != method or len(names) != len(pieces):
            continue
        if all(name[:1] == "{" or name == piece for name, piece in zip(names, pieces, strict=True)):
            named = zip(names, pieces, strict=True)
            parts = {name[1:-1]: unquote(piece) for name, piece in named if name[:1] == "{"}
            return Route(operation, parts)
    return None


@cache
def _patterns() -> tuple[tuple[Operation, list[str]], ...]:
    """Paths that say more before those that say less."""

    def looseness(each: tuple[Operation, Iterable[str]]) -> int:
        return sum(name[:1] == "{" for name in each[1])

    split = ((each, each.path.rstrip("/").split("/")) for each in operations())
    return tuple(sorted(split, key=looseness))
