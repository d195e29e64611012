"""AttributesToGet and AttributeUpdates: top-level attributes to show and to change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import ValidationException
from ..expressions import Projection, Update, tree, update_from_tree
from ..values import normalise_value, type_of
from .conditions import INVALID

_SETS = frozenset(("SS", "NS", "BS"))
_ADDABLE = _SETS | {"N", "L"}


def projection_from_names(names: list[str]) -> Projection:
    """Make a projection of the `AttributesToGet` parameter.

    Raises:
        ValidationException: when a name comes twice.
    """
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValidationException(f"{INVALID}Duplicate value in attribute name: {name}")
        seen.add(name)
    return Projection(tuple((name,) for name in names))


def update_from_attributes(updates: Mapping[str, Any]) -> Update | None:
    """Make an update of the `AttributeUpdates` parameter; None where it changes nothing.

    Raises:
        ValidationException: when an action does not fit its value.
    """
    actions = tuple(_action(name, update) for name, update in updates.items())
    if not actions:
        return None
    return update_from_tree(actions, wrong_type="Type mismatch for attribute to update")


def _action(name: str, update: Mapping[str, Any]) -> tree.Action:
    path = tree.Path((name,))
    action = update.get("Action") or "PUT"
    given = update.get("Value")
    if given is None:
        if action != "DELETE":
            raise ValidationException(
                f"{INVALID}Only DELETE action is allowed when no attribute value is specified"
            )
        return tree.Remove(path)
    value, _ = normalise_value(given)
    kind, literal = type_of(value), tree.Literal(value)
    if action == "PUT":
        return tree.Set(path, literal)
    if action == "DELETE":
        if kind not in _SETS:
            raise ValidationException(
                f"{INVALID}DELETE action with value is not supported for the type {kind}"
            )
        return tree.Delete(path, literal)
    if kind not in _ADDABLE:
        raise ValidationException(f"{INVALID}ADD action is not supported for the type {kind}")
    if kind == "L":
        present = tree.Call("if_not_exists", (path, tree.Literal({"L": []})))
        return tree.Set(path, tree.Call("list_append", (present, literal)))
    return tree.Add(path, literal)
