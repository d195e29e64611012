"""Functions that do well, fail, or end their process, as the items that they are given say."""

from __future__ import annotations

import ctypes
import os
import re
import signal
import sys
import time
from pathlib import Path
from typing import Any

Item = dict[str, Any]


def count(item: Item, context: Any) -> None:
    """An exactly-once counter of items and of processes."""
    add = {":one": 1}
    context.transaction.update("totals", {"id": "all"}, "ADD n :one", values=add)
    context.transaction.put("totals", {"id": item["id"], "pid": os.getpid()})
    act(item, context)


async def count_async(item: Item, context: Any) -> None:
    import asyncio

    await asyncio.sleep(0)
    count(item, context)


def sum_up(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """A batch handler that reads, writes, and answers with what it has seen."""
    total = context.transaction.get("totals", {"id": "sum"}) or {"id": "sum", "n": 0}
    for record in event["Records"]:
        total["n"] += int(record["dynamodb"]["NewImage"]["n"]["N"])
    context.transaction.put("totals", total)
    return {"batchItemFailures": [], "n": total["n"], "more": event.get("state")}


def tell(change: Any, context: Any) -> None:
    """Writes down the whole context."""
    told = {
        name: getattr(context, name)
        for name in (
            "aws_request_id",
            "function_name",
            "function_version",
            "invoked_function_arn",
            "memory_limit_in_mb",
            "log_group_name",
            "log_stream_name",
            "idempotency_key",
            "shard_id",
            "attempt",
        )
    }
    told["remaining"] = 0 < context.get_remaining_time_in_millis() <= 900_000
    told["change"] = [change.event, change.table_name, change.keys["id"], change.sequence_number]
    context.transaction.put("totals", {"id": "told", **told})


def misuse(item: Item, context: Any) -> None:
    """Writes what the table refuses, and lives with it."""
    try:
        context.transaction.put("totals", {"name": "no key"})
    except Exception as error:
        context.transaction.put("totals", {"id": "refusal", "error": repr(error)})


def act(item: Item, context: Any) -> None:
    """Ends, or does not, as the item wants, unless this is not the first attempt."""
    how = item.get("how", "")
    if item.get("once") and context.attempt > 1:
        return
    if how == "exit":
        os._exit(3)
    elif how == "exit quietly":
        os._exit(0)
    elif how == "sys.exit":
        sys.exit(3)
    elif how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif how == "segfault":
        ctypes.string_at(0)
    elif how == "memory":
        held = [bytearray(10_000_000) for _ in range(100)]
        raise AssertionError(f"{len(held)} blocks were granted")
    elif how == "raise":
        raise LookupError("no such shelf")
    elif how == "hang":
        time.sleep(3_600)
    elif how == "never let go":
        # The matcher keeps Python to itself for years.
        Path(item["path"]).write_text(str(os.getpid()))
        re.match(r"(a+)+$", "a" * 64 + "b")
    elif how == "garbage":
        write_garbage()


def write_garbage() -> None:
    """Says something on the connection that is no message."""
    for fd in map(int, os.listdir("/dev/fd")):
        try:
            if os.readlink(f"/dev/fd/{fd}").startswith("socket:"):
                os.write(fd, b"\xff" * 64)
        except OSError:
            pass
    time.sleep(3_600)


def answer_oddly(event: dict[str, Any], context: Any) -> object:
    return {"when": object()}


def noop(item: Any, context: Any) -> None:
    """Does nothing, for measurements."""
