"""Stream records: what appending them costs a put, and how fast a client reads them."""

from __future__ import annotations

import contextlib
import http.client
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pelton
from pelton.engine import Database
from pelton.streams import Streams

from .figure import Figure
from .http import install_wrk, load
from .inprocess import CREATE_TABLE, keys, put_together
from .scale import memory_mb
from .servers import pelton_on_disk

NO_STREAM = "no-stream"
VIEWS = ("KEYS_ONLY", "NEW_AND_OLD_IMAGES")
COMMIT_SIZES = (1, 16)
PUTS = 4_000
ROUNDS = 7
SERVED_SECONDS = 2
APPEND_RATIO_MAX = 1.35

SERVED_RECORDS = 100_000
SERVED_ROUNDS = 5
SERVED_RATE_MIN = 100_000
PAGE_RECORDS = 1_000

BACKLOG_RECORDS = 1_000_000
BACKLOG_MEMORY_MB_MAX = 30
"""What a reader may take more at the end of a backlog than at its beginning."""


def measure(say: Callable[[str], None]) -> list[Figure]:
    figures = measure_served_append(say)
    for size in COMMIT_SIZES:
        figures += measure_append(size, say)
    return [*figures, measure_get_records(say), *measure_backlog(say)]


# --- appending ------------------------------------------------------------------------------------


def measure_served_append(say: Callable[[str], None]) -> list[Figure]:
    """What a put over HTTP costs by the view of the table's stream."""
    install_wrk(say)
    costs: dict[str, list[float]] = {view: [] for view in (NO_STREAM, *VIEWS)}
    with pelton_on_disk() as url:
        with contextlib.closing(connect(url)) as connection:
            for view in costs:
                call(connection, "CreateTable", table_with(view) | {"TableName": view})
        for view in costs:
            load(url, "PutItem", SERVED_SECONDS, seed=0, put_table=view)
        for round_ in range(1, ROUNDS + 1):
            say(f"puts over HTTP, round {round_} of {ROUNDS}")
            for view, found in costs.items():
                found.append(1 / load(url, "PutItem", SERVED_SECONDS, seed=round_, put_table=view))
    return append_figures("put over HTTP", costs)


def measure_append(commit_size: int, say: Callable[[str], None]) -> list[Figure]:
    """What a put in process costs by the view of the table's stream."""
    costs: dict[str, list[float]] = {view: [] for view in (NO_STREAM, *VIEWS)}
    with tempfile.TemporaryDirectory(dir=".cache") as folder, ExitStack() as stack:
        databases = {}
        for view in costs:
            databases[view] = open_table(Path(folder) / f"{view}.db", view)
            stack.callback(databases[view].close)
            put_many(databases[view], commit_size)
        for round_ in range(1, ROUNDS + 1):
            say(f"{commit_size} puts a commit, round {round_} of {ROUNDS}")
            for view, database in databases.items():
                costs[view].append(put_many(database, commit_size))
    return append_figures(f"{commit_size} put{'s' if commit_size > 1 else ''} a commit", costs)


def append_figures(what: str, costs: dict[str, list[float]]) -> list[Figure]:
    """Rounds alternated between the views, so a ratio is of runs that were close together."""
    without = costs[NO_STREAM]
    figures = [Figure(f"{what}: no stream", statistics.median(without) * 1e6, "us")]
    for view in VIEWS:
        ratio = statistics.median(
            ours / theirs for ours, theirs in zip(costs[view], without, strict=True)
        )
        figures.append(
            Figure(f"{what}: {view} to no stream", ratio, "times", at_most=APPEND_RATIO_MAX)
        )
    return figures


def table_with(view: str) -> dict[str, Any]:
    """The CreateTable request of a table with a stream of this view, or with none."""
    request = {name: value for name, value in CREATE_TABLE.items() if name != "StreamSpecification"}
    if view == NO_STREAM:
        return request
    return {**request, "StreamSpecification": {"StreamEnabled": True, "StreamViewType": view}}


def open_table(path: Path, view: str) -> Database:
    database = Database(path)
    Streams(database)
    database.call("CreateTable", table_with(view))
    return database


def put_many(database: Database, commit_size: int) -> float:
    """Seconds a put of a 0.9 KB item, mostly over one that is there."""
    waiting = list(keys(PUTS))
    start = time.perf_counter()
    for first in range(0, PUTS, commit_size):
        number = time.perf_counter_ns()  # no two puts are alike, or nothing would change
        put_together(database, waiting[first : first + commit_size], number)
    return (time.perf_counter() - start) / PUTS


# --- reading --------------------------------------------------------------------------------------


def measure_get_records(say: Callable[[str], None]) -> Figure:
    """Reads a stream over one connection, page by page, as a consumer with nothing else to do."""
    with pelton_on_disk() as url:
        connection = connect(url)
        say(f"writing {SERVED_RECORDS:,} records")
        fill(connection)
        iterators = list(open_shards(connection))
        rates = []
        for round_ in range(1, SERVED_ROUNDS + 1):
            say(f"GetRecords, round {round_} of {SERVED_ROUNDS}")
            start = time.perf_counter()
            records = sum(read_shard(connection, iterator) for iterator in iterators)
            rates.append(records / (time.perf_counter() - start))
            assert records == SERVED_RECORDS, f"{records:,} records were read"
        connection.close()
    return Figure(
        "GetRecords over HTTP, pages of 1,000, one connection",
        statistics.median(rates),
        "records/s",
        at_least=SERVED_RATE_MIN,
        note="runs: " + ", ".join(f"{each:,.0f}" for each in rates),
    )


def fill(connection: http.client.HTTPConnection) -> None:
    call(connection, "CreateTable", CREATE_TABLE)
    for first in range(0, SERVED_RECORDS, 25):
        call(connection, "BatchWriteItem", {"RequestItems": {"items": puts_from(first)}})


def puts_from(first: int) -> list[dict[str, Any]]:
    """25 puts of new small items."""
    return [
        {"PutRequest": {"Item": {"id": {"S": f"item#{number:07d}"}, "n": {"N": str(number)}}}}
        for number in range(first, first + 25)
    ]


def open_shards(connection: http.client.HTTPConnection) -> Iterator[str]:
    """An iterator at the beginning of each shard."""
    (stream,) = call(connection, "ListStreams", {})["Streams"]
    request = {"StreamArn": stream["StreamArn"]}
    described = call(connection, "DescribeStream", request)["StreamDescription"]
    for shard in described["Shards"]:
        place = {"ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
        yield call(connection, "GetShardIterator", request | place)["ShardIterator"]


def read_shard(connection: http.client.HTTPConnection, iterator: str) -> int:
    """Reads an open shard to where it is empty and returns how many records it had.

    Answers are counted, not parsed: what a client makes of them is not what is measured.
    """
    records = 0
    while True:
        body = send(connection, "GetRecords", {"ShardIterator": iterator, "Limit": PAGE_RECORDS})
        count = body.count(b'"eventID"')
        if not count:
            return records
        records += count
        iterator = next_iterator(body)


def next_iterator(body: bytes) -> str:
    name = b'"NextShardIterator":"'
    start = body.rindex(name) + len(name)
    return body[start : body.index(b'"', start)].decode()


def connect(url: str) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(url.removeprefix("http://"))


def call(
    connection: http.client.HTTPConnection, operation: str, request: dict[str, Any]
) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(send(connection, operation, request))
    return answer


def send(connection: http.client.HTTPConnection, operation: str, request: dict[str, Any]) -> bytes:
    streams = ("ListStreams", "DescribeStream", "GetShardIterator", "GetRecords")
    service = "DynamoDBStreams_20120810" if operation in streams else "DynamoDB_20120810"
    headers = {
        "X-Amz-Target": f"{service}.{operation}",
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Date": "20260101T000000Z",
        "Authorization": "AWS4-HMAC-SHA256 "
        "Credential=bench/20260101/us-east-1/dynamodb/aws4_request, "
        "SignedHeaders=host;x-amz-date;x-amz-target, Signature=0",
    }
    connection.request("POST", "/", json.dumps(request), headers)
    answer = connection.getresponse()
    body = answer.read()
    assert answer.status == 200, f"{operation} was answered with {answer.status}: {body!r}"
    return body


def measure_backlog(say: Callable[[str], None]) -> list[Figure]:
    """Drains a backlog with a reader of pelton's own, and looks at what that takes of memory."""
    with tempfile.TemporaryDirectory(dir=".cache") as folder:
        app = pelton.App(Path(folder) / "backlog.db", durability="NORMAL")
        with contextlib.closing(app):
            app.call("CreateTable", CREATE_TABLE)
            for first in range(0, BACKLOG_RECORDS, 25):
                if first % 100_000 == 0:
                    say(f"writing a backlog: {first:,} of {BACKLOG_RECORDS:,} records")
                app.call("BatchWriteItem", {"RequestItems": {"items": puts_from(first)}})
            say("draining it")
            memory = []
            last, count = "", 0
            start = time.perf_counter()
            for count, change in enumerate(app.stream("items").read(), 1):
                assert change.sequence_number > last, "records came out of order"
                last = change.sequence_number
                if count % 100_000 == 0:
                    memory.append(memory_mb())
            seconds = time.perf_counter() - start
    assert count == BACKLOG_RECORDS, f"{count:,} records were read"
    return [
        Figure("backlog of 1,000,000 read in order in process", count / seconds, "records/s"),
        Figure(
            "memory that it took from the first 100,000 on",
            max(memory) - memory[0],
            "MB",
            at_most=BACKLOG_MEMORY_MB_MAX,
        ),
    ]
