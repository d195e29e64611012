"""`pelton mappings`: handlers seen and controlled from outside."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pelton import App, ManualClock

from .conftest import Run


class Shop:
    """An app whose handler notes what it is given; started and stopped for a while at a time."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.clock = ManualClock()
        self.ids: list[str] = []

    def run(self, *ids: str) -> list[str]:
        """Writes items, ten seconds apart, and has the handler do all there is to do."""
        app = App(self.file, clock=self.clock)

        @app.on_stream("things")
        def note(event: dict[str, Any], context: object) -> None:
            self.ids += [each["dynamodb"]["Keys"]["id"]["S"] for each in event["Records"]]

        with app:
            for each in ids:
                item = {"id": {"S": each}, "at": {"N": "1"}}
                app.call("PutItem", {"TableName": "things", "Item": item})
                self.clock.advance(seconds=10)
            app.drain()
        return self.ids


@pytest.fixture
def shop(file: Path) -> Shop:
    return Shop(file)


def test_handlers_are_listed_with_what_they_are_behind(run: Run, shop: Shop) -> None:
    shop.run("a", "b")
    code, printed, _ = run("mappings", "list", shop.file)
    assert code == 0
    titles, row = (line.split("\t") for line in printed.splitlines())
    assert titles == ["handler", "table", "paused", "behind", "oldest"]
    assert row == ["note", "things", "no", "0", "-"]
    run("mappings", "pause", shop.file, "note")
    shop.run("c")
    (told,) = json.loads(run("mappings", "list", shop.file, "--json")[1])
    assert (told["name"], told["paused"], told["behind_records"]) == ("note", True, 1)


def test_a_paused_handler_goes_on_when_resumed(run: Run, shop: Shop) -> None:
    shop.run("a")
    assert run("mappings", "pause", shop.file, "note") == (0, "", "")
    assert shop.run("b") == ["a"]
    assert run("mappings", "resume", shop.file, "note") == (0, "", "")
    assert shop.run() == ["a", "b"]


def test_a_rewind_to_a_time(run: Run, shop: Shop) -> None:
    shop.run("a", "b", "c")
    to = ("--to", "2023-11-14T22:13:35Z")  # 15 seconds after the first
    code, printed, _ = run("mappings", "rewind", shop.file, "note", *to, "--dry-run")
    assert code == 0
    assert [line.split("\t")[1] for line in printed.splitlines()] == ["again", "1"]
    assert shop.run() == ["a", "b", "c"]
    (move,) = json.loads(run("mappings", "rewind", shop.file, "note", *to, "--json")[1])
    assert move["records"] == 1
    assert shop.run() == ["a", "b", "c", "c"]


def test_a_skip_to_a_sequence_number(run: Run, shop: Shop) -> None:
    shop.run("a")
    run("mappings", "pause", shop.file, "note")
    shop.run("b", "c")
    moves = json.loads(run("mappings", "skip", shop.file, "note", "--dry-run", "--json")[1])
    first, second = sorted(each for move in moves for each in move["first_sequence_numbers"])
    code, printed, _ = run("mappings", "skip", shop.file, "note", "--to", second)
    assert code == 0
    titles, *rows = (line.split("\t") for line in printed.splitlines())
    assert titles == ["shard", "left out", "first sequence number"]
    assert [row[1:] for row in rows if row[1] != "0"] == [["1", first]]
    run("mappings", "resume", shop.file, "note")
    assert shop.run() == ["a", "c"]


def test_a_forgotten_handler_begins_anew(run: Run, shop: Shop) -> None:
    shop.run("a")
    assert run("mappings", "forget", shop.file, "note") == (0, "", "")
    assert shop.run() == ["a", "a"]


@pytest.mark.parametrize("command", ["pause", "resume", "rewind", "skip", "forget"])
def test_a_handler_that_never_ran_is_named(run: Run, file: Path, command: str) -> None:
    code, _, complaint = run("mappings", command, file, "nobody")
    assert code == 1
    assert complaint == "pelton: no handler named 'nobody' has ever run in this file\n"


@pytest.mark.parametrize("to", ["2026-13-01", "yesterday"])
def test_a_target_that_is_none_is_explained(run: Run, shop: Shop, to: str) -> None:
    shop.run("a")
    code, _, complaint = run("mappings", "rewind", shop.file, "note", "--to", to)
    assert code == 1
    assert to in complaint


def test_what_is_behind_cannot_take_anothers_place(run: Run, shop: Shop) -> None:
    shop.run("a")
    code, _, complaint = run("mappings", "replace", shop.file, "note", "note@2")
    assert code == 1
    assert "no handler named 'note@2'" in complaint
