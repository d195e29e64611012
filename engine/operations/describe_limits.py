"""DescribeLimits: the quotas of a new AWS account, none of which limit anything here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .operation import Answer, DatabaseParts, Present, Request

LIMITS = {
    "AccountMaxReadCapacityUnits": 80_000,
    "AccountMaxWriteCapacityUnits": 80_000,
    "TableMaxReadCapacityUnits": 40_000,
    "TableMaxWriteCapacityUnits": 40_000,
}
"""Source: AWS's guide, "Quotas in Amazon DynamoDB"."""


def describe_limits(
    database: DatabaseParts, request: Request, present: Present
) -> Callable[[Any], Answer]:
    return lambda reader: dict(LIMITS)
