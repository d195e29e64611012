"""The WAL: it starts over beside a busy writer, and waits for long reads."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pelton.engine.storage import Reader, SQLiteStore, Transaction, checkpoints

FRAMES = 50
FRAME_BYTES = 4096 + 24
WRITES_MAX = 20_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.db"


@pytest.fixture
def store(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SQLiteStore]:
    monkeypatch.setattr(checkpoints, "WAL_FRAMES_MAX", FRAMES)
    monkeypatch.setattr(checkpoints, "RETRY_FRAMES", FRAMES)
    store = SQLiteStore(path, durability="NORMAL")
    yield store
    store.close()


def write(store: SQLiteStore, number: int) -> None:
    done = threading.Event()

    def work(transaction: Transaction) -> None:
        transaction.log_append(1, number, number, 1, b"r" * 3000)

    store.write(work, lambda result, error: done.set())
    assert done.wait(30)


def write_until_it_starts_over(store: SQLiteStore, first: int) -> tuple[int, int]:
    """The number of the next write, and how many frames the WAL had before it started over."""
    for number in range(first, first + WRITES_MAX):
        frames = store._checkpoints._frames
        write(store, number)
        if store._checkpoints._frames < frames:
            return number + 1, frames
    raise AssertionError(f"{WRITES_MAX} writes did not empty the WAL")


def test_the_wal_starts_over_again_and_again(store: SQLiteStore, path: Path) -> None:
    number, frames_written = 1, 0
    for _ in range(5):
        number, frames = write_until_it_starts_over(store, number)
        assert frames >= FRAMES
        frames_written += frames
    assert store.read(lambda reader: reader.log_count(1)) == number - 1
    assert os.path.getsize(f"{path}-wal") < frames_written * FRAME_BYTES


def test_a_long_read_holds_the_wal_and_keeps_its_snapshot(store: SQLiteStore) -> None:
    write(store, 1)

    def look(reader: Reader) -> tuple[int, int]:
        before = reader.log_count(1)
        for number in range(2, 4 * FRAMES):
            write(store, number)
        return before, reader.log_count(1)

    assert store.read(look) == (1, 1)
    write_until_it_starts_over(store, 4 * FRAMES)


def test_a_file_is_synced_through_the_descriptor_that_is_open(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(os.readlink(f"/proc/self/fd/{fd}")))
    with open(path, "wb"):
        checkpoints.sync_open_file(str(path))
    checkpoints.sync_open_file(str(path))  # nobody has it open any more
    assert synced == ([str(path)] if os.path.isdir("/proc/self/fd") else [])
