"""The repository's own rules, held by a test: sizes, names, versions, and what text may not say."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 600
DRAWERS = {"utils", "util", "manager", "common", "helpers", "misc"}


def committed_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [ROOT / name for name in listed.stdout.split("\0") if name]


def python_files() -> list[Path]:
    return [
        path
        for path in committed_files()
        if path.suffix == ".py" and path.is_file() and not path.is_symlink()
    ]


def test_functions_fit_on_a_screen() -> None:
    long = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in python_files()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or node.lineno) - node.lineno >= FUNCTION_LINES_MAX
    ]
    assert long == []


def test_files_are_one_thing() -> None:
    long = [
        str(path.relative_to(ROOT))
        for path in python_files()
        if len(path.read_text().splitlines()) > FILE_LINES_MAX
    ]
    assert long == []


def test_no_file_is_a_drawer() -> None:
    assert [path for path in committed_files() if path.stem in DRAWERS] == []


def test_every_module_says_what_it_is() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in python_files()
        if not path.is_relative_to(ROOT / "tests")
        if ast.get_docstring(ast.parse(path.read_text())) is None
    ]
    assert silent == []


def test_versions_agree() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    changelog = (ROOT / "CHANGELOG.md").read_text()
    heading = re.search(r"^## \[?(\d+\.\d+\.\d+)", changelog, re.MULTILINE)
    assert heading is not None
    assert heading[1] == version
    import pelton

    assert pelton.__version__ == version


def test_importing_pelton_loads_nothing_heavy() -> None:
    script = "import sys, pelton; pelton.App; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout.split()
    heavy = {"fastapi", "uvicorn", "typer", "rich", "boto3", "pydantic", "sqlite3"}
    assert heavy.isdisjoint(loaded)


FORBIDDEN = {
    "the host of a package registry": re.compile(
        r"(pypi|pythonhosted|npmjs|yarnpkg|crates)\.(org|com|io)|deb\.debian\.org"
    ),
    "a path of one machine": re.compile(r"(?<![\w.])/(root|home)/[a-z]"),
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_committed_text_names_no(what: str) -> None:
    pattern = FORBIDDEN[what]
    named = []
    for path in committed_files():
        if path == Path(__file__) or not path.is_file() or path.is_symlink():
            continue
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        named += [f"{path.relative_to(ROOT)}: {match[0]}" for match in pattern.finditer(text)]
    assert named == []
