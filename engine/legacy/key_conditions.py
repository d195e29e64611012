"""KeyConditions: the key condition of a Query, clause by clause."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import ValidationException
from ..expressions import (
    CLAUSES_MAX,
    KeyClause,
    KeyCondition,
    key_clause,
    too_many_conditions,
)
from ..values import AttributeValue
from .conditions import comparisons_of

_INDEXABLE = {
    "EQ": "=",
    "LT": "<",
    "LE": "<=",
    "GT": ">",
    "GE": ">=",
    "BETWEEN": "BETWEEN",
    "BEGINS_WITH": "begins_with",
}


def key_condition_from(conditions: Mapping[str, Any]) -> KeyCondition:
    """Make a key condition of the `KeyConditions` parameter.

    Raises:
        ValidationException: when values do not fit their operator, or conditions are none or more
            than a key can have.
    """
    comparisons = comparisons_of(conditions)
    if not 1 <= len(comparisons) <= CLAUSES_MAX:
        raise too_many_conditions()
    return _LegacyKeyCondition(
        {
            name: key_clause(_INDEXABLE.get(operator, operator), values)
            for name, operator, values in comparisons
        }
    )


class _LegacyKeyCondition(KeyCondition):
    """A key condition that may hold operators no key can be looked up with."""

    __slots__ = ("_operators",)

    def __init__(self, clauses: dict[str, KeyClause]) -> None:
        super().__init__(clauses, {})
        self._operators = {name: clause.operator for name, clause in clauses.items()}

    def for_schema(
        self, partitions: tuple[str, ...], sorts: tuple[str, ...]
    ) -> tuple[list[AttributeValue], list[tuple[str, list[AttributeValue]]]]:
        if sorts or len(self._operators) == 1:
            self._check_indexable(partitions)
        conditions = super().for_schema(partitions, sorts)
        self._check_indexable(sorts)
        return conditions

    def _check_indexable(self, names: tuple[str, ...]) -> None:
        for name in names:
            if self._operators.get(name, "=") not in _INDEXABLE.values():
                raise ValidationException(
                    "Attempted conditional constraint is not an indexable operation"
                )
