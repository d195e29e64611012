"""Puts a second in process, beside a bare apsw loop that writes the same in the same commits."""

from __future__ import annotations

import hashlib
import random
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import apsw

from pelton.engine import Database
from pelton.streams import Streams

from .figure import Figure

COMMIT_SIZES = (1, 16, 128)
PUTS = {1: 4_000, 16: 24_000, 128: 40_000}
ROUNDS = 3
KEYS = 20_000
TEXT = "x" * 860
SHARE = 0.6
CHECKPOINT_PAGES = 1_000
"""SQLite's own default."""

CREATE_TABLE = {
    "TableName": "items",
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "BillingMode": "PAY_PER_REQUEST",
    "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
}


def measure(say: Callable[[str], None]) -> list[Figure]:
    figures = []
    for size in COMMIT_SIZES:
        bare, tidy, ours = [], [], []
        for round_ in range(1, ROUNDS + 1):
            say(f"{size} puts a commit, round {round_} of {ROUNDS}")
            with tempfile.TemporaryDirectory(dir=".cache") as folder:
                bare.append(bare_rate(Path(folder) / "bare.db", PUTS[size], size))
                tidy.append(bare_rate(Path(folder) / "tidy.db", PUTS[size], size, CHECKPOINT_PAGES))
                ours.append(pelton_rate(Path(folder) / "pelton.db", PUTS[size], size))
        share, fair_share = (
            statistics.median(mine / loop for mine, loop in zip(ours, loops, strict=True))
            for loops in (bare, tidy)
        )
        what = f"{size} put{'s' if size > 1 else ''} a commit"
        figures += [
            Figure(f"{what}: bare apsw loop", statistics.median(bare), "puts/s"),
            Figure(f"{what}: pelton", statistics.median(ours), "puts/s"),
            Figure(f"{what}: pelton to the loop", share * 100, "%", at_least=SHARE * 100),
            Figure(f"{what}: pelton to the loop with checkpoints", fair_share * 100, "%"),
        ]
    return figures


def keys(count: int) -> Iterator[str]:
    source = random.Random(1)
    return (f"item#{source.randrange(KEYS):06d}" for _ in range(count))


def pelton_rate(path: Path, puts: int, commit_size: int) -> float:
    """Puts a second of a client that asks for `commit_size` of them at a time and waits for all."""
    database = Database(path)
    Streams(database)
    database.call("CreateTable", CREATE_TABLE)
    waiting = list(keys(puts))
    start = time.perf_counter()
    for first in range(0, puts, commit_size):
        put_together(database, waiting[first : first + commit_size], first)
    seconds = time.perf_counter() - start
    database.close()
    return puts / seconds


def put_together(database: Database, keys: list[str], first: int) -> None:
    answered = threading.Event()
    left = len(keys)

    def done(answer: object, error: BaseException | None) -> None:
        nonlocal left
        assert error is None, error
        left -= 1
        if left == 0:
            answered.set()

    for number, key in enumerate(keys, first):
        item = {"id": {"S": key}, "text": {"S": TEXT}, "n": {"N": str(number)}}
        database.submit("PutItem", {"TableName": "items", "Item": item}, done)
    answered.wait()


def bare_rate(path: Path, puts: int, commit_size: int, checkpoint_pages: int = 0) -> float:
    """The least that must be done: read the old item, write the new one and a record of both.

    With 0 `checkpoint_pages` the WAL grows for as long as it runs.
    """
    connection = apsw.Connection(str(path))
    for pragma in ("journal_mode=WAL", "synchronous=FULL"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute(f"PRAGMA wal_autocheckpoint={checkpoint_pages}")
    connection.execute("PRAGMA cache_size=-65536")
    connection.execute(
        "CREATE TABLE items (token INTEGER, pk BLOB, sk BLOB, body BLOB, "
        "PRIMARY KEY (token, pk, sk)) WITHOUT ROWID"
    )
    connection.execute("CREATE TABLE log (id INTEGER PRIMARY KEY, body BLOB)")
    execute = connection.cursor().execute
    waiting = list(keys(puts))
    start = time.perf_counter()
    for first in range(0, puts, commit_size):
        execute("BEGIN IMMEDIATE")
        for number in range(first, min(first + commit_size, puts)):
            put_bare(execute, waiting[number].encode(), number)
        execute("COMMIT")
    seconds = time.perf_counter() - start
    connection.close()
    return puts / seconds


def put_bare(execute: Callable[..., apsw.Cursor], key: bytes, number: int) -> None:
    token = int.from_bytes(hashlib.blake2b(key, digest_size=8).digest(), "big", signed=True)
    old = execute("SELECT body FROM items WHERE token=? AND pk=? AND sk=?", (token, key, b""))
    rows = old.fetchall()
    new = b'{"id":{"S":"%b"},"text":{"S":"%b"},"n":{"N":"%d"}}' % (key, TEXT.encode(), number)
    execute(
        "INSERT INTO items VALUES (?,?,?,?) ON CONFLICT DO UPDATE SET body=excluded.body",
        (token, key, b"", new),
    )
    record = (
        b'{"eventID":"%032d","dynamodb":{"Keys":{"id":{"S":"%b"}},"NewImage":%b,"OldImage":%b}}'
    )
    body = record % (number, key, new, rows[0][0] if rows else b"{}")
    execute("INSERT INTO log VALUES (?,?)", (((token & 3) << 40) | number, body))
