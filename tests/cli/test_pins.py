"""`pelton pins`: who holds records back, and how to let go."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pelton import App, ManualClock

from .conftest import Run
from .processes import Command


@pytest.fixture
def pinned(file: Path) -> Path:
    """The file with two records of a handler that came no further than the first, long ago."""
    clock = ManualClock()
    app = App(file, clock=clock)

    @app.on_stream("things", pins_records=True, batch_size=1)
    def mail(event: dict[str, Any], context: object) -> None: ...

    table = {"TableName": "things"}
    with app:
        app.call("PutItem", {**table, "Item": {"id": {"S": "a"}, "at": {"N": "1"}}})
        app.drain()
        app.stop()
        for number in ("2", "3"):
            app.call("PutItem", {**table, "Item": {"id": {"S": "a"}, "at": {"N": number}}})
    return file


def test_pins_are_listed_and_removed(run: Run, pinned: Path) -> None:
    code, printed, _ = run("pins", "list", pinned)
    assert code == 0
    titles, row = (line.split("\t") for line in printed.splitlines())
    assert titles == ["handler", "table", "held back", "bytes", "oldest"]
    assert row[:3] == ["mail", "things", "2"]
    assert int(row[3]) > 0
    assert row[4].endswith("m")
    (pin,) = json.loads(run("pins", "list", pinned, "--json")[1])
    assert (pin["name"], pin["records"], str(pin["size_bytes"])) == ("mail", 2, row[3])
    assert run("pins", "remove", pinned, "mail") == (0, "", "")
    assert json.loads(run("pins", "list", pinned, "--json")[1]) == []
    code, _, complaint = run("pins", "remove", pinned, "mail")
    assert code == 1
    assert "no handler 'mail' pins records" in complaint


def test_a_file_without_pins_has_an_empty_list(run: Run, file: Path) -> None:
    assert len(run("pins", "list", file)[1].splitlines()) == 1


def test_looking_creates_no_file(run: Run, tmp_path: Path) -> None:
    code, _, complaint = run("pins", "list", tmp_path / "none.db")
    assert code == 1
    assert "there is no file" in complaint


def test_a_server_beside_it_leaves_pinned_records_alone(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with App(path) as app:
        for name in ("kept", "free"):
            app.table(name, partition_key="id", stream="NEW_IMAGE")
    app = App(path)
    seen: list[str] = []

    @app.on_insert("kept", pins_records=True)
    def note(item: dict[str, Any], context: object) -> None:
        seen.append(item["id"])

    app.start()
    app.stop()
    for name in ("kept", "free"):
        app.call("PutItem", {"TableName": name, "Item": {"id": {"S": "a"}}})
    arguments = ("serve", str(path), "--port", "0", "--limit", "retention_seconds=0.2")
    with Command(*arguments, cwd=tmp_path) as command:
        command.line()
        # The shards of the table made first are trimmed first; the test's time limit ends this.
        while records_in(app, "free"):
            pass
        assert records_in(app, "kept") == 1
        assert command.stop() == (0, "", "")
    app.start()
    app.drain()
    assert seen == ["a"]
    app.close()


def records_in(app: App, table: str) -> int:
    (stream,) = app.streams.streams.of_table(table)
    shards = app.streams.shards_of(stream.arn)
    return app.database.store.read(
        lambda reader: sum(reader.log_count(shard.number) for shard in shards)
    )
