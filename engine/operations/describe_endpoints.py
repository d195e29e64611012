"""DescribeEndpoints: the address a client of the region would go on with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .operation import Answer, DatabaseParts, Present, Request

CACHE_MINUTES = 1440


def describe_endpoints(
    database: DatabaseParts, request: Request, present: Present
) -> Callable[[Any], Answer]:
    # AWS's own name, as its answer has it: clients that were given an endpoint do not ask.
    endpoint = {
        "Address": f"dynamodb.{database.region}.amazonaws.com",
        "CachePeriodInMinutes": CACHE_MINUTES,
    }
    return lambda reader: {"Endpoints": [endpoint]}
