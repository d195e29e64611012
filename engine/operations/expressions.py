"""The expression members of a request, bound with its placeholders."""

from __future__ import annotations

from typing import Any

from ..errors import ValidationException
from ..expressions import Condition, Placeholders, bind_condition
from ..legacy import expected_condition

Request = dict[str, Any]


def placeholders_of(request: Request, *expressions: str) -> Placeholders:
    """The request's placeholders; `expressions` are the members that may use them.

    Raises ValidationException where names or values are given and no expression is.
    """
    names = request.get("ExpressionAttributeNames")
    values = request.get("ExpressionAttributeValues")
    if (names is not None or values is not None) and not any(
        request.get(member) is not None for member in expressions
    ):
        member = "ExpressionAttributeNames" if names is not None else "ExpressionAttributeValues"
        verb = "are" if len(expressions) > 1 else "is"
        raise ValidationException(
            f"{member} can only be specified when using expressions: "
            f"{' and '.join(expressions)} {verb} null"
        )
    return Placeholders(names, values)


def condition_of(request: Request, placeholders: Placeholders) -> Condition | None:
    text = request.get("ConditionExpression")
    return None if text is None else bind_condition(text, placeholders)


def expected_of(request: Request) -> Condition | None:
    """The condition of a write that uses legacy parameters."""
    return expected_condition(request.get("Expected"), request.get("ConditionalOperator"))


def filter_of(request: Request, placeholders: Placeholders) -> Condition | None:
    text = request.get("FilterExpression")
    return None if text is None else bind_condition(text, placeholders, "FilterExpression")
