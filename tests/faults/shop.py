"""The app whose process the fault tests kill: indexes, transfers, and handlers of every kind."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pelton
from pelton.engine.storage import checkpoints

SHARD_SECONDS_MAX = 2.0
"""So short that shards roll all the time, also in the moment of a kill."""
CHECKPOINT_FRAMES = 200
"""So few that the WAL is moved into the file all the time."""

WITNESS_BATCH = 20
WITNESS_LANES = 3


def make_app(path: Path, seen: Path | None = None) -> pelton.App:
    """The shop in the file `path`; what its witness sees is noted in `seen`, a file beside it."""
    checkpoints.WAL_FRAMES_MAX = CHECKPOINT_FRAMES
    checkpoints.RETRY_FRAMES = CHECKPOINT_FRAMES
    app = pelton.App(path, stream_limits=pelton.StreamLimits(shard_seconds_max=SHARD_SECONDS_MAX))
    items = app.table(
        "items",
        partition_key="client",
        sort_key="slot",
        stream="NEW_AND_OLD_IMAGES",
        indexes=[
            pelton.Index("by-group", partition_key="group", sort_key=("n", int)),
            pelton.Index("by-n", sort_key=("n", int), projection="KEYS_ONLY"),
        ],
    )
    app.table("counters", partition_key="id", stream="NEW_IMAGE")
    app.table("accounts", partition_key="id")
    transfers = app.table("transfers", partition_key="id", stream="NEW_IMAGE")
    totals = app.table("totals", partition_key="group", stream="KEYS_ONLY")
    app.table("statements", partition_key="account")
    app.table("changes", partition_key="table")
    app.table("clients", partition_key="client")

    app.on_change(items)(add_up)
    app.on_stream(totals)(count_changes)
    app.on_insert(transfers)(write_statements)
    app.on_stream(items, parallelization_factor=4, batch_size=10)(count_by_client)
    witness = Witness(seen or path.with_suffix(".seen"))
    app.on_stream(items, name="witness", batch_size=WITNESS_BATCH)(witness)
    app.on_stream(
        items,
        name="lanes",
        batch_size=WITNESS_BATCH,
        parallelization_factor=WITNESS_LANES,
        maximum_batching_window_in_seconds=1,
    )(Witness(witness.path.with_suffix(".lanes")))
    return app


def count_by_client(event: dict[str, Any], context: pelton.Context) -> None:
    """Counts the changes of each client's items, several batches of a shard at once."""
    for record in event["Records"]:
        client = record["dynamodb"]["Keys"]["client"]["S"]
        context.transaction.update("clients", {"client": client}, "ADD n :one", values={":one": 1})


def add_up(change: pelton.RecordChange, context: pelton.Context) -> None:
    """Takes the old item out of its group's totals and puts the new one in."""
    for item, sign in ((change.old, -1), (change.new, 1)):
        if item is not None:
            context.transaction.update(
                "totals",
                {"group": item["group"]},
                "ADD item_count :one, n_sum :n",
                values={":one": sign, ":n": sign * item["n"]},
            )


def count_changes(event: dict[str, Any], context: pelton.Context) -> None:
    """Counts the changes of the derived table: its own records cause these calls."""
    context.transaction.update(
        "changes", {"table": "totals"}, "ADD n :n", values={":n": len(event["Records"])}
    )


async def write_statements(transfer: pelton.Item, context: pelton.Context) -> None:
    """Reads and writes, so that a statement written meanwhile makes it run again."""
    for account, amount in (
        (transfer["source"], -transfer["amount"]),
        (transfer["target"], transfer["amount"]),
    ):
        found = context.transaction.get("statements", {"account": account})
        balance = found["balance"] if found else 0
        context.transaction.put("statements", {"account": account, "balance": balance + amount})


class Witness:
    """An effect outside the file: a line for each record that was delivered, and in which life."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._life = f"{os.getpid()}-{time.time_ns()}"

    def __call__(self, event: dict[str, Any], context: pelton.Context) -> None:
        lines = [
            f"{record['dynamodb']['SequenceNumber']} {self._life} {context.shard_id}\n"
            for record in event["Records"]
        ]
        with self.path.open("ab", buffering=0) as file:
            file.write("".join(lines).encode())
