"""`pelton top`, of a server and of a file."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from pelton import App, Context, ManualClock
from pelton.cli.top import SERVER_COLUMNS, drawn
from pelton.handlers.control import pause
from pelton.server import Server

from .conftest import Run
from .processes import ROOT

NOTHING_LISTENS = "http://127.0.0.1:1"


@pytest.fixture
def behind(file: Path) -> Path:
    """A file whose handler `mail` has done one record of three; the others are two minutes old."""
    clock = ManualClock()
    app = App(file, clock=clock)

    @app.on_stream("things", pins_records=True)
    def mail(event: dict[str, Any], context: Context) -> None: ...

    def put(at: int) -> None:
        app.call(
            "PutItem", {"TableName": "things", "Item": {"id": {"S": "a"}, "at": {"N": str(at)}}}
        )

    with app:
        put(1)
        app.drain()
        app.stop()
        put(2)
        put(3)
    return file


@pytest.fixture
def served() -> Iterator[tuple[App, str]]:
    """An app, one of whose handlers fails, and a server of it."""
    app = App(":memory:")
    things = app.table("things", partition_key="id", stream="NEW_AND_OLD_IMAGES")

    @app.on_insert(things)
    def note(item: dict[str, Any], context: Context) -> None: ...

    @app.on_insert(things, maximum_retry_attempts=0)
    def refuse(item: dict[str, Any], context: Context) -> None:
        raise ValueError("never")

    with app:
        things.put({"id": "a"})
        app.drain()
        with Server(app.database, port=0, apps=[app]) as server:
            yield app, server.url


def test_the_handlers_of_a_server_are_listed(run: Run, served: tuple[App, str]) -> None:
    code, printed, complaint = run("top", "--url", served[1])
    assert (code, complaint) == (0, "")
    titles, note, refuse = (line.split("\t") for line in printed.splitlines())
    assert titles == [
        "handler",
        "table",
        "state",
        "oldest",
        "iterator age",
        "records/s",
        "in flight",
        "failures",
        "last error",
    ]
    assert note[:4] == ["note", "things", "running", "-"]
    assert note[6:] == ["0", "0", "-"]
    assert refuse[:3] == ["refuse", "things", "running"]
    assert refuse[7] == "1"
    assert refuse[8].endswith(" ValueError: never")


def test_every_figure_of_a_server_is_json(run: Run, served: tuple[App, str]) -> None:
    code, printed, _ = run("top", "--url", served[1], "--json")
    rows = json.loads(printed)
    assert code == 0
    assert [(row["region"], row["name"], row["records"]) for row in rows] == [
        ("us-east-1", "note", 1),
        ("us-east-1", "refuse", 0),
    ]
    assert rows[1]["dead_letters"] == 1


def test_a_file_tells_what_lies_before_its_handlers(run: Run, behind: Path) -> None:
    code, printed, complaint = run("top", behind)
    assert (code, complaint) == (0, "")
    titles, mail = (line.split("\t") for line in printed.splitlines())
    assert titles == [
        "handler",
        "table",
        "paused",
        "behind",
        "bytes",
        "oldest",
        "set aside",
        "pins",
    ]
    assert mail[:4] == ["mail", "things", "no", "2"]
    assert mail[5].split()[0].endswith("d")
    assert mail[6:] == ["0", "yes"]
    (row,) = json.loads(run("top", behind, "--json")[1])
    assert (row["records_behind"], str(row["bytes_behind"])) == (2, mail[4])
    shards = json.loads(run("stream", "shards", behind, "things", "--json")[1])
    assert {each["shard_id"] for each in row["shards"]} == {each["ShardId"] for each in shards}
    assert sum(each["records_behind"] for each in row["shards"]) == 2


def test_a_file_tells_which_handlers_are_paused(run: Run, behind: Path) -> None:
    with App(behind) as app:
        pause(app.database, "mail")
    assert json.loads(run("top", behind, "--json")[1])[0]["is_paused"]


def test_a_file_without_handlers_has_an_empty_list(run: Run, file: Path) -> None:
    assert len(run("top", file)[1].splitlines()) == 1
    assert run("top", file, "--json")[1] == "[]\n"


def test_what_cannot_be_shown_is_refused(run: Run, file: Path, tmp_path: Path) -> None:
    for arguments, words in (
        ((file, "--url", NOTHING_LISTENS), "give a PATH or --url, not both"),
        ((file, "--watch"), "--watch draws on a terminal"),
        ((tmp_path / "none.db",), "there is no file"),
        (("--url", NOTHING_LISTENS), "/pelton/stats does not answer"),
        (("--url", "shop.db"), "--url begins with http://"),
    ):
        code, printed, complaint = run("top", *arguments)
        assert (code, printed) == (1, "")
        assert words in complaint


def test_what_is_late_or_has_failed_shows_on_a_terminal(served: tuple[App, str]) -> None:
    row = {**served[0].stats()["refuse"].to_json(), "region": "us-east-1", "oldest_age_ms": 90_000}
    console = Console(force_terminal=True, width=200)
    with console.capture() as capture:
        console.print(drawn([row, {**row, "region": "eu-west-1"}], SERVER_COLUMNS))
    shown = capture.get()
    assert "us-east-1" in shown
    assert "\x1b[33m1m 30s" in shown
    assert "\x1b[32mrunning" in shown


def test_the_table_is_drawn_again_on_a_terminal(behind: Path) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "pelton.cli", "top", str(behind), "--watch"],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "TERM": "xterm", "COLUMNS": "120"},
        stdout=theirs,
        stderr=subprocess.PIPE,
    )
    os.close(theirs)
    try:
        shown = b""
        while shown.count(b"mail") < 2:
            shown += os.read(ours, 4096)
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=60)[1] == b""
        assert process.returncode == 0
    finally:
        process.kill()
        process.communicate()
        os.close(ours)
