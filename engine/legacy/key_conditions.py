"""KeyConditions: the key condition of a Query, clause by clause."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import ValidationException
from ..expressions import KeyClause, KeyCondition, key_clause
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
        ValidationException: when values do not fit their operator, or conditions are not 1 or 2.
    """
    comparisons = comparisons_of(conditions)
    if len(comparisons) not in (1, 2):
        raise ValidationException("Conditions can be of length 1 or 2 only")
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
        self, partition_key: str, sort_key: str | None
    ) -> tuple[AttributeValue, tuple[str, list[AttributeValue]] | None]:
        if sort_key is not None or len(self._operators) == 1:
            self._check_indexable(partition_key)
        conditions = super().for_schema(partition_key, sort_key)
        if sort_key is not None:
            self._check_indexable(sort_key)
        return conditions

    def _check_indexable(self, name: str) -> None:
        if self._operators.get(name, "=") not in _INDEXABLE.values():
            raise ValidationException(
                "Attempted conditional constraint is not an indexable operation"
            )
