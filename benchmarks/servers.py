"""The servers that are compared, each started as its users start it, on a port of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CACHE = Path(".cache")
PEER_PACKAGE = "amplify-dynamodb-simulator@2.9.30"
"""The npm package that carries Amazon's DynamoDB Local 1.25.1 as a jar."""

EXTRACTION: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
"""Python 3.11 has the filter since 3.11.4, later ones ask for it."""

START_SECONDS_MAX = 30.0


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def wait_until_open(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise SystemExit(f"{process.args!r} ended at once with {process.returncode}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise SystemExit(f"{process.args!r} did not listen within {START_SECONDS_MAX:.0f} s")


def peer_folder() -> Path:
    """The folder of DynamoDB Local, got with npm when it is not there yet."""
    folder = CACHE / "dynamodb-local"
    if not (folder / "DynamoDBLocal.jar").exists():
        # The virtual environment has an npm where the machine has none.
        path = os.pathsep.join((os.environ["PATH"], str(Path(sys.executable).parent)))
        npm = shutil.which("npm", path=path)
        for tool, found in (("npm", npm), ("java", shutil.which("java"))):
            if found is None:
                raise SystemExit(f"DynamoDB Local needs {tool}; install it and run again")
        CACHE.mkdir(exist_ok=True)
        command = [str(npm), "pack", "--silent", PEER_PACKAGE]
        environment = {**os.environ, "PATH": path}
        subprocess.run(command, cwd=CACHE, check=True, stdout=sys.stderr, env=environment)
        (archive,) = CACHE.glob("amplify-dynamodb-simulator-*.tgz")
        with tarfile.open(archive) as package, tempfile.TemporaryDirectory(dir=CACHE) as unpacked:
            package.extractall(unpacked, **EXTRACTION)
            shutil.move(Path(unpacked) / "package" / "emulator", folder)
        archive.unlink()
    return folder.absolute()


@contextlib.contextmanager
def running(
    command: list[str], port: int, cwd: Path | str, environment: dict[str, str] | None = None
) -> Iterator[str]:
    """Runs a server for as long as it is needed; gives its URL."""
    process = subprocess.Popen(command, cwd=cwd, env=environment, stdout=subprocess.DEVNULL)
    try:
        wait_until_open(port, process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


@contextlib.contextmanager
def pelton_on_disk() -> Iterator[str]:
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        port = free_port()
        command = [str(Path(sys.executable).parent / "pelton"), "serve", "bench.db"]
        with running([*command, "--port", str(port)], port, folder) as url:
            yield url


def _dynamodb_local(*options: str) -> contextlib.AbstractContextManager[str]:
    folder, port = peer_folder(), free_port()
    command = ["java", "-Djava.library.path=DynamoDBLocal_lib", "-jar", "DynamoDBLocal.jar"]
    return running([*command, "-port", str(port), *options], port, folder)


@contextlib.contextmanager
def dynamodb_local_on_disk() -> Iterator[str]:
    with (
        tempfile.TemporaryDirectory(dir=CACHE) as folder,
        _dynamodb_local("-dbPath", str(Path(folder).absolute())) as url,
    ):
        yield url


@contextlib.contextmanager
def dynamodb_local_in_memory() -> Iterator[str]:
    with _dynamodb_local("-inMemory") as url:
        yield url
