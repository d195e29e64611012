"""The expression members of a request, bound with its placeholders."""

from __future__ import annotations

from typing import Any

from ..errors import ValidationException
from ..expressions import Condition, Placeholders, bind_condition
from ..legacy import expected_condition

Request = dict[str, Any]


def placeholders_of(request: Request, *expressions: str) -> Placeholders:
    """The request's placeholders; `expressions` are the members that may use them.

    Raises ValidationException as `check_placeholders_wanted` does, and for unsound ones.
    """
    names = request.get("ExpressionAttributeNames")
    values = request.get("ExpressionAttributeValues")
    if names is not None or values is not None:
        check_placeholders_wanted(request, *expressions)
    return Placeholders(names, values)


def check_placeholders_wanted(request: Request, *expressions: str) -> None:
    """Raises ValidationException where names or values are given and nothing that may use them."""
    valued = []  # the expressions that may have values
    is_projection_given = False
    for member in expressions:
        is_given = request.get(member) is not None
        if member == "ProjectionExpression":
            is_projection_given = is_given
        elif is_given:
            return
        else:
            valued.append(member)
    if request.get("ExpressionAttributeNames") is not None and not is_projection_given:
        raise ValidationException(
            "ExpressionAttributeNames can only be specified when using expressions"
        )
    if request.get("ExpressionAttributeValues") is not None and valued:
        verb = "are" if len(valued) > 1 else "is"
        raise ValidationException(
            "ExpressionAttributeValues can only be specified when using expressions: "
            f"{' and '.join(valued)} {verb} null"
        )


def condition_of(request: Request, placeholders: Placeholders) -> Condition | None:
    text = request.get("ConditionExpression")
    return None if text is None else bind_condition(text, placeholders)


def expected_of(request: Request) -> Condition | None:
    """The condition of a write that uses legacy parameters."""
    return expected_condition(request.get("Expected"), request.get("ConditionalOperator"))


def filter_of(request: Request, placeholders: Placeholders) -> Condition | None:
    text = request.get("FilterExpression")
    return None if text is None else bind_condition(text, placeholders, "FilterExpression")
