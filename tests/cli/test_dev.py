"""`pelton dev` as a process: what is edited runs, what cannot run does not stop what does."""

from __future__ import annotations

import os
import re
import runpy
import signal
import threading
from pathlib import Path
from typing import Any

import pytest

import pelton
from pelton import App
from tests.server.raw import exchange, post

from .processes import Command

SHOP = """
import os
import pelton

app = pelton.App("shop.db")
users = app.table("users", partition_key="user_id", stream="NEW_AND_OLD_IMAGES")

@app.on_insert(users)
def welcome(user, context):
    print("welcome,", user["user_id"], flush=True)
"""


class Shop:
    """A source that is edited as an editor does it, and the command that watches it."""

    def __init__(self, folder: Path, source: str = SHOP, name: str = "shop.py") -> None:
        self.folder = folder
        self.path = folder / name
        self.write(source)

    def write(self, source: str) -> None:
        draft = self.folder / "draft.tmp"
        draft.write_text(source)
        os.replace(draft, self.path)

    def edit(self, old: str, new: str) -> None:
        source = self.path.read_text()
        assert old in source
        self.write(source.replace(old, new))

    def dev(self, *arguments: str) -> Command:
        return Command("dev", "shop:app", *arguments, cwd=self.folder)


def running(command: Command) -> str:
    """The URL that the next generation is running at, if any; skips what changed."""
    line = command.line()
    while line.endswith(" changed"):
        line = command.line()
    start = f"pelton {pelton.__version__} running shop:app"
    assert line.startswith(start), line
    return line.removeprefix(start).removeprefix(" at ")


def running_and_printed(command: Command) -> str:
    """What a handler prints that has something to do as soon as it runs."""
    lines = {command.line() for _ in range(3)}
    ours = {"shop.py changed", f"pelton {pelton.__version__} running shop:app"}
    (printed,) = {line.partition(" at http")[0] for line in lines} - ours
    return printed


def complaint(command: Command, pattern: str) -> re.Match[str]:
    """The first line of the error output that matches."""
    assert command.process.stderr is not None
    told = ""
    while (match := re.search(pattern, told)) is None:
        line = command.process.stderr.readline().decode()
        assert line, told
        told += line
    return match


def put(url: str, name: str) -> None:
    body = f'{{"TableName": "users", "Item": {{"user_id": {{"S": "{name}"}}}}}}'.encode()
    assert exchange(url, post(body, "DynamoDB_20120810.PutItem")).status == 200


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def test_what_is_edited_runs(shop: Shop) -> None:
    with shop.dev("--port", "0") as command:
        url = running(command)
        put(url, "ada")
        assert command.line() == "welcome, ada"
        shop.edit("welcome,", "hello,")
        assert command.line() == "shop.py changed"
        assert running(command) == url
        put(url, "eve")
        assert command.line() == "hello, eve"
        code, printed, _ = command.stop()
        assert (code, printed) == (0, "")
    with App(shop.folder / "shop.db") as app:
        users = app.table("users", partition_key="user_id")
        assert len(list(users.scan())) == 2


BROKEN = {
    "def welcome(": r"SyntaxError: ",
    "import no_such_library": r"ModuleNotFoundError: No module named 'no_such_library'",
    "raise SystemExit(3)": r"SystemExit: 3",
    "os._exit(4)": r"exit code 4",
    "app.close(); app = None": r"shop has nothing named app",
}


def test_what_cannot_be_loaded_leaves_what_runs_alone(shop: Shop) -> None:
    with shop.dev("--port", "0") as command:
        url = running(command)
        for number, (broken, error) in enumerate(BROKEN.items()):
            shop.write(f"{SHOP}\n{broken}\n")
            assert command.line() == "shop.py changed"
            complaint(command, "pelton: shop:app cannot be loaded; the one before goes on\n")
            complaint(command, error)
            put(url, f"ada{number}")
            assert command.line() == f"welcome, ada{number}"
        shop.write(SHOP.replace("welcome,", "hello,"))
        assert running(command) == url
        put(url, "eve")
        assert command.line() == "hello, eve"
        assert command.stop()[0] == 0


def test_the_error_shows_the_line_of_the_source_and_nothing_of_ours(shop: Shop) -> None:
    shop.write(SHOP + "\ndef fail():\n    1 / 0\n\nfail()\n")
    with shop.dev() as command:
        complaint(command, "pelton: shop:app cannot be loaded; waiting for a change\n")
        told = complaint(command, r"(?s)Traceback.*ZeroDivisionError: division by zero")[0]
        assert len(re.findall('File "', told)) == 2
        assert 'shop.py", line 15, in <module>' in told
        shop.write(SHOP)
        assert running(command) == ""
        assert command.stop()[0] == 0


def test_a_process_that_dies_is_replaced_at_the_next_change(shop: Shop) -> None:
    shop.edit("    print", "    os._exit(3)\n    print")
    with shop.dev() as command:
        running(command)
        with App(shop.folder / "shop.db") as beside:
            beside.table("users", partition_key="user_id").put({"user_id": "ada"})
        complaint(command, "pelton: shop:app has ended; waiting for a change\nexit code 3")
        shop.edit("    os._exit(3)\n", "")
        assert running_and_printed(command) == "welcome, ada"
        assert command.stop()[0] == 0


def test_an_app_that_cannot_start_is_told(shop: Shop) -> None:
    with shop.dev() as command:
        running(command)
        shop.edit('"NEW_AND_OLD_IMAGES")', '"NEW_AND_OLD_IMAGES")\napp.database.close()')
        complaint(command, "pelton: shop:app cannot be (started|loaded)")
        complaint(command, "StoreClosedError: the store is closed")
        shop.write(SHOP)
        running(command)
        assert command.stop()[0] == 0


COUNTING = """
import pelton

app = pelton.App("shop.db")
users = app.table("users", partition_key="user_id", stream="NEW_AND_OLD_IMAGES")
totals = app.table("totals", partition_key="id")
calls = app.table("calls", partition_key="user_id")

@app.on_insert(users)
def count(user, context):
    context.transaction.update(totals, {"id": "all"}, "ADD n :one", values={":one": 1})

@app.on_insert(users)
def call(user, context):
    calls.update({"user_id": user["user_id"]}, "ADD n :one", values={":one": 1})

VERSION = 0
"""


def test_no_record_is_lost_or_repeated(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.write(COUNTING)
    ended = threading.Event()
    written = 0

    def write(users: Any) -> None:
        nonlocal written
        while not ended.is_set():
            users.put({"user_id": f"u{written}"})
            written += 1

    with shop.dev() as command, App(shop.folder / "shop.db") as beside:
        running(command)
        users = beside.table("users", partition_key="user_id")
        writer = threading.Thread(target=write, args=(users,))
        writer.start()
        for version in range(1, 5):
            shop.write(COUNTING.replace("VERSION = 0", f"VERSION = {version}"))
            running(command)
        ended.set()
        writer.join()
        assert command.stop()[0] == 0
    monkeypatch.chdir(shop.folder)
    names = runpy.run_path("shop.py")
    with names["app"] as app:
        before = names["totals"].get({"id": "all"})
        assert before is not None
        assert before["n"] > 0
        app.drain()
        assert written > 100
        assert names["totals"].get({"id": "all"}) == {"id": "all", "n": written}
        seen = list(names["calls"].scan())
        assert len(seen) == written
        assert {each["n"] for each in seen} == {1}


def test_other_files_are_watched_where_that_is_asked_for(shop: Shop) -> None:
    texts = shop.folder / "texts"
    texts.mkdir()
    (texts / "greeting.txt").write_text("welcome,")
    shop.edit('"welcome,"', 'open("texts/greeting.txt").read()')
    with shop.dev("--watch", "texts", "--port", "0") as command:
        url = running(command)
        (texts / "greeting.txt").write_text("salve,")
        assert command.line() == "texts/greeting.txt changed"
        running(command)
        put(url, "ada")
        assert command.line() == "salve, ada"
        assert command.stop()[0] == 0


def test_a_call_that_does_not_end_is_killed_and_made_again(shop: Shop) -> None:
    shop.edit(
        "    print", "    import time; print('begun', flush=True); time.sleep(3600)\n    print"
    )
    with shop.dev("--port", "0", "--grace", "0.5") as command:
        put(running(command), "ada")
        assert command.line() == "begun"
        shop.write(SHOP)
        complaint(command, "a call did not end within 0.5 seconds and was killed")
        assert running_and_printed(command) == "welcome, ada"
        assert command.stop(signal.SIGINT)[0] == 0


def test_the_app_ends_with_the_command(shop: Shop) -> None:
    with shop.dev() as command:
        running(command)
        command.process.kill()
        assert command.process.stdout is not None
        command.process.stdout.read()  # ends when the last process that may write has ended


def test_what_is_missing_is_told(shop: Shop) -> None:
    (shop.folder / "watchfiles.py").write_text("raise ImportError")
    with shop.dev() as command:
        code, _, told = command.end()
    assert (code, told) == (
        1,
        "pelton: pelton dev needs watchfiles: pip install 'pelton[reload]'\n",
    )
    with shop.dev("--port", "0", "--host", "0.0.0.0") as command:
        code, _, told = command.end()
    assert code == 1
    assert told.startswith("pelton: 0.0.0.0 can be reached by other machines")
