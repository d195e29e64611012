"""Filters: how many records a second a mapping's patterns are held against."""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

import pelton
from pelton.handlers.filters import compile_filters
from pelton.streams import Record, Streams

from .figure import Figure
from .inprocess import CREATE_TABLE

RECORDS = 60_000
BATCH = 100
ROUNDS = 7
RATE_MIN = 300_000

_STATUS = ["open", "paid", "sent"]
_INSERTED = {"eventName": ["INSERT"]}


def _of_status(*values: Any) -> dict[str, Any]:
    return {"dynamodb": {"NewImage": {"status": {"S": list(values)}}}}


PATTERNS: dict[str, dict[str, Any]] = {
    "INSERT with an exact attribute": {**_INSERTED, **_of_status("paid")},
    "INSERT with anything but a value": {**_INSERTED, **_of_status({"anything-but": "paid"})},
    "an attribute in any case, all parsed": _of_status({"equals-ignore-case": "PAID"}),
}
USUAL = "INSERT with an exact attribute"


def measure(say: Callable[[str], None]) -> list[Figure]:
    with tempfile.TemporaryDirectory(dir=".cache") as folder:
        path = Path(folder) / "filters.db"
        with pelton.App(path, durability="NORMAL") as app:
            say(f"writing {RECORDS:,} records")
            fill(app)
            records, stream_arn = read(app.streams)
    filters = {what: compile_filters([json.dumps(each)]) for what, each in PATTERNS.items()}
    rates: dict[str, list[float]] = {what: [] for what in PATTERNS}
    parsed: list[float] = []
    for round_ in range(1, ROUNDS + 1):
        say(f"round {round_} of {ROUNDS}")
        parsed.append(rate_of(records, lambda batch: [orjson.loads(each.body) for each in batch]))
        for what, found in rates.items():
            select = filters[what].select
            found.append(rate_of(records, lambda batch: select(batch, stream_arn)))  # noqa: B023
    bytes_each = sum(len(record.body) for record in records) // len(records)
    note = f"a third INSERT, MODIFY and REMOVE each; {bytes_each} bytes a record"
    figures = [Figure("bare parse of each record", statistics.median(parsed), "records/s")]
    for what, found in rates.items():
        at_least = RATE_MIN if what == USUAL else None
        figures.append(
            Figure(what, statistics.median(found), "records/s", at_least=at_least, note=note)
        )
        ratio = statistics.median(ours / theirs for ours, theirs in zip(found, parsed, strict=True))
        figures.append(Figure(f"{what}: to the bare parse", ratio, "times"))
    return figures


def fill(app: pelton.App) -> None:
    """Each item is put, put again and deleted: a third of the records of each kind."""
    app.call("CreateTable", CREATE_TABLE)
    for first in range(0, RECORDS // 3, 25):
        numbers = range(first, first + 25)
        for version in (0, 1):
            puts = [{"PutRequest": {"Item": item(number, version)}} for number in numbers]
            app.call("BatchWriteItem", {"RequestItems": {"items": puts}})
        keys = [{"id": item(number, 0)["id"]} for number in numbers]
        deletes = [{"DeleteRequest": {"Key": key}} for key in keys]
        app.call("BatchWriteItem", {"RequestItems": {"items": deletes}})


def item(number: int, version: int) -> dict[str, Any]:
    return {
        "id": {"S": f"order#{number:07d}"},
        "status": {"S": _STATUS[number % len(_STATUS)]},
        "total": {"N": str(number + version)},
        "customer": {"M": {"name": {"S": "Ann Lee"}, "tags": {"SS": ["new", "vip"]}}},
    }


def read(streams: Streams) -> tuple[list[Record], str]:
    """All records of the one stream, shard by shard."""
    (stream,) = streams.streams.of_table("items")
    records: list[Record] = []
    for shard in streams.shards_of(stream.arn):
        after, is_complete = shard.start_seq, False
        while not is_complete:
            found, _, is_complete = streams.read(shard, after, 10_000, 1 << 24)
            records += found
            after = found[-1].sequence if found else after
    assert len(records) == RECORDS, f"{len(records):,} records were read"
    return records, stream.arn


def rate_of(records: list[Record], work: Callable[[list[Record]], object]) -> float:
    """Records a second, in batches as a worker reads them."""
    batches = [records[first : first + BATCH] for first in range(0, len(records), BATCH)]
    start = time.perf_counter()
    for batch in batches:
        work(batch)
    return len(records) / (time.perf_counter() - start)
