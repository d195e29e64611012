"""DescribeLimits: the quotas of a new AWS account, none of which limit anything here."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .operation import Answer, Present, Request

if TYPE_CHECKING:
    from ..database import Database

LIMITS = {
    "AccountMaxReadCapacityUnits": 80_000,
    "AccountMaxWriteCapacityUnits": 80_000,
    "TableMaxReadCapacityUnits": 40_000,
    "TableMaxWriteCapacityUnits": 40_000,
}
"""Source: AWS's guide, "Quotas in Amazon DynamoDB"."""


def describe_limits(
    database: Database, request: Request, present: Present
) -> Callable[[Any], Answer]:
    return lambda reader: dict(LIMITS)
