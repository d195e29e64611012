"""What a put costs in a large table beside a small one, and whether memory grows with the table."""

from __future__ import annotations

import os
import random
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

from pelton.engine import Database
from pelton.streams import Streams

from .figure import Figure
from .inprocess import CREATE_TABLE, TEXT

SMALL, LARGE = 10_000, 1_000_000
PUTS = 6_000
ROUNDS = 3
IN_FLIGHT = 16
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def measure(say: Callable[[str], None]) -> list[Figure]:
    with tempfile.TemporaryDirectory(dir=".cache") as folder:
        small = open_filled(Path(folder) / "small.db", SMALL, say)
        put_random(small, SMALL)
        before_mb = memory_mb()
        large = open_filled(Path(folder) / "large.db", LARGE, say)
        put_random(large, LARGE)
        grown_mb = memory_mb() - before_mb
        costs: dict[int, list[float]] = {SMALL: [], LARGE: []}
        for round_ in range(1, ROUNDS + 1):
            say(f"puts into both, round {round_} of {ROUNDS}")
            for database, items in ((small, SMALL), (large, LARGE)):
                costs[items].append(put_random(database, items))
        small.close()
        large.close()
    ratio = statistics.median(
        big / little for big, little in zip(costs[LARGE], costs[SMALL], strict=True)
    )
    return [
        Figure("put at 10,000 items", statistics.median(costs[SMALL]) * 1e6, "us"),
        Figure("put at 1,000,000 items", statistics.median(costs[LARGE]) * 1e6, "us"),
        Figure("cost at 1,000,000 to cost at 10,000", ratio, "times", at_most=1.5),
        Figure(
            "memory that 990,000 more items took",
            grown_mb,
            "MB",
            at_most=150.0,
            note="page caches and buffers of a second store; the items are 900 MB",
        ),
    ]


def open_filled(path: Path, items: int, say: Callable[[str], None]) -> Database:
    """A table of that many items; its records are not kept, for they are not what is measured."""
    database = Database(path, durability="NORMAL")
    plain = {key: value for key, value in CREATE_TABLE.items() if key != "StreamSpecification"}
    database.call("CreateTable", plain)
    for first in range(0, items, 25):
        if first % 100_000 == 0:
            say(f"filling: {first:,} of {items:,} items")
        puts = [{"PutRequest": {"Item": item_of(number)}} for number in range(first, first + 25)]
        database.call("BatchWriteItem", {"RequestItems": {"items": puts}})
    database.close()
    database = Database(path)
    Streams(database)
    stream = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    database.call("UpdateTable", {"TableName": "items", "StreamSpecification": stream})
    return database


def item_of(number: int) -> dict[str, dict[str, str]]:
    return {"id": {"S": f"item#{number:07d}"}, "text": {"S": TEXT}, "n": {"N": str(number)}}


_numbers = count(1)


def put_random(database: Database, items: int) -> float:
    """Seconds a put, over items that are there, 16 waiting at any time; every put is a change."""
    source = random.Random(next(_numbers))
    window = threading.Semaphore(IN_FLIGHT)
    start = time.perf_counter()
    for _ in range(PUTS):
        window.acquire()
        item = {**item_of(source.randrange(items)), "n": {"N": str(-next(_numbers))}}
        request = {"TableName": "items", "Item": item}
        database.submit("PutItem", request, lambda answer, error: window.release())
    for _ in range(IN_FLIGHT):
        window.acquire()
    return (time.perf_counter() - start) / PUTS


def memory_mb() -> float:
    """What this process holds in memory now."""
    resident = int(Path("/proc/self/statm").read_text().split()[1])
    return resident * PAGE_BYTES / 1e6
