"""A request held against its operation's shape."""

from __future__ import annotations

from itertools import islice
from typing import Any

from ..errors import ValidationException
from .constraints import ERRORS_MAX, broken_constraints
from .json_types import check_types
from .predicates import predicate_of
from .shapes import input_shape, operations

__all__ = ["operations", "validate_request"]


def validate_request(operation: str, request: dict[str, Any]) -> None:
    """Lets a request of the right shape pass; unknown members are ignored, as AWS does.

    Raises:
        SerializationException: when some JSON value has another type than the model says.
        ValidationException: when constraints are broken, with one sentence for each.
    """
    name = input_shape(operation)
    if name is None or predicate_of(name)(request):
        return
    check_types(name, request)
    broken = list(islice(broken_constraints(name, request), ERRORS_MAX))
    if broken:
        plural = "s" if len(broken) > 1 else ""
        raise ValidationException(
            f"{len(broken)} validation error{plural} detected: {'; '.join(broken)}"
        )
