"""Key conditions: a condition that names the partition key and maybe a range of the sort key."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

from ..errors import ValidationException
from ..values import AttributeValue, Item
from . import tree
from .evaluate import Values, getter_of_value
from .resolve import Scope

_MIRRORED = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_NO_ITEM: Item = {}

PLAIN_CLAUSES_MAX = 2
"""How many conditions the key of a table can take."""

CLAUSES_MAX = 8
"""How many conditions the key of a global index can take."""

ValueGetter: TypeAlias = Callable[[Item, Values], AttributeValue]


NOT_SUPPORTED = "Query key condition not supported"


class KeyClause(NamedTuple):
    """The condition on one key attribute; its values are still to be got from a request.

    `operator` is one of `=`, `<`, `<=`, `>`, `>=`, `BETWEEN`, `begins_with`.
    """

    operator: str
    values: tuple[ValueGetter, ...]


class KeyCondition:
    """A key condition with its values."""

    __slots__ = ("_clauses", "_values")

    def __init__(self, clauses: dict[str, KeyClause], values: Values) -> None:
        self._clauses = clauses
        self._values = values

    @property
    def conditions(self) -> dict[str, tuple[str, list[AttributeValue]]]:
        """Attribute names with the operator on each (see `KeyClause`) and the operator's values."""
        return {name: self._with_values(clause) for name, clause in self._clauses.items()}

    def _with_values(self, clause: KeyClause) -> tuple[str, list[AttributeValue]]:
        return clause.operator, [value_of(_NO_ITEM, self._values) for value_of in clause.values]

    def for_schema(
        self, partitions: tuple[str, ...], sorts: tuple[str, ...]
    ) -> tuple[list[AttributeValue], list[tuple[str, list[AttributeValue]]]]:
        """Return the partition attributes' values, and the operators and values on those of the
        sort attributes that have a condition, which are the first ones.

        Raises:
            ValidationException: when the condition does not fit a table or index with these keys.
        """
        clauses, given = self._clauses, self._values
        values = []
        for name in partitions:
            clause = clauses.get(name)
            if clause is None or clause.operator != "=":
                raise self._misfit(partitions, sorts)
            values.append(clause.values[0](_NO_ITEM, given))
        conditions: list[tuple[str, list[AttributeValue]]] = []
        rest = len(clauses) - len(values)
        if rest > len(sorts):
            raise self._misfit(partitions, sorts)
        for name in sorts[:rest]:
            clause = clauses.get(name)
            if clause is None or (conditions and conditions[-1][0] != "="):
                raise self._misfit(partitions, sorts)
            conditions.append(self._with_values(clause))
        return values, conditions

    def _misfit(self, partitions: tuple[str, ...], sorts: tuple[str, ...]) -> ValidationException:
        """The fault that is told first of a condition that does not fit these keys."""
        clauses = self._clauses
        if len(clauses) > PLAIN_CLAUSES_MAX and len(partitions) == 1 and len(sorts) < 2:
            return too_many_conditions()
        if len(clauses) > len(partitions) + len(sorts):
            return _not_supported()
        missed = [name for name in partitions if name not in clauses]
        if not missed and all(clauses[name].operator == "=" for name in partitions):
            named = sorts[: len(clauses) - len(partitions)]
            missed = [name for name in named if name not in clauses]
        return _missed(missed[0]) if missed else _not_supported()


def key_clause(operator: str, values: Sequence[AttributeValue]) -> KeyClause:
    """Make a clause of literal values; for `operator` see `KeyClause`."""
    return KeyClause(operator, tuple(getter_of_value(tree.Literal(value)) for value in values))


def _missed(name: str) -> ValidationException:
    return ValidationException(f"Query condition missed key schema element: {name}")


def _not_supported() -> ValidationException:
    return ValidationException(NOT_SUPPORTED)


def too_many_conditions() -> ValidationException:
    """The error of a key condition with more parts (or fewer) than any key could have."""
    return ValidationException("Conditions can be of length 1 or 2 only")


def compile_key_condition(condition: tree.ConditionTree, scope: Scope) -> dict[str, KeyClause]:
    """Take a condition apart into the clauses for each key attribute.

    Raises:
        ValidationException: when it is not made as key conditions are.
    """
    parts = condition.conditions if isinstance(condition, tree.And) else (condition,)
    clauses: dict[str, KeyClause] = {}
    for part in _flattened(parts):
        name, clause = _clause_of(part, scope)
        if name in clauses:
            raise ValidationException(
                "KeyConditionExpressions must only contain one condition per key"
            )
        clauses[name] = clause
    if len(clauses) > CLAUSES_MAX:
        raise too_many_conditions()
    return clauses


def _flattened(parts: tuple[tree.ConditionTree, ...]) -> list[tree.ConditionTree]:
    flat: list[tree.ConditionTree] = []
    for part in parts:
        flat += _flattened(part.conditions) if isinstance(part, tree.And) else (part,)
    return flat


def _clause_of(part: tree.ConditionTree, scope: Scope) -> tuple[str, KeyClause]:
    operator, operands = _operator_and_operands(part)
    position, name = _key_attribute(operands, scope)
    if position:
        operator = _MIRRORED[operator]
    values = [operand for index, operand in enumerate(operands) if index != position]
    return name, KeyClause(operator, tuple(map(_value_getter, values)))


def _operator_and_operands(part: tree.ConditionTree) -> tuple[str, tuple[tree.Operand, ...]]:
    if isinstance(part, tree.Comparison) and part.operator != "<>":
        return part.operator, (part.left, part.right)
    if isinstance(part, tree.Between):
        _require_key_first("BETWEEN", part.operand)
        return "BETWEEN", (part.operand, part.low, part.high)
    if isinstance(part, tree.Call) and part.function == "begins_with":
        _require_key_first(part.function, part.operands[0])
        return part.function, part.operands
    raise ValidationException(
        f"Invalid operator used in KeyConditionExpression: {_operator_name(part)}"
    )


def _operator_name(part: tree.ConditionTree) -> str:
    if isinstance(part, tree.Comparison):
        return part.operator
    return part.function if isinstance(part, tree.Call) else type(part).__name__.upper()


def _require_key_first(operator: str, operand: tree.Operand) -> None:
    if not isinstance(operand, tree.Path):
        raise _invalid(f"{operator} operator must have the key attribute as its first operand")


def _key_attribute(operands: tuple[tree.Operand, ...], scope: Scope) -> tuple[int, str]:
    """Return which operand is the key attribute, and its name."""
    found: tuple[int, str] | None = None
    for position, operand in enumerate(operands):
        if isinstance(operand, tree.Call):
            raise ValidationException("KeyConditionExpressions cannot contain nested operations")
        if isinstance(operand, tree.Path):
            if found is not None:
                raise _invalid("Multiple attribute names used in one condition")
            path = scope.path(operand)
            if len(path) > 1:
                raise ValidationException(
                    "KeyConditionExpressions cannot have conditions on nested attributes"
                )
            found = position, str(path[0])
    if found is None:
        raise _invalid("No key attribute specified")
    return found


def _value_getter(operand: tree.Operand) -> ValueGetter:
    assert isinstance(operand, tree.ValueRef | tree.Literal), "paths and calls were refused"
    return getter_of_value(operand)


def _invalid(complaint: str) -> ValidationException:
    return ValidationException(f"Invalid condition in KeyConditionExpression: {complaint}")
