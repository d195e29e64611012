"""What a store tells of its commits and of its size."""

from __future__ import annotations

import threading
from functools import partial
from pathlib import Path

from pelton.engine.storage import SQLiteStore, Transaction


def test_a_store_tells_its_commits_and_its_size(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "x.db")
    before = store.figures()
    begun, go, done = (threading.Event() for _ in range(3))

    def hold(transaction: Transaction) -> None:
        begun.set()
        assert go.wait(30)

    def put_body(transaction: Transaction, key: bytes) -> None:
        transaction.put(0, 0, b"x", key, 0, bytes(5000))

    store.write(hold, lambda *outcome: None, alone=True)
    assert begun.wait(30)
    for number in range(5):
        store.write(partial(put_body, key=b"%d" % number), lambda *outcome: None)
    store.write(lambda transaction: None, lambda *outcome: done.set())
    go.set()
    assert done.wait(30)
    figures = store.figures()
    assert (figures.commits - before.commits, figures.writes - before.writes) == (2, 7)
    assert figures.wal_bytes > 25_000
    assert figures.file_bytes == (tmp_path / "x.db").stat().st_size
    store.close()
