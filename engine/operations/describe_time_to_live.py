"""DescribeTimeToLive: by which attribute the items of a table expire, if they do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .describe_table import table_to_manage
from .operation import Answer, DatabaseParts, Present, Request


def describe_time_to_live(
    database: DatabaseParts, request: Request, present: Present
) -> Callable[[Any], Answer]:
    time_to_live = table_to_manage(database.catalog, request["TableName"]).time_to_live
    description = {"TimeToLiveStatus": "DISABLED"}
    if time_to_live is not None:
        description = {
            "TimeToLiveStatus": "ENABLED",
            "AttributeName": time_to_live.attribute,
        }
    return lambda reader: {"TimeToLiveDescription": description}
