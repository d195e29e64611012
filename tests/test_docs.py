"""The documentation: its programs run, its links lead somewhere, and nothing public is left out."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

import pelton
from pelton.cli.main import commands

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    path
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"))
    if path.name != "benchmarks.md"  # written by `make bench`
)
PROGRAM_AND_OUTPUT = re.compile(r"```python\n(.*?)```\n+```\n(.*?)```", re.DOTALL)
CONSOLE = re.compile(r"```console\n(.*?)```", re.DOTALL)
LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def programs() -> list[tuple[str, str, str]]:
    return [
        (f"{path.relative_to(ROOT)}-{number}", match[1], match[2])
        for path in PAGES
        for number, match in enumerate(PROGRAM_AND_OUTPUT.finditer(text_of(path)))
    ]


@pytest.mark.parametrize(
    ("program", "output"),
    [pytest.param(program, output, id=name) for name, program, output in programs()],
)
def test_a_program_in_the_documentation_prints_what_stands_below_it(
    program: str, output: str, tmp_path: Path
) -> None:
    finished = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert finished.stderr == ""
    assert finished.stdout == output


def test_the_readme_and_the_quickstart_have_programs() -> None:
    pages = [name.rpartition("-")[0] for name, _, _ in programs()]
    assert "README.md" in pages
    assert pages.count("docs/quickstart.md") >= 3


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_to_files_lead_somewhere(path: Path) -> None:
    for target in LINK.findall(text_of(path)):
        if not target.startswith("http"):
            assert (path.parent / target).exists() or target.endswith("benchmarks.md"), target


@pytest.mark.parametrize("name", [name for name in pelton.__all__ if name != "__version__"])
def test_a_public_name_is_documented(name: str) -> None:
    public = getattr(pelton, name)
    if inspect.isclass(public):
        assert public.__doc__, f"{name} has no docstring"
    if public in (pelton.App, pelton.Stream, pelton.Table):
        undocumented = [
            member
            for member, value in vars(public).items()
            if not member.startswith("_")
            and (inspect.isfunction(value) or isinstance(value, property))
            and not inspect.getdoc(value)
        ]
        assert not undocumented


@pytest.mark.parametrize("decorator", [name for name in vars(pelton.App) if name.startswith("on_")])
def test_a_decorator_stands_in_the_quickstart(decorator: str) -> None:
    assert f"`{decorator}`" in text_of(ROOT / "docs" / "quickstart.md")


def verbs(group: Any, path: tuple[str, ...] = ("pelton",)) -> Iterator[str]:
    """Every command that does something, as it is typed."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from verbs(command, (*path, name))
        else:
            yield " ".join((*path, name))


@pytest.mark.parametrize("verb", list(verbs(typer.main.get_command(commands))))
def test_a_verb_of_the_command_line_is_documented(verb: str) -> None:
    assert f"`{verb} " in text_of(ROOT / "docs" / "command-line.md")


def test_the_session_of_the_command_line_shows_what_is_printed(tmp_path: Path) -> None:
    (session,) = CONSOLE.findall(text_of(ROOT / "docs" / "command-line.md"))
    typed = [line.removeprefix("$ ") for line in session.splitlines() if line.startswith("$ ")]
    shown = [line for line in session.splitlines() if not line.startswith("$ ")]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    finished = subprocess.run(
        ["sh", "-e", "-c", "\n".join(typed)],
        cwd=tmp_path,
        env={**os.environ, "PATH": path, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert finished.stderr == ""
    assert finished.stdout.splitlines() == shown


def test_the_first_screen_of_the_readme_tells_how_to_run_the_demo_and_the_tests() -> None:
    first_screen = text_of(ROOT / "README.md").split("\n## ")[0]
    assert "make demo" in first_screen
    assert "make test" in first_screen
