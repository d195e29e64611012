"""The part of an item that some paths lead to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from ..values import AttributeValue, Item
from .resolve import DocumentPath

Projector: TypeAlias = Callable[[Item], Item]

# Paths as a tree: a name or index to what is wanted of it, where None means all of it.
_Branches: TypeAlias = dict[Any, "dict[Any, Any] | None"]


def compile_projection(paths: Sequence[DocumentPath]) -> Projector:
    """Return the function that gives the part of an item under paths that do not overlap.

    Members of maps keep their names; elements of lists move together and keep their order. Where
    nothing is found, nothing of the way there is shown.
    """
    if all(len(path) == 1 for path in paths):
        names = [path[0] for path in paths]
        return lambda item: {name: item[name] for name in names if name in item}
    branches = _branches(paths)
    return lambda item: _project_members(item, branches)


def top_level_names(paths: Sequence[DocumentPath]) -> tuple[str, ...]:
    """Return the attributes that paths begin with, each once."""
    return tuple(dict.fromkeys(str(path[0]) for path in paths))


def _branches(paths: Sequence[DocumentPath]) -> _Branches:
    root: _Branches = {}
    for path in paths:
        node = root
        for element in path[:-1]:
            deeper = node.setdefault(element, {})
            assert deeper is not None, "paths do not overlap"
            node = deeper
        node[path[-1]] = None
    return root


def _project_members(members: Item, branches: _Branches) -> Item:
    result: Item = {}
    for name, deeper in branches.items():
        value = members.get(name)
        shown = value if value is None or deeper is None else _project_value(value, deeper)
        if shown is not None:
            result[name] = shown
    return result


def _project_value(value: AttributeValue, branches: _Branches) -> AttributeValue | None:
    if isinstance(next(iter(branches)), str):
        members = _project_members(value.get("M", {}), branches)
        return {"M": members} if members else None
    elements = _project_elements(value.get("L", []), branches)
    return {"L": elements} if elements else None


def _project_elements(elements: list[AttributeValue], branches: _Branches) -> list[AttributeValue]:
    result = []
    for index in sorted(branches):
        if index >= len(elements):
            break
        deeper = branches[index]
        shown = elements[index] if deeper is None else _project_value(elements[index], deeper)
        if shown is not None:
            result.append(shown)
    return result
