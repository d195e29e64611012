"""What write shards do to a hot key under a partition's limits, and what its queries cost."""

from __future__ import annotations

import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pelton
from pelton.engine.errors import ThrottlingException

from .figure import Figure

SHARDS = 10
THREADS = 16
WARM_SECONDS = 2.0
"""A partition begins with a second's worth of units unused; that is used up before counting."""
SECONDS = 2.0
ASKED = 2_000
"""Puts a second that all clients of a table ask for; 250 of them fill a partition."""
DAYS = ("2026-11-24", "2026-11-25", "2026-11-26")
"""The hot key of each round: where its shards fall is another matter each time."""
TEXT = "x" * 3_900
"""An item of 4 write units."""
UNITS = 4
ITEMS = 5_000
FIRST = 20
QUERIES = {ITEMS: 4, FIRST: 100}
QUERY_ROUNDS = 3


def measure(say: Callable[[str], None]) -> list[Figure]:
    with tempfile.TemporaryDirectory(dir=".cache") as folder:
        writes = measure_writes(Path(folder) / "writes.db", say)
        queries = measure_queries(Path(folder) / "queries.db", say)
    return writes + queries


def tables_of(app: pelton.App) -> tuple[pelton.Table, pelton.Table]:
    """The same table without and with write shards."""
    one = app.table("one", partition_key="placed", sort_key="id")
    return one, app.table("spread", partition_key="placed", sort_key="id", write_shards=SHARDS)


# --- writes ----------------------------------------------------------------------------------


@dataclass
class Tally:
    """What clients of one table met while they were counted."""

    accepted: int = 0
    refused: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.accepted + other.accepted, self.refused + other.refused)


def measure_writes(path: Path, say: Callable[[str], None]) -> list[Figure]:
    figures = []
    with pelton.App(path, strictness=pelton.Strictness(throttles=True)) as app:
        tables = tables_of(app)
        for retries in (False, True):
            tallies: dict[str, list[Tally]] = {table.name: [] for table in tables}
            for day in DAYS:
                for table in tables:
                    how = "each put until it is taken" if retries else "puts"
                    say(f"{how}, into {table.name} on {day}")
                    tallies[table.name].append(put_hot(table, day, retries=retries))
            figures += figures_of(tallies, retries=retries)
    return figures


def figures_of(tallies: dict[str, list[Tally]], *, retries: bool) -> list[Figure]:
    whose = "clients that try again" if retries else "clients that go on"
    figures = []
    for name, what in (("one", "one key"), ("spread", f"{SHARDS} write shards")):
        accepted = statistics.median(each.accepted for each in tallies[name]) / SECONDS
        refused = statistics.median(each.refused for each in tallies[name]) / SECONDS
        figures += [
            Figure(f"{whose}, {what}: taken", accepted * UNITS, "units/s"),
            Figure(f"{whose}, {what}: throttled", refused * UNITS, "units/s"),
        ]
    pairs = zip(tallies["one"], tallies["spread"], strict=True)
    ratio = statistics.median(spread.accepted / one.accepted for one, spread in pairs)
    at_least = None if retries else 3.0
    what = f"{whose}: taken with write shards to without"
    return [*figures, Figure(what, ratio, "times", at_least=at_least)]


_numbers = count()


def put_hot(table: pelton.Table, day: str, *, retries: bool) -> Tally:
    """Many clients put new items under one key, `ASKED` a second at most all together.

    A throttled put is either given up for the next one, as where each comes from another user, or
    tried again until it is taken, which holds its client up.
    """
    begin = time.monotonic() + WARM_SECONDS
    tallies = [Tally() for _ in range(THREADS)]

    def client(number: int) -> None:
        tally, slot = tallies[number], begin - WARM_SECONDS + number / ASKED
        item: dict[str, str] = {}
        while (now := time.monotonic()) < begin + SECONDS:
            if now < slot:
                time.sleep(slot - now)
            slot = max(slot + THREADS / ASKED, now - 1)
            item = item or {"placed": day, "id": f"{next(_numbers):08d}", "text": TEXT}
            try:
                table.put(item)
            except ThrottlingException:
                tally.refused += now >= begin
                item = item if retries else {}
            else:
                tally.accepted += now >= begin
                item = {}

    threads = [threading.Thread(target=client, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(tallies, Tally())


# --- queries ---------------------------------------------------------------------------------


def measure_queries(path: Path, say: Callable[[str], None]) -> list[Figure]:
    figures = []
    with pelton.App(path, durability="NORMAL") as app:
        tables = tables_of(app)
        for table in tables:
            with table.batch() as batch:
                for number in range(ITEMS):
                    item = {"placed": DAYS[0], "id": f"{number:08d}", "text": TEXT[:200]}
                    batch.put(item)
        for items, at_most in ((ITEMS, 2.0), (FIRST, None)):
            say(f"queries of {items} items")
            times: dict[str, list[float]] = {table.name: [] for table in tables}
            for _ in range(QUERY_ROUNDS):
                for table in tables:
                    times[table.name].append(seconds_of_query(table, items))
            ratio = statistics.median(
                many / few for few, many in zip(times["one"], times["spread"], strict=True)
            )
            what = f"query of {'all' if items == ITEMS else 'the first'} {items:,} items"
            one_ms, spread_ms = (statistics.median(each) * 1000 for each in times.values())
            figures += [
                Figure(f"{what}: one key", one_ms, "ms"),
                Figure(f"{what}: {SHARDS} write shards", spread_ms, "ms"),
                Figure(f"{what}: with write shards to without", ratio, "times", at_most=at_most),
            ]
    return figures


def seconds_of_query(table: pelton.Table, items: int) -> float:
    start = time.perf_counter()
    for _ in range(QUERIES[items]):
        found = table.query("placed = :hot", values={":hot": DAYS[0]}, limit=items)
        assert sum(1 for _ in found) == items
    return (time.perf_counter() - start) / QUERIES[items]
