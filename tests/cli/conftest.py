"""A file of things, and the command called in this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pelton.cli import main

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Calls a command and returns its exit code, its output and its complaints."""

    def call(*arguments: object) -> tuple[int, str, str]:
        code = main([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return call


@pytest.fixture
def file(run: Run, tmp_path: Path) -> Path:
    """A file with a table `things` (id, at:N) whose stream has both images."""
    path = tmp_path / "shop.db"
    code, _, complaint = run(
        "table",
        "create",
        path,
        "things",
        "-p",
        "id",
        "-s",
        "at:N",
        "--stream",
        "NEW_AND_OLD_IMAGES",
    )
    assert (code, complaint) == (0, "")
    return path
