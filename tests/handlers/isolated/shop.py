"""An app whose handlers run in processes, which import this module too."""

from __future__ import annotations

import os
from typing import Any

from pelton import App

app = App(os.environ.get("PELTON_TEST_FILE", ":memory:"))
orders = app.table("orders", partition_key="order_id", stream="NEW_AND_OLD_IMAGES")
totals = app.table("totals", partition_key="id")
days = app.table(
    "days", partition_key="day", sort_key="at", stream="NEW_AND_OLD_IMAGES", write_shards=4
)


@app.on_insert(orders, run_in="process")
def total(order: dict[str, Any], context: Any) -> None:
    add = {":n": order["n"]}
    context.transaction.update(totals, {"id": "all"}, "ADD n :n", values=add)
    context.transaction.put(days, {"day": "today", "at": order["order_id"], "pid": os.getpid()})
    context.emit("mail", {"order": order["order_id"]})


@app.on_insert(days, run_in="process", name="day")
def day(item: dict[str, Any], context: Any) -> None:
    context.transaction.put(totals, {"id": f"day {item['at']}", "day": item["day"]})


@app.effect("mail", run_in="process")
def mail(payload: dict[str, Any], context: Any) -> None:
    sent = {"id": f"mail {payload['order']}", "key": context.idempotency_key, "pid": os.getpid()}
    context.transaction.put(totals, sent)


@app.on_insert(orders, run_in="process", maximum_retry_attempts=0)
def reach_out(order: dict[str, Any], context: Any) -> None:
    """Tries to use the file, which is not open here."""
    totals.put({"id": "direct"})
