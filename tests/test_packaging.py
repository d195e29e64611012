"""What people install: the wheel and the sdist hold all of pelton, under one name."""

from __future__ import annotations

import configparser
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
PACKAGED = ("engine", "streams", "handlers", "src/pelton")
METADATA = ("pyproject.toml", "README.md", "LICENSE")
DATA = {
    "pelton/py.typed",
    "pelton/engine/model/dynamodb.json",
    "pelton/server/lambda_api/lambda.json",
}


def build(kind: str, source: Path, target: Path) -> Path:
    """Builds a "wheel" or an "sdist" as pip does, with the setuptools of this environment."""
    script = f"from setuptools import build_meta; build_meta.build_{kind}({str(target)!r})"
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script], cwd=source, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    (built,) = target.glob("*.whl" if kind == "wheel" else "*.tar.gz")
    return built


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what a build reads, links kept; the work tree stays clean."""
    copy = tmp_path_factory.mktemp("source")
    for name in PACKAGED:
        unwanted = shutil.ignore_patterns("__pycache__", "*.egg-info")
        shutil.copytree(ROOT / name, copy / name, symlinks=True, ignore=unwanted)
    for name in METADATA:
        shutil.copy(ROOT / name, copy / name)
    return copy


@pytest.fixture(scope="module")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", source, tmp_path_factory.mktemp("wheel"))


def contents(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def modules() -> set[str]:
    """Every module of the repository, under the name it is installed by."""
    found = set()
    for name in PACKAGED:
        for path in (ROOT / name).rglob("*.py"):
            inside = path.relative_to(ROOT / "src" if name.startswith("src/") else ROOT).as_posix()
            found.add(inside if inside.startswith("pelton/") else f"pelton/{inside}")
    return found


EXTRACTION: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
"""Python 3.11 has the filter since 3.11.4, later ones ask for it."""


def test_the_wheel_holds_every_module_and_its_data_and_nothing_else(wheel: Path) -> None:
    assert contents(wheel) == modules() | DATA


def test_the_sdist_builds_the_same_wheel(source: Path, wheel: Path, tmp_path: Path) -> None:
    sdist = build("sdist", source, tmp_path)
    with tarfile.open(sdist) as archive:
        assert [member.name for member in archive if member.issym()] == []
        for member in archive:
            archive.extract(member, tmp_path, **EXTRACTION)
    (unpacked,) = (path for path in tmp_path.iterdir() if path.is_dir())
    rebuilt = build("wheel", unpacked, tmp_path / "rebuilt")
    assert contents(rebuilt) == contents(wheel)


def test_the_wheel_works_without_the_repository(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    script = """
import sys; sys.path.insert(0, sys.argv[1])
import pelton
assert pelton.__file__.startswith(sys.argv[1]), pelton.__file__
with pelton.App() as app:
    users = app.table("users", partition_key="id")
    users.put({"id": "ada"})
    print(users.get({"id": "ada"}))
"""
    run = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], cwd=tmp_path, capture_output=True, text=True
    )
    assert run.stdout == "{'id': 'ada'}\n", run.stderr


def test_the_wheel_brings_the_command_and_the_licence(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (entry_points,) = (name for name in archive.namelist() if name.endswith("entry_points.txt"))
        commands = configparser.ConfigParser()
        commands.read_string(archive.read(entry_points).decode())
        assert dict(commands["console_scripts"]) == {"pelton": "pelton.cli:main"}
        (licence,) = (name for name in archive.namelist() if name.endswith("licenses/LICENSE"))
        assert archive.read(licence) == (ROOT / "LICENSE").read_bytes()
