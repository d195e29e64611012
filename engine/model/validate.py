"""A request held against its operation's shape."""

from __future__ import annotations

from functools import lru_cache
from itertools import islice
from typing import Any

from ..errors import ValidationException
from .constraints import ERRORS_MAX, broken_constraints
from .json_types import take_types
from .predicates import Predicate, predicate_of
from .shapes import input_shape, operations, shape_named

__all__ = ["check_types", "operations", "validate_request"]


def validate_request(operation: str, request: dict[str, Any]) -> None:
    """Lets a request of the right shape pass; unknown members are ignored, as AWS does.

    What AWS converts (the text "true" to true, 1.0 to 1) is converted in the request itself.

    Raises:
        SerializationException: when some JSON value has another type than the model says.
        ValidationException: when constraints are broken, with one sentence for each.
    """
    if not _acceptance_of(operation)(request):
        _refuse(operation, request)


def check_types(operation: str, request: dict[str, Any]) -> None:
    """Raises SerializationException at the first JSON value of another type than the model says.

    `validate_request` does not look into attribute values; this does.
    """
    name = input_shape(operation)
    if name is not None:
        take_types(name, request)


@lru_cache(maxsize=128)  # bounded: names of operations come from clients
def _acceptance_of(operation: str) -> Predicate:
    name = input_shape(operation)
    return predicate_of(name) if name else lambda request: True


def _refuse(operation: str, request: dict[str, Any]) -> None:
    """Raises what is wrong with the request, or nothing if AWS would take it all the same."""
    name = input_shape(operation)
    assert name is not None  # requests without members are never refused
    take_types(name, request)
    for member in shape_named(name).get("required_first", ()):
        if request.get(member) is None:
            raise ValidationException(
                f"The parameter '{member}' is required but was not present in the request"
            )
    broken = list(islice(broken_constraints(name, request), ERRORS_MAX))
    if broken:
        plural = "s" if len(broken) > 1 else ""
        raise ValidationException(
            f"{len(broken)} validation error{plural} detected: {'; '.join(broken)}"
        )
