"""From an acknowledged write to its handler, and how fast handlers drain a backlog."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pelton

from .figure import Figure
from .scale import memory_mb

LATENCY_PUTS = 2_000
IDLE_SECONDS = 0.001
BUSY_SECONDS = 4.0
BUSY_PUTS_PER_SECOND = 1_000
BACKLOG = 1_000_000
BATCH_SIZE = 100
COUNTER_BATCH_SIZE = 1_000
COUNTED = 100_000
COUNTERS = 100
MEMORY_MB_MAX = 60.0
IDLE_MAPPINGS = 200
IDLE_WATCHED_SECONDS = 5.0


def measure(say: Callable[[str], None]) -> list[Figure]:
    with tempfile.TemporaryDirectory(dir=".cache") as name:
        folder = Path(name)
        say(f"latency of {LATENCY_PUTS:,} single writes")
        idle = measure_latency(folder / "idle.db", LATENCY_PUTS, pause_seconds=IDLE_SECONDS)
        puts = round(BUSY_SECONDS * BUSY_PUTS_PER_SECOND)
        say(f"latency at {BUSY_PUTS_PER_SECOND:,} writes a second")
        busy = measure_latency(folder / "busy.db", puts, per_second=BUSY_PUTS_PER_SECOND)
        say(f"writing {BACKLOG:,} records")
        drained = measure_drain(folder / "drain.db", say)
        say(f"counting {COUNTED:,} records")
        counted = measure_counter(folder / "counter.db")
        say(f"{IDLE_MAPPINGS} mappings that have nothing to do")
        share = measure_idle()
    return [
        Figure(
            "idle: write acknowledged to handler called, median", idle.median, "ms", at_most=0.2
        ),
        Figure("idle: write acknowledged to handler called, p99", idle.p99, "ms"),
        Figure(
            "idle: write begun to handler called, median", idle.whole, "ms", note="fsync included"
        ),
        Figure(
            "1,000 writes/s: write acknowledged to handler called, median",
            busy.median,
            "ms",
            at_most=1.0,
            note=f"{busy.rate:,.0f} writes/s were made",
        ),
        Figure(
            "1,000 writes/s: write acknowledged to handler called, p99",
            busy.p99,
            "ms",
            at_most=5.0,
        ),
        Figure(
            f"{BACKLOG:,} records drained by a handler that does nothing",
            drained[0],
            "records/s",
            at_least=100_000.0,
        ),
        Figure(
            "memory that it took from the first 100,000 on",
            drained[1],
            "MB",
            at_most=MEMORY_MB_MAX,
        ),
        Figure("exactly-once counter", counted, "records/s", at_least=15_000.0),
        Figure(f"{IDLE_MAPPINGS} idle mappings", share * 100, "% of a core", at_most=1.0),
    ]


class Latency(NamedTuple):
    """Milliseconds, from the return of `put` to the first line of the handler, or from its call."""

    median: float
    p99: float
    whole: float
    """The median from the call of `put`."""
    rate: float
    """How many writes a second were made."""


def measure_latency(
    path: Path, puts: int, *, pause_seconds: float = 0.0, per_second: float | None = None
) -> Latency:
    """One client writes, with a pause behind each write or at a rate.

    A handler that runs before `put` has returned counts as 0.
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
        start = time.perf_counter()
        for number in range(puts):
            if per_second is not None:
                # Those that are late follow at once: the rate is kept.
                time.sleep(max(0.0, start + number / per_second - time.perf_counter()))
            key = f"event#{number}"
            begun_at[key] = time.perf_counter()
            events.put({"id": key, "text": "x" * 850})
            acknowledged_at[key] = time.perf_counter()
            if pause_seconds:
                time.sleep(pause_seconds)
        rate = puts / (time.perf_counter() - start)
        app.drain()
    latencies = sorted(
        max(0.0, called_at[key] - acknowledged_at[key]) * 1000 for key in acknowledged_at
    )
    whole_ms = statistics.median(called_at[key] - begun_at[key] for key in begun_at) * 1000
    return Latency(
        statistics.median(latencies), latencies[int(len(latencies) * 0.99)], whole_ms, rate
    )


def measure_drain(path: Path, say: Callable[[str], None]) -> tuple[float, float]:
    """Records a second through a handler that does nothing, from a backlog on disk, and the memory
    in MB that it took from its first thousand batches on.
    """
    app = pelton.App(path, durability="NORMAL")
    events = app.table("events", partition_key="id", stream="NEW_AND_OLD_IMAGES")
    fill(app, events.name, BACKLOG)
    say(f"draining {BACKLOG:,} records")
    seen: list[int] = []  # appended to by several threads, where a sum would lose some
    memory: list[float] = []

    @app.on_stream(events, batch_size=BATCH_SIZE)
    def nothing(event: dict[str, Any], context: object) -> None:
        seen.append(len(event["Records"]))
        if len(seen) % 1_000 == 0:
            memory.append(memory_mb())

    start = time.perf_counter()
    with app:
        app.drain()
        seconds = time.perf_counter() - start
    assert sum(seen) == BACKLOG, f"{sum(seen)} records came instead of {BACKLOG}"
    return BACKLOG / seconds, max(memory) - memory[0]


def measure_counter(path: Path) -> float:
    """Records a second through a handler that counts each in one of many items, exactly once."""
    app = pelton.App(path)
    events = app.table("events", partition_key="id", stream="NEW_IMAGE")
    counts = app.table("counts", partition_key="kind")
    fill(app, events.name, COUNTED)

    @app.on_stream(events, batch_size=COUNTER_BATCH_SIZE)
    def count(event: dict[str, Any], context: pelton.Context) -> None:
        for record in event["Records"]:
            kind = record["dynamodb"]["NewImage"]["kind"]["S"]
            context.transaction.update(counts, {"kind": kind}, "ADD n :one", values={":one": 1})

    start = time.perf_counter()
    with app:
        app.drain()
        seconds = time.perf_counter() - start
        found = [counts.get({"kind": f"k{number}"}) for number in range(COUNTERS)]
    total = sum(item["n"] for item in found if item is not None)
    assert total == COUNTED, f"{total} were counted instead of {COUNTED}"
    return COUNTED / seconds


def measure_idle() -> float:
    """What part of a core a process takes whose mappings have nothing to do."""
    command = [sys.executable, "-c", IDLE.format(IDLE_MAPPINGS, IDLE_WATCHED_SECONDS)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(run.stdout)


IDLE = """
import resource, time, pelton
app = pelton.App()
table = app.table("events", partition_key="id", stream="NEW_IMAGE")
for number in range({0}):
    app.on_stream(table, name=f"handler{{number}}")(lambda event, context: None)

def used():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime

with app:
    table.put({{"id": "first"}})
    app.drain()
    time.sleep(0.5)
    before = used()
    time.sleep({1})
    print((used() - before) / {1})
"""


def fill(app: pelton.App, table: str, records: int) -> None:
    for first in range(0, records, 25):
        puts = [
            {
                "PutRequest": {
                    "Item": {
                        "id": {"S": f"event#{number}"},
                        "kind": {"S": f"k{number % COUNTERS}"},
                        "text": {"S": TEXT},
                    }
                }
            }
            for number in range(first, first + 25)
        ]
        app.call("BatchWriteItem", {"RequestItems": {table: puts}})


TEXT = "x" * 200
"""A million items of 0.9 KB would take more of a disk than a benchmark should."""
