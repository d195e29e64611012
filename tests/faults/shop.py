"""The app whose process the fault tests kill: items, an index, and totals kept exactly-once."""

from __future__ import annotations

import os
from typing import Any

import pelton

app = pelton.App(os.environ.get("PELTON_FAULTS_DB", ":memory:"))
items = app.table(
    "items",
    partition_key="id",
    stream="NEW_AND_OLD_IMAGES",
    indexes=[pelton.Index("by-group", partition_key="group", sort_key=("n", int))],
)
totals = app.table("totals", partition_key="group")


@app.on_change(items)
def add_up(change: pelton.RecordChange, context: pelton.Context) -> None:
    """Takes the old item out of its group's totals and the new one in."""
    for item, sign in ((change.old, -1), (change.new, 1)):
        if item is not None:
            values: dict[str, Any] = {":one": sign, ":n": sign * item["n"]}
            context.transaction.update(
                totals, {"group": item["group"]}, "ADD item_count :one, n_sum :n", values=values
            )
