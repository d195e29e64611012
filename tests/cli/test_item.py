"""`pelton item`."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from .conftest import Run

WIDE = '{"id": "x", "at": 12345678901234567890.5, "tags": ["a", null, true], "in": {"b": 1.10}}'


def scanned(run: Run, file: Path, *options: object) -> list[Any]:
    code, printed, _ = run("item", "scan", file, "things", "--json", *options)
    assert code == 0
    return [json.loads(line) for line in printed.splitlines()]


def test_an_item_goes_in_and_comes_out(run: Run, file: Path) -> None:
    assert run("item", "put", file, "things", WIDE) == (0, "put 1 item\n", "")
    key = '{"id": "x", "at": 12345678901234567890.5}'
    code, printed, _ = run("item", "get", file, "things", key)
    assert code == 0
    assert dict(line.split("\t") for line in printed.splitlines()) == {
        "id": "x",
        "at": "12345678901234567890.5",
        "tags": '["a",null,true]',
        "in": '{"b":1.1}',
    }
    code, printed, _ = run("item", "get", file, "things", key, "--json")
    assert printed == (
        '{"id":"x","at":12345678901234567890.5,"tags":["a",null,true],"in":{"b":1.1}}\n'
    )


def test_typed_items_go_in_and_come_out(run: Run, file: Path) -> None:
    item = {"id": {"S": "x"}, "at": {"N": "1"}, "s": {"NS": ["1", "2"]}, "b": {"B": "AP8="}}
    assert run("item", "put", file, "things", json.dumps(item), "--typed")[0] == 0
    key = '{"id": {"S": "x"}, "at": {"N": "1"}}'
    code, printed, _ = run("item", "get", file, "things", key, "--typed")
    assert (code, json.loads(printed)) == (0, item)
    assert scanned(run, file) == [{"id": "x", "at": 1, "s": [1, 2], "b": "AP8="}]
    code, _, complaint = run("item", "get", file, "things", '{"id": "x"}', "--typed")
    assert code == 1
    assert "with --typed give typed JSON" in complaint


@pytest.mark.parametrize("form", ["an array", "lines"])
def test_all_items_of_a_file_go_in(run: Run, file: Path, tmp_path: Path, form: str) -> None:
    items = [{"id": "x", "at": number} for number in range(60)]
    source = tmp_path / "items.json"
    text = json.dumps(items) if form == "an array" else "\n".join(map(json.dumps, items))
    source.write_text(text)
    assert run("item", "put", file, "things", "--from", source) == (0, "put 60 items\n", "")
    found = scanned(run, file)
    assert sorted(item["at"] for item in found) == list(range(60))


def test_items_come_from_the_input(run: Run, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO('{"id": "x", "at": 1}\n\n{"id": "y", "at": 2}\n'))
    code, printed, _ = run("item", "put", file, "things", "--from", "-", "--json")
    assert (code, json.loads(printed)) == (0, {"put": 2})
    assert len(scanned(run, file)) == 2


def test_a_query_in_both_directions(run: Run, file: Path) -> None:
    for at in range(5):
        run("item", "put", file, "things", json.dumps({"id": "x", "at": at, "odd": at % 2 == 1}))
    query: tuple[object, ...] = ("item", "query", file, "things", "id = :id AND #at > :at")
    query += ("--values", '{":id": "x", ":at": 0}', "--names", '{"#at": "at"}')
    code, printed, _ = run(*query)
    assert code == 0
    assert printed.splitlines()[0].split("\t") == ["id", "at", "odd"]
    assert [line.split("\t")[1] for line in printed.splitlines()[1:]] == ["1", "2", "3", "4"]
    code, printed, _ = run(*query, "--reverse", "--limit", 2, "--json")
    assert [json.loads(line)["at"] for line in printed.splitlines()] == [4, 3]


def test_a_scan_with_a_filter(run: Run, file: Path) -> None:
    for at in range(5):
        run("item", "put", file, "things", json.dumps({"id": "x", "at": at, "odd": at % 2 == 1}))
    found = scanned(run, file, "--filter", "odd = :yes", "--values", '{":yes": true}')
    assert [item["at"] for item in found] == [1, 3]


def test_an_item_is_deleted(run: Run, file: Path) -> None:
    run("item", "put", file, "things", '{"id": "x", "at": 1}')
    delete = ("item", "delete", file, "things", '{"id": "x", "at": 1}')
    assert run(*delete) == (0, "deleted 1 item\n", "")
    assert run(*delete) == (
        1,
        "",
        'pelton: table things has no item {"id": "x", "at": 1}\n',
    )


MISTAKES: list[tuple[list[str], str]] = [
    (["put", "things", '{"id'], "is not JSON"),
    (["put", "things", "[1]"], "[1] is not a JSON object"),
    (["put", "things"], "give either an ITEM or --from FILE"),
    (["put", "things", '{"at": 1}'], "Missing the key id in the item"),
    (["get", "things", '{"id": "x", "at": 1}'], "table things has no item"),
    (["get", "nothing", '{"id": "x"}'], "Requested resource not found"),
    (["query", "things", "id ="], "Invalid KeyConditionExpression: Syntax error"),
]


@pytest.mark.parametrize(("arguments", "message"), MISTAKES)
def test_mistakes_are_told(run: Run, file: Path, arguments: list[str], message: str) -> None:
    verb, *rest = arguments
    code, printed, complaint = run("item", verb, file, *rest)
    assert (code, printed) == (1, "")
    assert message in complaint
    assert complaint.count("\n") == 1
