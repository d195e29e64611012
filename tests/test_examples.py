"""The examples print what their docstrings say; the demo checks itself."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import textwrap
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from examples.demo import region_copy, search, totals, welcome
from examples.demo.inbox import Inbox
from examples.demo.source import Source

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted(path for path in (ROOT / "examples").glob("*.py") if path.stem != "__init__")
MOVIES = ROOT / ".cache" / "movies.json"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTHONWARNINGS": "error"}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 4


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_prints_what_its_docstring_says(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert docstring is not None
    _, marker, expected = docstring.partition("Prints:\n\n")
    assert marker, f"{path.name} does not say what it prints"
    finished = run(str(path))
    assert finished.stderr == ""
    assert finished.stdout.rstrip("\n") == textwrap.dedent(expected).rstrip("\n")


@pytest.mark.skipif(not MOVIES.exists(), reason="make fetches .cache/movies.json")
def test_the_demo_delivers_everything_and_finds_its_own_results_right(tmp_path: Path) -> None:
    finished = run("-m", "examples.demo", "--keep", str(tmp_path / "kept"))
    assert finished.returncode == 0, finished.stdout + finished.stderr
    # 256 users and as many letters; 3,201 movies, 297 corrections and 213 withdrawals for each of
    # three handlers.
    last = finished.stdout.splitlines()[-1]
    assert last == "demo: 11645 records delivered to 5 handlers, 0 failed"
    assert {path.name for path in (tmp_path / "kept").iterdir()} >= {
        "shop.db",
        "europe.db",
        "search.db",
    }


def test_the_demo_says_what_to_do_when_its_input_is_missing(tmp_path: Path) -> None:
    finished = run("-m", "examples.demo", "--movies", str(tmp_path / "none.json"))
    assert finished.returncode == 2
    assert "make demo" in finished.stderr


def test_the_demo_keeps_its_files_in_a_new_folder_only(tmp_path: Path) -> None:
    (tmp_path / "something").touch()
    finished = run("-m", "examples.demo", "--keep", str(tmp_path))
    assert finished.returncode == 2
    assert "is not empty" in finished.stderr


# --- the demo's checks would see what is wrong --------------------------------------------------

SHARED = {"year": 2001, "genre": "Adventure"}
FILMS = [
    {"movie_id": 1, "title": "Harry Potter", "gross_dollars": 9, **SHARED},
    {"movie_id": 2, "title": "Potter", "gross_dollars": 1, **SHARED},
]


def test_the_check_of_totals_sees_every_difference() -> None:
    right = {"genre": "Adventure", "year": 2001, "movies": 2, "gross_dollars": 10}
    emptied = {"genre": "Drama", "year": 1999, "movies": 0, "gross_dollars": 0}
    assert totals.check(FILMS, [right, emptied]) == []
    for wrong in ([], [right | {"movies": 3}], [right | {"gross_dollars": 9}]):
        assert len(totals.check(FILMS, wrong)) == 1
    assert len(totals.check(FILMS, [right, emptied | {"movies": 1}])) == 1


def test_the_check_of_the_copy_sees_every_difference() -> None:
    assert region_copy.check(FILMS, reversed(FILMS), "copy") == []
    assert len(region_copy.check(FILMS, FILMS[:1], "copy")) == 1
    assert len(region_copy.check(FILMS[:1], FILMS, "copy")) == 1
    assert len(region_copy.check(FILMS, [FILMS[0], FILMS[1] | {"year": 2002}], "copy")) == 1


def test_the_check_of_searches_sees_what_is_missing_and_what_is_too_much(tmp_path: Path) -> None:
    index = search.SearchIndex(tmp_path / "search.db")
    index.apply([_insert(FILMS[0]), _insert(FILMS[1])])
    assert search.check(FILMS, index) == []
    assert len(search.check(FILMS[1:], index)) == 1
    index.apply([{"dynamodb": {"Keys": {"movie_id": {"N": "1"}}}}])
    assert len(search.check(FILMS, index)) == 1
    index.close()


def _insert(film: dict[str, Any]) -> dict[str, Any]:
    key = {"movie_id": {"N": str(film["movie_id"])}}
    return {"dynamodb": {"Keys": key, "NewImage": key | {"title": {"S": film["title"]}}}}


def test_the_check_of_letters_sees_doubles_and_gaps() -> None:
    users = [{"email": "ada@example.com"}, {"email": "alan@example.com"}]
    source = Source(users=users, movies=[], updates=[], withdrawn=[])
    with Inbox() as inbox:
        for number, user in enumerate(users):
            inbox.letters[f"<{number}>"] = _letter(user["email"])
        assert welcome.check(source, inbox) == []
        inbox.letters["<again>"] = _letter("ada@example.com")
        assert len(welcome.check(source, inbox)) == 1
        del inbox.letters["<1>"]
        assert len(welcome.check(source, inbox)) == 2


def _letter(address: str) -> EmailMessage:
    letter = EmailMessage()
    letter["To"] = address
    return letter
