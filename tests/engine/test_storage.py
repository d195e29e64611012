"""The store: group commit, isolation of failures, sequences, several processes on one file."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest

from pelton.engine.errors import (
    SpaceDroppedError,
    StoreClosedError,
    StoreError,
    StoreFormatError,
    StoreFullError,
    UnsafeSQLiteError,
)
from pelton.engine.storage import Reader, SQLiteStore, Transaction
from pelton.engine.storage.port import POSITION_MAX, LogRow
from pelton.engine.storage.rows import (
    LOG_LANES,
    READ_SINGLY,
    RUN_BYTES,
    RUN_RECORDS,
    SQLiteReader,
)
from pelton.engine.storage.sqlite import check_sqlite_version
from pelton.engine.storage.temporary import remove_orphans


class Outcomes:
    """Collects what writes came to, in the order they were told."""

    def __init__(self, store: SQLiteStore) -> None:
        self._store = store
        self.told: list[tuple[Any, BaseException | None]] = []

    def queue(self, work: Callable[[Transaction], Any], *, alone: bool = False) -> None:
        self._store.write(work, lambda *outcome: self.told.append(outcome), alone=alone)

    def wait(self) -> list[tuple[Any, BaseException | None]]:
        done = threading.Event()
        self._store.write(lambda transaction: None, lambda *outcome: done.set())
        assert done.wait(30)
        return self.told


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.db"


@pytest.fixture
def store(path: Path) -> Iterator[SQLiteStore]:
    store = SQLiteStore(path)
    yield store
    store.close()


def write(store: SQLiteStore, work: Callable[[Transaction], Any]) -> Any:
    outcomes = Outcomes(store)
    outcomes.queue(work)
    ((result, error),) = outcomes.wait()
    if error is not None:
        raise error
    return result


@pytest.fixture
def space(store: SQLiteStore) -> int:
    number: int = write(store, lambda transaction: transaction.create_space())
    return number


def put(space: int, key: bytes, body: bytes = b"{}") -> Callable[[Transaction], None]:
    return lambda transaction: transaction.put(space, 1, key, b"", len(body), body)


def put_sorted(space: int, key: bytes) -> Callable[[Transaction], None]:
    return lambda transaction: transaction.put(space, 1, b"p", key, 0, key)


def append(shard: int, position: int) -> Callable[[Transaction], None]:
    return lambda transaction: transaction.log_append(shard, position, 1, 1, b"r")


def rows(store: SQLiteStore, space: int) -> list[bytes]:
    return store.read(
        lambda reader: [row.pk for row in reader.scan(space, token_low=-5, token_high=5)]
    )


class Hold:
    """Keeps the writer busy until released, so that what is queued meanwhile forms one group."""

    def __init__(self, store: SQLiteStore) -> None:
        self._entered, self._released = threading.Event(), threading.Event()
        store.write(self._work, lambda *outcome: None, alone=True)
        assert self._entered.wait(30)

    def _work(self, transaction: Transaction) -> None:
        self._entered.set()
        assert self._released.wait(30)

    def release(self) -> None:
        self._released.set()


def test_work_queued_together_is_committed_together(store: SQLiteStore, space: int) -> None:
    commits: list[frozenset[int] | None] = []
    store.on_append(commits.append)
    hold, outcomes = Hold(store), Outcomes(store)
    for number in range(5):
        outcomes.queue(append(7, number))
    hold.release()
    assert outcomes.wait() == [(None, None)] * 5
    assert commits == [frozenset({7})]


def test_work_that_fails_before_it_writes_leaves_its_group_alone(
    store: SQLiteStore, space: int
) -> None:
    def fail(transaction: Transaction) -> None:
        raise ValueError("no")

    hold, outcomes = Hold(store), Outcomes(store)
    outcomes.queue(put(space, b"a"))
    outcomes.queue(fail)
    outcomes.queue(put(space, b"b"))
    hold.release()
    (_, first), (_, second), (_, third) = outcomes.wait()
    assert (first, third) == (None, None)
    assert isinstance(second, ValueError)
    assert rows(store, space) == [b"a", b"b"]


def test_work_that_fails_after_it_wrote_is_undone_alone(store: SQLiteStore, space: int) -> None:
    undone: list[str] = []

    def write_then_fail(transaction: Transaction) -> None:
        transaction.after_rollback(lambda: undone.append("first"))
        transaction.after_rollback(lambda: undone.append("last"))
        transaction.put(space, 1, b"half", b"", 0, b"")
        raise ValueError("no")

    hold, outcomes = Hold(store), Outcomes(store)
    outcomes.queue(put(space, b"a"))
    outcomes.queue(write_then_fail)
    outcomes.queue(put(space, b"b"))
    hold.release()
    (_, first), (_, second), (_, third) = outcomes.wait()
    assert (first, third) == (None, None)
    assert isinstance(second, ValueError)
    assert rows(store, space) == [b"a", b"b"]
    # Undone with its group, then once more when it ran by itself; the last callback first.
    assert undone == ["last", "first"] * 2


def test_after_commit_runs_before_the_answer(store: SQLiteStore) -> None:
    order: list[str] = []
    done = threading.Event()

    def work(transaction: Transaction) -> None:
        transaction.after_commit(lambda: order.append("after commit"))

    def answer(result: None, error: BaseException | None) -> None:
        order.append("answer")
        done.set()

    store.write(work, answer)
    assert done.wait(30)
    assert order == ["after commit", "answer"]


def test_sequences_increase_over_rollbacks_and_reopening(path: Path) -> None:
    given = []

    def take_then_fail(transaction: Transaction) -> None:
        transaction.next_sequence()
        transaction.put(0, 0, b"k", b"", 0, b"")
        raise ValueError

    for _ in range(3):
        store = SQLiteStore(path)
        given += [write(store, lambda transaction: transaction.next_sequence()) for _ in range(3)]
        with pytest.raises(ValueError):
            write(store, take_then_fail)
        given.append(write(store, lambda transaction: transaction.next_sequence()))
        store.close()
    assert given == sorted(set(given))


def test_query_bounds_are_half_open_and_directions_mirror(store: SQLiteStore, space: int) -> None:
    for key in (b"a", b"b", b"c"):
        write(store, put_sorted(space, key))

    def keys(**bounds: Any) -> list[bytes]:
        return store.read(
            lambda reader: [sk for sk, _, _ in reader.query(space, 1, b"p", **bounds)]
        )

    assert keys() == [b"a", b"b", b"c"]
    assert keys(low=b"b") == [b"b", b"c"]
    assert keys(high=b"c") == [b"a", b"b"]
    assert keys(low=b"a", high=b"c", reverse=True) == [b"b", b"a"]


def test_what_is_expired_ends_where_it_must_stay_and_where_time_ran_back(
    store: SQLiteStore,
) -> None:
    def append_some(transaction: Transaction) -> None:
        for position, at_ms in enumerate((100, 200, 900, 300, 400), start=1):
            transaction.log_append(3, position, position, at_ms, b"four")
        transaction.log_append(2, 9, 9, 1, b"another shard's")
        transaction.log_append(4, 1, 1, 1, b"another shard's")

    write(store, append_some)

    def look(before_ms: int, until: int, limit: int) -> tuple[int, int, int]:
        return store.read(lambda reader: reader.log_expired(3, before_ms, until, limit))

    assert look(500, POSITION_MAX, 9) == (2, 2, 8)
    assert look(999, POSITION_MAX, 9) == (5, 5, 20)
    assert look(999, 3, 9) == (3, 3, 12)
    assert look(999, 0, 9) == look(100, POSITION_MAX, 9) == (0, 0, 0)
    assert look(999, POSITION_MAX, 1) == (1, 1, 4)
    for least, size_bytes_max, count in ((1, 3, 1), (1, 11, 2), (1, 12, 3), (4, 3, 4), (1, 99, 5)):
        assert store.read(
            partial(
                SQLiteReader.log_expired,
                shard=3,
                before_ms=999,
                until=POSITION_MAX,
                limit=9,
                least=least,
                size_bytes_max=size_bytes_max,
            )
        ) == (count, count, count * 4)
    span = store.read(lambda reader: reader.log_span(3, 1, POSITION_MAX))
    assert span == (4, 16, 200, 900)
    assert store.read(lambda reader: reader.log_span(3, 1, 4, 400)) == (2, 8, 200, 300)
    assert store.read(lambda reader: reader.log_span(3, 5, POSITION_MAX)) == (0, 0, 0, 0)


@pytest.mark.parametrize("size", [0, 1, 3_000, 70_000])
def test_a_long_read_gives_each_record_as_it_was_appended(store: SQLiteStore, size: int) -> None:
    """Also behind the first, which come one by one, and over the bounds of runs."""
    source = Random(size)
    count = READ_SINGLY + 3 * max(2, min(RUN_RECORDS, RUN_BYTES // max(1, size)))
    rows = [
        LogRow(
            2 * number,
            number + 1,
            1_000 - number,
            source.randbytes(size and source.choice([0, size])),
        )
        for number in range(1, count)
    ]

    def append_all(transaction: Transaction) -> None:
        for row in rows:
            transaction.log_append(3, *row)
        transaction.log_append(3 + LOG_LANES, 1, 1, 0, b"another shard's in the same lane")

    write(store, append_all)
    for after, until, limit in (
        (0, POSITION_MAX, POSITION_MAX),
        (0, POSITION_MAX, READ_SINGLY),
        (0, POSITION_MAX, count - 1),
        (3, 2 * count - 5, READ_SINGLY + RUN_RECORDS + 1),
        (5, 2 * count, READ_SINGLY + 1),
        (2 * count, POSITION_MAX, 9),
    ):
        wanted = [row for row in rows if after < row.position <= until][:limit]
        read = partial(_log_of_3, after, until, limit)
        assert store.read(read) == wanted


def _log_of_3(after: int, until: int, limit: int, reader: Reader) -> list[LogRow]:
    return list(reader.log_read(3, after, until, limit))


def test_trimming_deletes_the_expired_prefix_in_chunks(store: SQLiteStore) -> None:
    def append_some(transaction: Transaction) -> None:
        for position in range(1, 6):
            transaction.log_append(3, position, position, position * 100, b"r")
        transaction.log_append(4, 1, 1, 0, b"another shard's")

    write(store, append_some)

    def drop(through: int, transaction: Transaction) -> None:
        transaction.log_drop(3, through)

    for expired in ((2, 2, 2), (1, 3, 1), (0, 0, 0)):
        assert store.read(lambda reader: reader.log_expired(3, 400, POSITION_MAX, 2)) == expired
        write(store, partial(drop, expired[1]))
    assert store.read(lambda reader: [row.position for row in reader.log_read(3, 0, 99, 9)]) == [
        4,
        5,
    ]
    assert store.read(lambda reader: reader.log_count(4)) == 1


def test_readers_never_see_half_a_commit(store: SQLiteStore, space: int) -> None:
    stop = threading.Event()
    torn: list[tuple[int, int]] = []

    def watch() -> None:
        while not stop.is_set():
            counts = store.read(lambda reader: (reader.count(space)[0], reader.log_count(1)))
            if counts[0] != counts[1]:
                torn.append(counts)

    def pair(number: int) -> Callable[[Transaction], None]:
        def work(transaction: Transaction) -> None:
            transaction.put(space, number, b"k", b"", 0, b"")
            transaction.tally(space, 1, 0)
            transaction.log_append(1, number, 1, 1, b"r")

        return work

    watcher = threading.Thread(target=watch)
    watcher.start()
    outcomes = Outcomes(store)
    for number in range(1, 300):
        outcomes.queue(pair(number))
    outcomes.wait()
    stop.set()
    watcher.join()
    assert torn == []


@pytest.mark.parametrize(
    "read",
    [
        lambda reader, space: reader.get(space, 0, b"a", b""),
        lambda reader, space: list(reader.query(space, 0, b"a")),
        lambda reader, space: list(reader.scan(space, token_low=0, token_high=1)),
        lambda reader, space: reader.count(space),
    ],
    ids=["get", "query", "scan", "count"],
)
def test_reading_what_was_dropped_says_so(
    store: SQLiteStore, space: int, read: Callable[[Any, int], Any]
) -> None:
    store.read(lambda reader: read(reader, space))
    write(store, lambda transaction: transaction.drop_space(space))
    with pytest.raises(SpaceDroppedError):
        store.read(lambda reader: read(reader, space))


def test_a_closed_store_says_so(path: Path) -> None:
    store = SQLiteStore(path)
    outcomes = Outcomes(store)
    outcomes.queue(lambda transaction: "finished")
    store.close()
    store.close()
    assert outcomes.told == [("finished", None)]
    with pytest.raises(StoreClosedError):
        store.write(lambda transaction: None, lambda *outcome: None)
    with pytest.raises(StoreClosedError):
        store.read(lambda reader: None)


def test_files_of_others_are_refused(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("these are notes, and more of them than an SQLite header has bytes" * 20)
    with pytest.raises(StoreFormatError, match=r"notes\.txt is not a database of pelton"):
        SQLiteStore(text)
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    with pytest.raises(StoreFormatError, match="SQLite file of another program"):
        SQLiteStore(other)
    with pytest.raises(StoreError, match="check that its folder exists"):
        SQLiteStore(tmp_path / "no" / "folder.db")
    with pytest.raises(StoreError, match="durability is one of FULL, NORMAL, OFF"):
        SQLiteStore(tmp_path / "y.db", durability="MAYBE")


def test_an_sqlite_with_the_wal_reset_bug_is_refused() -> None:
    with pytest.raises(UnsafeSQLiteError, match=r"apsw carries SQLite 3\.51\.2"):
        check_sqlite_version("3.51.2")
    check_sqlite_version("3.51.3")
    check_sqlite_version("3.54.1")


def test_memory_stores_are_private_and_leave_nothing(tmp_path: Path) -> None:
    first, second = SQLiteStore(":memory:"), SQLiteStore(":memory:")
    assert write(first, lambda transaction: transaction.create_space()) == 1
    assert write(second, lambda transaction: transaction.create_space()) == 1
    folder = Path(first.path).parent
    first.close()
    second.close()
    assert not folder.exists()


def test_folders_of_killed_processes_are_removed(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    dead = tmp_path / f"pelton-memory-{child.pid}-abc"
    alive = tmp_path / f"pelton-memory-{os.getpid()}-abc"
    dead.mkdir()
    alive.mkdir()
    remove_orphans(tmp_path)
    assert not dead.exists()
    assert alive.exists()


FOREIGN = """
import sys, threading
from pelton.engine.storage import SQLiteStore
store = SQLiteStore(sys.argv[1])
for line in sys.stdin:
    done = threading.Event()
    store.write(lambda t: print(t.next_sequence(), flush=True) or t.put(0, 0, b"k", b"", 0, b""),
                lambda *outcome: done.set())
    done.wait()
store.close()
"""


def test_another_process_may_write_and_sequences_stay_in_commit_order(
    store: SQLiteStore, path: Path
) -> None:
    noticed: list[str] = []
    store.on_foreign_commit(lambda transaction: noticed.append("seen"))
    with subprocess.Popen(
        [sys.executable, "-c", FOREIGN, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdin is not None and other.stdout is not None
        given = []
        for _ in range(4):
            given.append(write(store, lambda transaction: transaction.next_sequence()))
            other.stdin.write("\n")
            other.stdin.flush()
            given.append(int(other.stdout.readline()))
        other.stdin.close()
    given.append(write(store, lambda transaction: transaction.next_sequence()))
    assert given == sorted(set(given))
    assert noticed


def test_the_writer_outlives_a_callback_that_fails_on_another_processs_commit(
    store: SQLiteStore, path: Path
) -> None:
    failed = threading.Event()

    def fail_once(transaction: Transaction) -> None:
        if not failed.is_set():
            failed.set()
            raise RuntimeError("this callback is broken")

    store.on_foreign_commit(fail_once)
    with subprocess.Popen(
        [sys.executable, "-c", FOREIGN, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdin is not None and other.stdout is not None
        other.stdin.write("\n")
        other.stdin.flush()
        other.stdout.readline()
        assert failed.wait(30)
        other.stdin.close()
    assert write(store, lambda transaction: "answered") == "answered"


def test_a_thread_that_ends_leaves_no_open_file_behind(store: SQLiteStore, space: int) -> None:
    def read_on_a_thread() -> None:
        thread = threading.Thread(target=lambda: rows(store, space))
        thread.start()
        thread.join()

    read_on_a_thread()
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        read_on_a_thread()
    assert len(os.listdir("/proc/self/fd")) <= before + 2


def test_a_callback_that_fails_after_the_commit_does_not_unsay_it(
    store: SQLiteStore, space: int
) -> None:
    called: list[str] = []

    def fail(*arguments: object) -> None:
        raise RuntimeError("this callback is broken")

    def work(transaction: Transaction) -> str:
        put(space, b"kept")(transaction)
        transaction.log_append(1, 1, 1, 1, b"r")
        transaction.after_commit(fail)
        transaction.after_commit(lambda: called.append("callback"))
        return "done"

    store.on_append(fail)
    store.on_append(lambda shards: called.append("listener"))
    assert write(store, work) == "done"
    assert rows(store, space) == [b"kept"]
    assert called == ["callback", "listener"]


class QueueThatIsOvertaken:
    """The writer's queue, in which the first job is overtaken by a close of the store."""

    def __init__(self, store: SQLiteStore) -> None:
        self._queue, self._store = store._jobs, store
        self.closing: threading.Thread | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._queue, name)

    def put(self, job: Any) -> None:
        if job is not None and self.closing is None:
            self.closing = threading.Thread(target=self._store.close)
            self.closing.start()
            self.closing.join(0.2)
        self._queue.put(job)


def test_a_write_that_meets_a_close_is_answered_all_the_same(path: Path) -> None:
    store = SQLiteStore(path)
    overtaken = QueueThatIsOvertaken(store)
    store._jobs = overtaken  # type: ignore[assignment]
    answered = threading.Event()
    store.write(lambda transaction: None, lambda *outcome: answered.set())
    assert answered.wait(10)
    assert overtaken.closing is not None
    overtaken.closing.join(10)


def test_a_closed_store_opens_nothing_for_a_thread_that_reads_late(path: Path) -> None:
    store = SQLiteStore(path)
    store.close()
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(StoreClosedError):
        store.read(lambda reader: None)
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
def test_a_full_disk_is_a_typed_error_that_passes(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", small], check=True)
    try:
        filler = small / "filler"
        store = SQLiteStore(small / "x.db")
        space = write(store, lambda transaction: transaction.create_space())
        write(store, put(space, b"kept", b"kept"))
        with pytest.raises(OSError), filler.open("wb") as file:
            while True:
                file.write(b"\0" * 4096)
                file.flush()
        with pytest.raises(StoreFullError, match="the disk is full"):
            for number in range(2000):
                write(store, put(space, b"%d" % number, b"x" * 1000))
        assert b"kept" in rows(store, space)
        filler.unlink()
        write(store, put(space, b"again"))
        assert b"again" in rows(store, space)
        store.close()
        store = SQLiteStore(small / "x.db")
        assert {b"kept", b"again"} <= set(rows(store, space))
        store.close()
    finally:
        subprocess.run(["umount", small], check=True)
