"""`pelton dead-letters`: what could not be done, and how to have it done."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pelton import App

from .conftest import Run
from .processes import Command

APP = """
import pathlib
import pelton

app = pelton.App("shop.db")
users = app.table("users", partition_key="id", stream="NEW_AND_OLD_IMAGES")
here = pathlib.Path(__file__).parent


@app.on_change(users, maximum_retry_attempts=0)
def mail(change, context):
    if change.new["id"] != "ada" and not (here / "mended").exists():
        raise ConnectionError(f"no way to {change.new['id']}")
    context.transaction.put("sent", {"to": change.new["id"], "n": change.new["n"]})
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with an app, whose file has four dead letters about two users."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    (tmp_path / "mailing.py").write_text(APP)
    with App("shop.db") as app:
        app.table("sent", partition_key="to", sort_key=("n", int), stream="KEYS_ONLY")
    sys.modules.pop("mailing", None)
    import mailing  # type: ignore[import-not-found]

    with mailing.app as app:
        for n in (1, 2):
            for name in ("ada", "bob", "eve"):
                mailing.users.put({"id": name, "n": n})
        app.drain()
    yield tmp_path
    sys.modules.pop("mailing", None)


def redrive(run: Run, *arguments: str) -> tuple[int, str, str]:
    """The command as a process of its own has it: its app is imported anew."""
    sys.modules.pop("mailing", None)
    return run("dead-letters", "redrive", "mailing:app", *arguments)


def test_letters_are_listed(run: Run, folder: Path) -> None:
    code, printed, complaint = run("dead-letters", "list", "shop.db")
    assert (code, complaint) == (0, "")
    titles, *rows = (line.split("\t") for line in printed.splitlines())
    assert titles == [
        "handler",
        "sequence number",
        "event",
        "key",
        "attempts",
        "failed at",
        "error",
    ]
    assert [(row[0], row[2], row[3], row[4], row[6]) for row in rows] == [
        ("mail", event, f'{{"id":"{name}"}}', "1", f"ConnectionError: no way to {name}")
        for event in ("INSERT", "MODIFY")
        for name in ("bob", "eve")
    ]
    told = json.loads(run("dead-letters", "list", "shop.db", "--json")[1])
    assert [each["sequence_number"] for each in told] == [row[1] for row in rows]
    assert told[0]["condition"] == "RetryAttemptsExhausted"
    one = ("--handler", "mail", "--key", '{"id": "eve"}', "--json")
    chosen = json.loads(run("dead-letters", "list", "shop.db", *one)[1])
    assert [each["key"] for each in chosen] == [{"id": "eve"}, {"id": "eve"}]


def test_a_letter_is_shown_whole(run: Run, folder: Path) -> None:
    first = json.loads(run("dead-letters", "list", "shop.db", "--json")[1])[0]
    number = first["sequence_number"]
    code, printed, _ = run("dead-letters", "show", "shop.db", "mail", number)
    assert code == 0
    assert f"sequence number\t{number}\n" in printed
    assert '"NewImage":{"id":{"S":"bob"},"n":{"N":"1"}}' in printed
    assert "in mail" in printed
    told = json.loads(run("dead-letters", "show", "shop.db", "mail", number, "--json")[1])
    assert told["record"]["dynamodb"]["SequenceNumber"] == number
    assert "in mail" in told["traceback"]
    code, _, complaint = run("dead-letters", "show", "shop.db", "mail", "7")
    assert (code, complaint) == (
        1,
        "pelton: handler 'mail' has no dead letter '7'; see `pelton dead-letters list shop.db`\n",
    )


def test_they_are_delivered_again(run: Run, folder: Path) -> None:
    code, printed, complaint = redrive(run)
    assert (code, printed) == (1, "delivered 0\n")
    assert "2 failed again, 2 more wait behind them" in complaint
    assert "no way to bob" in complaint
    (folder / "mended").touch()
    eve = ("--key", '{"id": "eve"}')
    assert redrive(run, *eve) == (0, "delivered 2\n", "")
    assert len(json.loads(run("dead-letters", "list", "shop.db", "--json")[1])) == 2
    printed = redrive(run, "--json")[1]
    assert json.loads(printed) == {"delivered": 2, "failed": [], "waiting": 0}
    assert json.loads(run("dead-letters", "list", "shop.db", "--json")[1]) == []
    sent = map(json.loads, run("item", "scan", "shop.db", "sent", "--json")[1].splitlines())
    assert sorted((each["to"], each["n"]) for each in sent) == [
        (name, n) for name in ("ada", "bob", "eve") for n in (1, 2)
    ]


def test_beside_the_app_that_runs(run: Run, folder: Path) -> None:
    with Command("run", "mailing:app", cwd=folder) as command:
        assert "running mailing:app" in command.line()
        (folder / "mended").touch()
        assert redrive(run) == (0, "delivered 4\n", "")
        code, *_ = command.stop()
    assert code == 0
    assert json.loads(run("dead-letters", "list", "shop.db", "--json")[1]) == []


def test_the_app_that_runs_is_asked_to_do_it(run: Run, folder: Path) -> None:
    with Command("run", "mailing:app", cwd=folder) as command:
        assert "running mailing:app" in command.line()
        (folder / "mended").touch()
        assert run("dead-letters", "redrive", "shop.db") == (0, "asked for 4\n", "")
        with App("shop.db") as app:
            told = app.stream("sent").read(start="beginning", follow=True)
            sent = sorted(next(told).keys["to"] for _ in range(6))
        code, _, complaint = command.stop()
    assert sent == ["ada", "ada", "bob", "bob", "eve", "eve"]
    assert code == 0
    assert "dead letters of 'mail': 4 delivered, 0 failed" in complaint
    assert json.loads(run("dead-letters", "list", "shop.db", "--json")[1]) == []


def test_without_one_it_is_done_at_the_next_start(run: Run, folder: Path) -> None:
    (folder / "mended").touch()
    eve = ("--key", '{"id": "eve"}', "--json")
    assert json.loads(run("dead-letters", "redrive", "shop.db", *eve)[1]) == {"asked": 2}
    sys.modules.pop("mailing", None)
    import mailing

    with mailing.app as app:
        app.drain()
    left = json.loads(run("dead-letters", "list", "shop.db", "--json")[1])
    assert [each["key"] for each in left] == [{"id": "bob"}, {"id": "bob"}]


def test_a_file_without_letters_has_an_empty_list(run: Run, file: Path) -> None:
    assert len(run("dead-letters", "list", file)[1].splitlines()) == 1


def test_looking_creates_no_file(run: Run, tmp_path: Path) -> None:
    code, _, complaint = run("dead-letters", "list", tmp_path / "none.db")
    assert code == 1
    assert "there is no file" in complaint
