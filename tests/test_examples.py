"""The examples print what their docstrings say; the demo checks itself."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

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
    finished = run("-m", "examples.demo", "--keep", str(tmp_path))
    assert finished.returncode == 0, finished.stdout + finished.stderr
    # 256 users; 3,201 movies, 297 corrections and 213 withdrawals for each of three handlers.
    last = finished.stdout.splitlines()[-1]
    assert last == "demo: 11389 records delivered to 4 handlers, 0 failed"
    assert {path.name for path in tmp_path.iterdir()} >= {"shop.db", "europe.db", "search.db"}


def test_the_demo_says_what_to_do_when_its_input_is_missing(tmp_path: Path) -> None:
    finished = run("-m", "examples.demo", "--movies", str(tmp_path / "none.json"))
    assert finished.returncode == 2
    assert "make demo" in finished.stderr
