"""What writers feel while a million records leave a stream, and what the file gives back."""

from __future__ import annotations

import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pelton.engine import Database, ManualClock
from pelton.streams import Streams

from .figure import Figure
from .inprocess import CREATE_TABLE, keys

RECORDS = 1_000_000
TEXT = "x" * 250
PUTS_TOGETHER = 128
WRITE_SECONDS = 0.005
"""Between the beginnings of two writes of the one client."""
CALM_SECONDS = 2.0
TRIM_SECONDS = 8.0
P99_RATIO_MAX = 2.0


def measure(say: Callable[[str], None]) -> list[Figure]:
    with tempfile.TemporaryDirectory(dir=".cache") as folder:
        path = Path(folder) / "trimming.db"
        clock = ManualClock()
        say(f"writing {RECORDS:,} records")
        fill(path, clock)
        clock.advance(seconds=25 * 3600)
        before_bytes = path.stat().st_size
        calm, trimming, seconds = measure_writes(path, clock, say)
        after_bytes = path.stat().st_size
    return figures_of(calm, trimming, seconds, before_bytes, after_bytes)


def figures_of(
    calm: list[float], trimming: list[float], seconds: float, before_bytes: int, after_bytes: int
) -> list[Figure]:
    calm_p99, trim_p99 = percentile(calm, 0.99), percentile(trimming, 0.99)
    count = f"{len(calm):,} and {len(trimming):,} writes"
    return [
        Figure("write undisturbed, median", statistics.median(calm) * 1000, "ms"),
        Figure("write undisturbed, p99", calm_p99 * 1000, "ms"),
        Figure("write while trimming, median", statistics.median(trimming) * 1000, "ms"),
        Figure("write while trimming, p99", trim_p99 * 1000, "ms"),
        Figure(
            "p99 while trimming to undisturbed",
            trim_p99 / calm_p99,
            "times",
            at_most=P99_RATIO_MAX,
            note=count,
        ),
        Figure("records trimmed beside the writes", RECORDS / seconds, "records/s"),
        Figure("file before", before_bytes / 1e6, "MB"),
        Figure("file after", after_bytes / 1e6, "MB"),
    ]


def percentile(seconds: list[float], share: float) -> float:
    return sorted(seconds)[int(len(seconds) * share)]


def fill(path: Path, clock: ManualClock) -> None:
    """Writes the records: items of 0.3 KB over one another, so that most have both images."""
    database = Database(path, clock=clock, durability="NORMAL")
    Streams(database)
    database.call("CreateTable", CREATE_TABLE)
    waiting = list(keys(RECORDS))
    for first in range(0, RECORDS, PUTS_TOGETHER):
        put_together(database, waiting[first : first + PUTS_TOGETHER], first)
    database.close()


def put_together(database: Database, together: list[str], first: int) -> None:
    answered = threading.Semaphore(0)
    for number, key in enumerate(together, first):
        database.submit("PutItem", put_request(key, number), lambda *outcome: answered.release())
    for _ in together:
        answered.acquire()


def put_request(key: str, number: int) -> dict[str, object]:
    item = {"id": {"S": key}, "text": {"S": TEXT}, "n": {"N": str(number)}}
    return {"TableName": "items", "Item": item}


def measure_writes(
    path: Path, clock: ManualClock, say: Callable[[str], None]
) -> tuple[list[float], list[float], float]:
    """Latencies of writes in seconds without and with trimming, in turns, and how long it took."""
    database = Database(path, clock=clock)
    streams = Streams(database)
    streams.roll_aged()
    calm: list[float] = []
    trimming: list[float] = []
    seconds = 0.0
    trimmed = 0
    with writing(database) as latencies:
        time.sleep(CALM_SECONDS)
        while trimmed < RECORDS:
            say(f"{trimmed:,} records trimmed")
            latencies.clear()
            time.sleep(CALM_SECONDS)
            calm += latencies
            latencies.clear()
            start = time.perf_counter()
            trimmed += streams.trim(rest=resting(TRIM_SECONDS))
            seconds += time.perf_counter() - start
            trimming += latencies
    database.close()
    return calm, trimming, seconds


def resting(seconds_max: float) -> Callable[[float], bool]:
    """Rests as upkeep does, and stops when the time is over."""
    end = time.perf_counter() + seconds_max

    def rest(seconds: float) -> bool:
        time.sleep(seconds)
        return time.perf_counter() > end

    return rest


@contextmanager
def writing(database: Database) -> Iterator[list[float]]:
    """Puts at a steady pace on a thread of its own; gives the list their seconds are added to."""
    latencies: list[float] = []
    ended = threading.Event()

    def write() -> None:
        due = time.perf_counter()
        for number, key in enumerate(keys(10**7)):
            if ended.is_set():
                return
            start = time.perf_counter()
            database.call("PutItem", put_request(key, -number))
            latencies.append(time.perf_counter() - start)
            due = max(due + WRITE_SECONDS, start)
            time.sleep(max(0.0, due - time.perf_counter()))

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield latencies
    finally:
        ended.set()
        thread.join()
