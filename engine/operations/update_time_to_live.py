"""UpdateTimeToLive: lets items of a table expire by an attribute, or no longer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ..errors import ValidationException
from ..schema import Table, TimeToLive
from ..storage import Transaction
from ..time_to_live import fill_expiries
from .describe_table import table_to_manage
from .operation import Answer, DatabaseParts, Present, Request


def update_time_to_live(
    database: DatabaseParts, request: Request, present: Present
) -> Callable[[Any], Answer]:
    specification = request["TimeToLiveSpecification"]
    attribute, enabled = specification["AttributeName"], specification["Enabled"]
    table_to_manage(database.catalog, request["TableName"])

    def work(transaction: Transaction) -> Answer:
        table = table_to_manage(database.catalog, request["TableName"])
        _check_change(table, attribute, enabled=enabled)
        time_to_live = None
        if enabled:
            time_to_live = TimeToLive(attribute, transaction.create_space())
            fill_expiries(transaction, table, time_to_live)
        elif table.time_to_live is not None:
            transaction.drop_space(table.time_to_live.space)
        database.catalog.change(transaction, table, replace(table, time_to_live=time_to_live))
        return {"TimeToLiveSpecification": {"AttributeName": attribute, "Enabled": enabled}}

    return work


def _check_change(table: Table, attribute: str, *, enabled: bool) -> None:
    current = table.time_to_live
    if current is not None and current.attribute != attribute:
        raise ValidationException(
            "TimeToLive is active on a different AttributeName: current AttributeName is "
            f"{current.attribute}"
        )
    if enabled is (current is not None):
        state = "enabled" if enabled else "disabled"
        raise ValidationException(f"TimeToLive is already {state}")
