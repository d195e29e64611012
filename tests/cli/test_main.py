"""The command as a whole: help, version, and errors as one line each."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import pelton

from .conftest import Run


def test_the_version(run: Run) -> None:
    assert run("--version") == (0, f"pelton {pelton.__version__}\n", "")


def test_help_names_every_command(run: Run) -> None:
    code, printed, _ = run("--help")
    assert code == 0
    for name in ("serve", "run", "table", "item", "stream"):
        assert name in printed


def test_without_a_command_there_is_help(run: Run) -> None:
    code, printed, complaint = run()
    assert (code, complaint) == (2, "")
    assert "Usage: pelton" in printed


def test_help_loads_neither_the_engine_nor_the_server() -> None:
    script = "import sys; from pelton.cli import main; main(['--help']); print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout.split()
    assert {"apsw", "uvicorn", "fastapi", "pelton.engine"}.isdisjoint(loaded)


MISTAKES: list[tuple[list[str], int, str]] = [
    (["nonsense"], 2, "No such command 'nonsense'; see `pelton --help`"),
    (["table", "list"], 2, "Missing argument 'PATH'; see `pelton table list --help`"),
    (["serve", "--nonsense"], 2, "No such option: --nonsense; see `pelton serve --help`"),
    (["table", "list", "none.db"], 1, "there is no file none.db: create it with"),
    (["serve", "--host", "0.0.0.0"], 1, "pass --allow-remote"),
    (["serve", "--region", "a", "--region", "b"], 1, "--region b has no file"),
    (["serve", "--region", "=x"], 1, "--region =x is neither a NAME nor NAME=FILE"),
    (["serve", "a.db", "--region", "us-east-1=b.db"], 1, "is given two files: a.db and b.db"),
    (["serve", "no/such/folder/x.db"], 1, "x.db cannot be opened: check that its folder exists"),
    (["run", "no_such_module:app"], 1, "there is no module no_such_module here"),
    (["run", "json:app"], 1, "json has nothing named app, where a pelton.App is wanted"),
    (["run", "json:loads"], 1, "json has a function named loads, where a pelton.App is wanted"),
]


@pytest.mark.parametrize(("arguments", "code", "message"), MISTAKES, ids=lambda each: str(each))
def test_a_mistake_is_told_in_one_line(
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    code: int,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    told, printed, complaint = run(*arguments)
    assert (told, printed) == (code, "")
    assert complaint.startswith("pelton: ")
    assert message in complaint
    assert complaint.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_not_ours_is_left_alone(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear Ada,\n" * 500)
    code, _, complaint = run("table", "list", path)
    assert code == 1
    assert complaint.startswith("pelton: ")
    assert path.read_text() == "Dear Ada,\n" * 500
