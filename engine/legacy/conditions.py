"""Expected, QueryFilter and ScanFilter: comparisons of attributes with values, as trees."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ..errors import ValidationException
from ..expressions import Condition, condition_from_tree, tree
from ..values import AttributeValue, compare_values, normalise_value, type_of

INVALID = "One or more parameter values were invalid: "

_SCALARS = frozenset(("S", "N", "B"))
_ORDERS = {"LT": "<", "LE": "<=", "GT": ">", "GE": ">="}
_TYPES = {
    **dict.fromkeys(_ORDERS, _SCALARS),
    "BETWEEN": _SCALARS,
    "IN": _SCALARS,
    "CONTAINS": _SCALARS,
    "NOT_CONTAINS": _SCALARS,
    "BEGINS_WITH": frozenset(("S", "B")),
}
"""The types of values an operator takes, where it does not take all."""

_ARGUMENTS = {"NULL": 0, "NOT_NULL": 0, "BETWEEN": 2}
"""How many values an operator takes, where it is not one; IN takes one or more."""


class Comparison(NamedTuple):
    """An attribute, a ComparisonOperator, and checked values for it."""

    name: str
    operator: str
    values: list[AttributeValue]


def expected_condition(
    expected: Mapping[str, Any] | None, conditional_operator: str | None
) -> Condition | None:
    """Make a condition of the `Expected` and `ConditionalOperator` parameters.

    Raises:
        ValidationException: when its members do not fit together, or values their operator.
    """
    comparisons = [_expectation(name, wanted) for name, wanted in (expected or {}).items()]
    return _joined(comparisons, conditional_operator)


def filter_condition(
    conditions: Mapping[str, Any] | None, conditional_operator: str | None
) -> Condition | None:
    """Make a filter of `QueryFilter` or `ScanFilter`; raises as `comparisons_of` does."""
    return _joined(comparisons_of(conditions or {}), conditional_operator)


def comparisons_of(conditions: Mapping[str, Any]) -> list[Comparison]:
    """Return the checked comparisons of a map of conditions.

    Raises:
        ValidationException: when values do not fit their operator.
    """
    return [
        _checked(name, condition["ComparisonOperator"], condition.get("AttributeValueList") or [])
        for name, condition in conditions.items()
    ]


# --- checking ------------------------------------------------------------------------------------


def _expectation(name: str, wanted: Mapping[str, Any]) -> Comparison:
    operator, exists = wanted.get("ComparisonOperator"), wanted.get("Exists")
    listed, value = wanted.get("AttributeValueList"), wanted.get("Value")
    if listed is not None and value is not None:
        raise _misfit("Value and AttributeValueList cannot be used together", name)
    if operator is None:
        if listed is not None:
            raise _misfit("AttributeValueList can only be used with a ComparisonOperator", name)
        return _by_existence(name, exists, value)
    if exists is not None:
        raise _misfit("Exists and ComparisonOperator cannot be used together", name)
    values = [value] if value is not None else listed
    if values is None and operator not in ("NULL", "NOT_NULL"):
        raise _misfit(
            f"Value or AttributeValueList must be used with ComparisonOperator: {operator}", name
        )
    return _checked(name, operator, values or [])


def _by_existence(name: str, exists: bool | None, value: Any) -> Comparison:
    if exists is False:
        if value is not None:
            raise _misfit("Value cannot be used when Exists is false", name)
        return Comparison(name, "NULL", [])
    if value is None:
        shown = "null" if exists is None else "true"
        raise _misfit(f"Value must be provided when Exists is {shown}", name)
    return Comparison(name, "EQ", [normalise_value(value)[0]])


def _misfit(complaint: str, name: str) -> ValidationException:
    return ValidationException(f"{INVALID}{complaint} for Attribute: {name}")


def _checked(name: str, operator: str, given: list[Any]) -> Comparison:
    values = [normalise_value(value)[0] for value in given]
    if not values if operator == "IN" else len(values) != _ARGUMENTS.get(operator, 1):
        raise ValidationException(
            f"{INVALID}Invalid number of argument(s) for the {operator} ComparisonOperator"
        )
    kinds = {type_of(value) for value in values}
    if len(kinds) > 1:
        raise ValidationException(
            f"{INVALID}AttributeValues inside AttributeValueList must be of same type"
        )
    for kind in kinds:
        if kind not in _TYPES.get(operator, kinds):
            raise ValidationException(
                f"{INVALID}ComparisonOperator {operator} is not valid for {kind} "
                "AttributeValue type"
            )
    if operator == "BETWEEN" and compare_values(*values) == 1:
        raise ValidationException(
            "The BETWEEN condition was provided a range where the lower bound is greater than "
            "the upper bound"
        )
    return Comparison(name, operator, values)


# --- translating ---------------------------------------------------------------------------------


def _joined(comparisons: list[Comparison], conditional_operator: str | None) -> Condition | None:
    conditions = tuple(map(_tree_of, comparisons))
    if not conditions:
        return None
    if len(conditions) == 1:
        return condition_from_tree(conditions[0])
    join = tree.Or if conditional_operator == "OR" else tree.And
    return condition_from_tree(join(conditions))


def _tree_of(comparison: Comparison) -> tree.ConditionTree:
    operator = comparison.operator
    path = tree.Path((comparison.name,))
    literals = tuple(_literals(comparison.values))
    if operator in _ORDERS:
        return tree.Comparison(_ORDERS[operator], path, *literals)
    if operator == "NOT_CONTAINS":
        # False where there is no attribute, unlike NE: so DynamoDB does.
        exists = tree.Call("attribute_exists", (path,))
        return tree.And((exists, tree.Not(tree.Call("contains", (path, *literals)))))
    if operator == "BETWEEN":
        return tree.Between(path, *literals)
    if operator == "IN":
        return tree.In(path, literals)
    if operator in _FUNCTIONS:
        return tree.Call(_FUNCTIONS[operator], (path, *literals))
    return tree.Comparison("=" if operator == "EQ" else "<>", path, *literals)


_FUNCTIONS = {
    "NULL": "attribute_not_exists",
    "NOT_NULL": "attribute_exists",
    "CONTAINS": "contains",
    "BEGINS_WITH": "begins_with",
}


def _literals(values: list[AttributeValue]) -> Iterator[tree.Literal]:
    return map(tree.Literal, values)
