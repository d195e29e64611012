"""dynamodb-admin as a process: installed from the npm registry, as its lock file says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PINNED = Path(__file__).parent / "dynamodb_admin"
CACHE = ROOT / ".cache" / "dynamodb-admin"
PROGRAM = Path("node_modules", "dynamodb-admin", "dist", "dynamodb-admin.js")
LISTENING = re.compile(r"listening on http://127\.0\.0\.1:(\d+)")


def path_with_node() -> str:
    """A PATH with npm's node on it; the virtual environment's where the machine has none."""
    return os.pathsep.join((os.environ["PATH"], str(Path(sys.executable).parent)))


def why_absent() -> str | None:
    """What is missing for these tests, or None."""
    for command in ("npm", "node"):
        if shutil.which(command, path=path_with_node()) is None:
            return f"no {command} on the PATH"
    return None


def install() -> Path:
    """The folder in which the pinned dynamodb-admin stands; installs it there the first time."""
    lock = (PINNED / "package-lock.json").read_bytes()
    done = CACHE / "installed.json"
    if done.exists() and done.read_bytes() == lock:
        return CACHE
    CACHE.mkdir(parents=True, exist_ok=True)
    for path in PINNED.glob("package*.json"):
        shutil.copy(path, CACHE)
    npm = str(shutil.which("npm", path=path_with_node()))
    finished = subprocess.run(
        [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"],
        cwd=CACHE,
        env={**os.environ, "PATH": path_with_node()},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert finished.returncode == 0, finished.stderr
    done.write_bytes(lock)
    return CACHE


class Admin:
    """A running dynamodb-admin that shows the tables of `endpoint` at `url`."""

    def __init__(self, endpoint: str) -> None:
        node = str(shutil.which("node", path=path_with_node()))
        where = ("--host", "127.0.0.1", "--port", "0", "--dynamo-endpoint", endpoint)
        self.process = subprocess.Popen(
            [node, str(install() / PROGRAM), *where],
            env={"PATH": os.environ["PATH"]},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.url = f"http://127.0.0.1:{self._port()}"

    def _port(self) -> str:
        assert self.process.stdout is not None
        told = ""
        for line in self.process.stdout:
            told += line
            found = LISTENING.search(line)
            if found:
                return found[1]
        raise AssertionError(f"dynamodb-admin did not start: {told}")

    def close(self) -> str:
        """Ends it, and returns what it printed: the errors that it met."""
        self.process.terminate()
        printed, _ = self.process.communicate(timeout=30)
        return printed or ""
