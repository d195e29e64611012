"""Consumers as their registries have them, installed the first time in versions that are pinned.

One process at a time installs a thing: its tests are in one file, and `make consumers-test` gives
a file to one process.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

FOLDER = Path(__file__).parent
CACHE = Path(__file__).parents[2] / ".cache" / "consumers"
INSTALL_SECONDS_MAX = 240


def path_with_node() -> str:
    """A PATH with npm's node on it; the virtual environment's where the machine has none."""
    return os.pathsep.join((os.environ["PATH"], str(Path(sys.executable).parent)))


def node() -> str | None:
    """The node to run drivers with, None where there is no node or no npm."""
    path = path_with_node()
    return shutil.which("node", path=path) if shutil.which("npm", path=path) else None


def python_with(name: str) -> Path:
    """The Python of a virtual environment that has what `python/NAME.txt` lists."""
    pinned = FOLDER / "python" / f"{name}.txt"
    folder = CACHE / name
    python = folder / "bin" / "python"
    if not _is_installed(folder, pinned):
        venv.create(folder, clear=True, with_pip=True)
        _run(
            [str(python), "-m", "pip", "install", "--disable-pip-version-check", "-r", str(pinned)]
        )
        _note_installed(folder, pinned)
    return python


def node_modules() -> Path:
    """The folder of the packages that `node/package-lock.json` lists."""
    pinned = FOLDER / "node" / "package-lock.json"
    folder = CACHE / "node"
    if not _is_installed(folder, pinned):
        folder.mkdir(parents=True, exist_ok=True)
        for path in pinned.parent.glob("package*.json"):
            shutil.copy(path, folder)
        npm = str(shutil.which("npm", path=path_with_node()))
        # Without its peers: the Serverless Framework itself is not needed to read a stream.
        quiet = ("--no-audit", "--no-fund", "--ignore-scripts", "--legacy-peer-deps")
        _run([npm, "ci", *quiet], cwd=folder)
        _note_installed(folder, pinned)
    return folder / "node_modules"


def _is_installed(folder: Path, pinned: Path) -> bool:
    done = folder / "installed"
    return done.exists() and done.read_bytes() == pinned.read_bytes()


def _note_installed(folder: Path, pinned: Path) -> None:
    shutil.copy(pinned, folder / "installed")


def _run(command: list[str], cwd: Path | None = None) -> None:
    finished = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, "PATH": path_with_node()},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=INSTALL_SECONDS_MAX,
    )
    assert finished.returncode == 0, finished.stdout
