"""Which legacy parameters a request has, and that they stand with nothing they must not."""

from __future__ import annotations

from typing import Any

from ..errors import ValidationException

_NAMED_IN_THIS_ORDER = (
    "AttributesToGet",
    "AttributeUpdates",
    "Expected",
    "QueryFilter",
    "ScanFilter",
    "ConditionalOperator",
    "KeyConditions",
)

LEGACY_MEMBERS = frozenset(_NAMED_IN_THIS_ORDER)

_CONDITIONED = ("Expected", "QueryFilter", "ScanFilter")


def uses_legacy(request: dict[str, Any], own: frozenset[str], expressions: tuple[str, ...]) -> bool:
    """Say whether a request has any of its operation's `own` legacy parameters.

    `expressions` are the operation's expression parameters, in the order in which errors name
    them. Other operations' parameters are overlooked, and so are nulls.

    Raises:
        ValidationException: when it has expressions as well, or a ConditionalOperator and too few
            conditions for it.
    """
    legacy = [
        member
        for member in _NAMED_IN_THIS_ORDER
        if member in own and request.get(member) is not None
    ]
    if legacy:
        _check_not_mixed(request, legacy, expressions)
    if "ConditionalOperator" in legacy:
        _check_operator_joins(request, own)
    return bool(legacy)


def _check_not_mixed(
    request: dict[str, Any], legacy: list[str], expressions: tuple[str, ...]
) -> None:
    modern = [member for member in expressions if request.get(member) is not None]
    # KeyConditions may stand with expressions of other kinds, as DynamoDB has it.
    if "KeyConditionExpression" not in modern:
        legacy = [member for member in legacy if member != "KeyConditions"]
    if modern and legacy:
        raise ValidationException(
            "Can not use both expression and non-expression parameters in the same request: "
            f"Non-expression parameters: {{{', '.join(legacy)}}} "
            f"Expression parameters: {{{', '.join(modern)}}}"
        )


def _check_operator_joins(request: dict[str, Any], own: frozenset[str]) -> None:
    conditions = sum(len(request.get(member) or ()) for member in _CONDITIONED if member in own)
    if conditions == 0:
        raise ValidationException("ConditionalOperator cannot be used without Filter or Expected")
    if conditions == 1:
        raise ValidationException(
            "ConditionalOperator can only be used when Filter or Expected has two or more elements"
        )
