"""How long it takes until pelton is there: its import, and a server's first answer."""

from __future__ import annotations

import contextlib
import http.client
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from .figure import Figure
from .servers import free_port

ROUNDS = 7
IMPORT = """
import time
start = time.perf_counter()
import pelton
pelton.App
print(time.perf_counter() - start)
"""


def measure(say: Callable[[str], None]) -> list[Figure]:
    say("imports")
    imports = [import_seconds() for _ in range(ROUNDS)]
    say("server starts")
    starts = [start_seconds() for _ in range(ROUNDS)]
    return [
        Figure("import pelton", statistics.median(imports) * 1000, "ms", at_most=150.0),
        Figure("pelton serve to its first answer", statistics.median(starts), "s", at_most=1.0),
    ]


def import_seconds() -> float:
    run = subprocess.run([sys.executable, "-c", IMPORT], capture_output=True, text=True, check=True)
    return float(run.stdout)


def start_seconds() -> float:
    """From the start of the process to the answer of its first request."""
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        command = [str(Path(sys.executable).parent / "pelton"), "serve", f"{folder}/x.db"]
        start = time.perf_counter()
        process = subprocess.Popen([*command, "--port", str(port)], stdout=subprocess.DEVNULL)
        try:
            while not answers(port):
                time.sleep(0.005)
            return time.perf_counter() - start
        finally:
            process.terminate()
            process.wait(30)


def answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    with contextlib.closing(connection), contextlib.suppress(OSError):
        connection.request("GET", "/")
        return connection.getresponse().status == 200
    return False
