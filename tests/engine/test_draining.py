"""Large spaces that are dropped: gone at once for readers, emptied in short transactions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Any

import apsw
import pytest

from pelton.engine.errors import SpaceDroppedError, StoreClosedError
from pelton.engine.storage import SQLiteStore, Transaction
from pelton.engine.storage.rows import DROPPED_BYTES_MAX, DROPPED_ROWS_MAX

ROWS = 4 * DROPPED_ROWS_MAX + 7


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.db"


@pytest.fixture
def store(path: Path) -> Iterator[SQLiteStore]:
    store = SQLiteStore(path, durability="OFF")
    yield store
    store.close()


def write(store: SQLiteStore, work: Callable[[Transaction], Any]) -> Any:
    answered = Event()
    told: list[Any] = []

    def done(result: Any, error: BaseException | None) -> None:
        told.extend((result, error))
        answered.set()

    store.write(work, done)
    assert answered.wait(30)
    assert told[1] is None
    return told[0]


def filled_space(store: SQLiteStore, rows: int = ROWS, body: bytes = b"x" * 500) -> int:
    def work(transaction: Transaction) -> int:
        space = transaction.create_space()
        for number in range(rows):
            transaction.put(space, number % 5, b"%d" % number, b"", len(body), body)
        transaction.tally(space, rows, rows * len(body))
        return space

    space: int = write(store, work)
    return space


def drop(store: SQLiteStore, space: int) -> None:
    write(store, lambda transaction: transaction.drop_space(space))


def left_over(store: SQLiteStore) -> int:
    """How many rows are left of dropped spaces."""

    def count(connection: Any) -> int:
        names = connection.execute("SELECT name FROM sqlite_schema WHERE name GLOB 'dropped_*'")
        total = 0
        for (name,) in names.fetchall():
            total += connection.execute(f"SELECT count(*) FROM {name}").fetchall()[0][0]
        return total

    return store.read(lambda reader: count(reader._connection))  # type: ignore[attr-defined]


def settle(store: SQLiteStore) -> None:
    """Waits until dropped spaces are emptied: each write stands behind a chunk of that."""
    while has_left(store):
        write(store, lambda transaction: None)


def has_left(store: SQLiteStore) -> bool:
    return store.read(
        lambda reader: bool(
            reader._connection.execute(  # type: ignore[attr-defined]
                "SELECT 1 FROM sqlite_schema WHERE name GLOB 'dropped_*'"
            ).fetchall()
        )
    )


def hold(store: SQLiteStore) -> tuple[Event, Event]:
    """The events of a work that holds the writer: it has got there, and it may go on."""
    entered, released = Event(), Event()

    def work(transaction: Transaction) -> None:
        entered.set()
        assert released.wait(30)

    store.write(work, lambda *outcome: None, alone=True)
    return entered, released


def test_a_large_space_is_gone_at_once_and_emptied_between_writes(store: SQLiteStore) -> None:
    space, other = filled_space(store), filled_space(store, 3)
    entered, released = hold(store)
    assert entered.wait(30)
    store.write(lambda transaction: transaction.drop_space(space), lambda *outcome: None)
    told: list[int] = []

    def look(transaction: Transaction) -> None:
        transaction.put(other, 9, b"%d" % len(told), b"", 1, b"")
        row = transaction._execute(f"SELECT count(*) FROM dropped_{space}")  # type: ignore[attr-defined]
        told.append(row.fetchall()[0][0])

    # The first stands in front of the first chunk: whoever came before need not wait for it.
    first = hold(store)
    store.write(look, lambda *outcome: None)
    released.set()
    assert first[0].wait(30)
    with pytest.raises(SpaceDroppedError):
        store.read(lambda reader: list(reader.scan(space, token_low=0, token_high=9)))
    first[1].set()
    settle(store)
    assert told == [ROWS]
    assert left_over(store) == 0
    assert len(store.read(lambda reader: list(reader.scan(other, token_low=0, token_high=9)))) == 4


def test_a_chunk_is_no_larger_than_a_writer_may_wait_for(store: SQLiteStore) -> None:
    by_bytes = filled_space(store, 30, b"x" * (DROPPED_BYTES_MAX // 8))
    entered, released = hold(store)
    assert entered.wait(30)
    told: list[int] = []
    store.write(lambda transaction: transaction.drop_space(by_bytes), lambda *outcome: None)
    behind = hold(store)
    released.set()
    assert behind[0].wait(30)

    def look(transaction: Transaction) -> None:
        row = transaction._execute(f"SELECT count(*) FROM dropped_{by_bytes}")  # type: ignore[attr-defined]
        told.append(row.fetchall()[0][0])

    store.write(look, lambda *outcome: None)
    behind[1].set()
    settle(store)
    assert told == [22]


def test_a_small_space_is_dropped_whole(store: SQLiteStore) -> None:
    space = filled_space(store, DROPPED_ROWS_MAX)
    drop(store, space)
    assert not has_left(store)
    drop(store, filled_space(store, 0))
    assert not has_left(store)


def test_a_reader_that_was_there_before_sees_all_to_its_end(store: SQLiteStore) -> None:
    space = filled_space(store)

    def read(reader: Any) -> int:
        rows = reader.scan(space, token_low=0, token_high=9)
        next(rows)
        drop(store, space)
        for _ in range(10):
            write(store, lambda transaction: None)
        return 1 + sum(1 for _ in rows)

    assert store.read(read) == ROWS
    settle(store)


def test_what_is_left_at_the_end_goes_at_the_next_start(path: Path) -> None:
    store = SQLiteStore(path, durability="OFF")
    space = filled_space(store)
    entered, released = hold(store)
    assert entered.wait(30)
    store.write(lambda transaction: transaction.drop_space(space), lambda *outcome: None)
    closing = Thread(target=store.close)
    closing.start()
    with pytest.raises(StoreClosedError):
        while True:  # until the end of the queue is there: the first chunk comes behind it
            store.write(lambda transaction: None, lambda *outcome: None)
    released.set()
    closing.join()
    connection = apsw.Connection(str(path))
    assert connection.execute(f"SELECT count(*) FROM dropped_{space}").fetchall() == [(ROWS,)]
    connection.close()
    again = SQLiteStore(path, durability="OFF")
    with pytest.raises(SpaceDroppedError):
        again.read(lambda reader: reader.get(space, 0, b"0", b""))
    settle(again)
    assert left_over(again) == 0
    again.close()
