"""From an acknowledged write to its handler, and how fast handlers drain a backlog."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pelton

from .figure import Figure

LATENCY_PUTS = 2_000
IDLE_SECONDS = 0.001
BACKLOG = 100_000
BATCH_SIZE = 100


def measure(say: Callable[[str], None]) -> list[Figure]:
    with tempfile.TemporaryDirectory(dir=".cache") as folder:
        say(f"latency of {LATENCY_PUTS:,} single writes")
        median_ms, p99_ms, whole_ms = measure_latency(Path(folder) / "latency.db")
        say(f"draining {BACKLOG:,} records")
        rate = measure_drain(Path(folder) / "drain.db")
    return [
        Figure("write acknowledged to handler called, median", median_ms, "ms", at_most=2.0),
        Figure("write acknowledged to handler called, p99", p99_ms, "ms"),
        Figure("write begun to handler called, median", whole_ms, "ms", note="fsync included"),
        Figure("backlog drained, batches of 100", rate, "records/s", at_least=50_000.0),
    ]


def measure_latency(path: Path) -> tuple[float, float, float]:
    """Milliseconds from the return of `put` to the first line of the handler, median and p99;
    and from the call of `put`, median.

    A handler that runs before `put` has returned counts as 0 in the first two.
    """
    app = pelton.App(path)
    events = app.table("events", partition_key="id", stream="NEW_IMAGE")
    called_at: dict[str, float] = {}

    @app.on_stream(events)
    def note(event: dict[str, Any], context: object) -> None:
        now = time.perf_counter()
        for record in event["Records"]:
            called_at[record["dynamodb"]["Keys"]["id"]["S"]] = now

    begun_at: dict[str, float] = {}
    acknowledged_at: dict[str, float] = {}
    with app:
        for number in range(LATENCY_PUTS):
            key = f"event#{number}"
            begun_at[key] = time.perf_counter()
            events.put({"id": key, "text": "x" * 850})
            acknowledged_at[key] = time.perf_counter()
            time.sleep(IDLE_SECONDS)
        app.drain()
    latencies = sorted(
        max(0.0, called_at[key] - acknowledged_at[key]) * 1000 for key in acknowledged_at
    )
    whole_ms = statistics.median(called_at[key] - begun_at[key] for key in begun_at) * 1000
    return statistics.median(latencies), latencies[int(len(latencies) * 0.99)], whole_ms


def measure_drain(path: Path) -> float:
    """Records a second through a handler that does nothing, from a backlog on disk."""
    app = pelton.App(path)
    events = app.table("events", partition_key="id", stream="NEW_AND_OLD_IMAGES")
    fill(app, events.name)
    seen: list[int] = []  # appended to by several threads, where a sum would lose some

    @app.on_stream(events, batch_size=BATCH_SIZE)
    def nothing(event: dict[str, Any], context: object) -> None:
        seen.append(len(event["Records"]))

    start = time.perf_counter()
    with app:
        app.drain()
        seconds = time.perf_counter() - start
    assert sum(seen) == BACKLOG, f"{sum(seen)} records came instead of {BACKLOG}"
    return BACKLOG / seconds


def fill(app: pelton.App, table: str) -> None:
    for first in range(0, BACKLOG, 25):
        puts = [
            {"PutRequest": {"Item": {"id": {"S": f"event#{n}"}, "text": {"S": "x" * 850}}}}
            for n in range(first, first + 25)
        ]
        app.call("BatchWriteItem", {"RequestItems": {table: puts}})
