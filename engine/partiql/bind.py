"""A statement with its parameters, against its table: the key it names, the rest as conditions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ..errors import ValidationException
from ..expressions import (
    Condition,
    Projection,
    condition_from_tree,
    tree,
    update_from_tree,
)
from ..expressions.check import check_paths
from ..expressions.evaluate import getter_of_path
from ..expressions.project import top_level_names
from ..expressions.tokens import InvalidExpression
from ..schema import Table
from ..values import AttributeValue, Item, normalise_value
from ..writes import CheckWrite, DeleteWrite, InsertWrite, UpdateWrite, Write
from .parser import parse_statement
from .tree import Command, Delete, Exists, Insert, Select, Update

_MIRRORED = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_SETS = frozenset(("SS", "NS", "BS"))


class BoundStatement(NamedTuple):
    """A statement and its values by placeholder."""

    command: Command
    values: dict[str, AttributeValue]


class Clause(NamedTuple):
    """A comparison of a top-level attribute with values; IN has any number of them."""

    name: str
    operator: str
    values: list[AttributeValue]


def bind_statement(text: str, parameters: Sequence[AttributeValue] | None) -> BoundStatement:
    """Put a request's parameters in.

    Raises:
        ValidationException: when the statement is malformed, or its parameters are too few or many.
    """
    statement = parse_statement(text)
    given = [normalise_value(value)[0] for value in parameters or ()]
    if len(given) != statement.parameter_count:
        raise ValidationException("Number of parameters in request and statement don't match.")
    values = {name: normalise_value(make(given))[0] for name, make in statement.values}
    command = statement.command
    if isinstance(command, Insert):
        values["item"] = normalise_value(command.item(given))[0]
    return BoundStatement(command, values)


# --- writes --------------------------------------------------------------------------------------


def write_of(statement: BoundStatement, table: Table) -> Write:
    """The write that a statement other than SELECT amounts to.

    Raises:
        ValidationException: when its WHERE does not name one item, or its values do not fit.
    """
    command, values = statement
    if isinstance(command, Insert):
        item = values["item"].get("M")
        if item is None:
            raise ValidationException("INSERT needs a map for a value")
        return InsertWrite(item, None)
    assert not isinstance(command, Select), "a SELECT writes nothing"
    where = command.select.where if isinstance(command, Exists) else command.where
    key, rest = key_of_where(table, where, values)
    if isinstance(command, Delete):
        return DeleteWrite(key, joined(rest, values))
    rest = [tree.Call("attribute_exists", (tree.Path((table.key.partition,)),)), *rest]
    if isinstance(command, Update):
        _check_actions(command.actions, values)
        update = update_from_tree(command.actions, values)
        return UpdateWrite(key, update, joined(rest, values))
    return CheckWrite(key, joined(rest, values))


def _check_actions(actions: tree.UpdateTree, values: dict[str, AttributeValue]) -> None:
    try:
        check_paths([_elements(action.path) for action in actions])
    except InvalidExpression as error:
        raise ValidationException(str(error)) from None
    for action in actions:
        if isinstance(action, tree.Add | tree.Delete):
            assert isinstance(action.value, tree.ValueRef), "values of statements are references"
            if _SETS.isdisjoint(values[action.value.placeholder]):
                raise ValidationException("set_add and set_delete take a set")


def key_of_where(
    table: Table, where: tree.ConditionTree | None, values: dict[str, AttributeValue]
) -> tuple[Item, list[tree.ConditionTree]]:
    """The key that a WHERE names, and its other conditions.

    Raises:
        ValidationException: when it does not name a key whole.
    """
    key: Item = {}
    rest = []
    for part in conjuncts(where):
        clause = clause_of(part, values)
        names_key = clause is not None and clause.operator == "=" and clause.name not in key
        if clause is not None and names_key and clause.name in table.key.names:
            key[clause.name] = clause.values[0]
        else:
            rest.append(part)
    if len(key) < len(table.key.names):
        raise ValidationException(
            "Where clause does not contain a mandatory equality on all key attributes"
        )
    return key, rest


# --- conditions ----------------------------------------------------------------------------------


def conjuncts(where: tree.ConditionTree | None) -> list[tree.ConditionTree]:
    """The conditions that must all hold."""
    if where is None:
        return []
    if isinstance(where, tree.And):
        return [part for each in where.conditions for part in conjuncts(each)]
    return [where]


def joined(
    conditions: list[tree.ConditionTree], values: dict[str, AttributeValue]
) -> Condition | None:
    """All of some conditions as one; None where there are none."""
    if not conditions:
        return None
    whole = conditions[0] if len(conditions) == 1 else tree.And(tuple(conditions))
    return condition_from_tree(whole, values)


def clause_of(part: tree.ConditionTree, values: dict[str, AttributeValue]) -> Clause | None:
    """What a condition says of one attribute, if it is one that a key can be looked up with."""
    if isinstance(part, tree.Comparison):
        if part.operator not in _MIRRORED:
            return None
        if isinstance(part.right, tree.Path):
            return _clause(part.right, _MIRRORED[part.operator], (part.left,), values)
        return _clause(part.left, part.operator, (part.right,), values)
    if isinstance(part, tree.Or):
        return _clause_of_equals(part, values)
    if isinstance(part, tree.Between):
        return _clause(part.operand, "BETWEEN", (part.low, part.high), values)
    if isinstance(part, tree.In):
        return _clause(part.operand, "IN", part.options, values)
    if isinstance(part, tree.Call) and part.function == "begins_with":
        return _clause(part.operands[0], "begins_with", part.operands[1:], values)
    return None


def _clause_of_equals(part: tree.Or, values: dict[str, AttributeValue]) -> Clause | None:
    """An OR of equalities of one attribute, which is an IN of their values."""
    found: list[AttributeValue] = []
    names = set()
    for each in part.conditions:
        clause = clause_of(each, values)
        if clause is None or clause.operator not in ("=", "IN"):
            return None
        names.add(clause.name)
        found += clause.values
    return Clause(names.pop(), "IN", found) if len(names) == 1 else None


def _clause(
    operand: tree.Operand,
    operator: str,
    others: tuple[tree.Operand, ...],
    values: dict[str, AttributeValue],
) -> Clause | None:
    if not isinstance(operand, tree.Path) or len(operand.elements) > 1:
        return None
    given = [values[each.placeholder] for each in others if isinstance(each, tree.ValueRef)]
    if len(given) < len(others):
        return None
    return Clause(str(operand.elements[0]), operator, given)


# --- what a SELECT shows -------------------------------------------------------------------------


class SelectedPaths(Projection):
    """A projection that shows what is at each path under the path's last name."""

    __slots__ = ()

    def __init__(self, paths: tuple[tree.Path, ...]) -> None:
        self.paths = tuple(_elements(path) for path in paths)
        self.top_level = top_level_names(self.paths)
        self.project = _projector(self.paths)


def _projector(paths: Sequence[tuple[str | int, ...]]) -> Callable[[Item], Item]:
    getters = [
        (path[-1] if isinstance(path[-1], str) else f"_{position}", getter_of_path(path))
        for position, path in enumerate(paths, start=1)
    ]

    def project(item: Item) -> Item:
        found = [(name, get(item, {})) for name, get in getters]
        return {name: value for name, value in found if value is not None}

    return project


def projection_of(select: Select) -> Projection | None:
    """What a SELECT shows of an item; None is all."""
    return None if select.paths is None else SelectedPaths(select.paths)


def _elements(path: tree.Path) -> tuple[Any, ...]:
    return path.elements
