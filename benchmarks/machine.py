"""The machine a run was made on: figures mean little without it."""

from __future__ import annotations

import os
import platform
import tempfile
import time
from datetime import UTC, datetime

import apsw

from .servers import CACHE

FSYNC_SECONDS = 1.0


def fsync_rate() -> float:
    """How many 8 KB appends with fdatasync a second the disk does that the benchmarks write to."""
    with tempfile.NamedTemporaryFile(dir=CACHE) as file:
        block, count = b"x" * 8192, 0
        start = time.perf_counter()
        while time.perf_counter() - start < FSYNC_SECONDS:
            os.write(file.fileno(), block)
            os.fdatasync(file.fileno())
            count += 1
        return count / (time.perf_counter() - start)


def describe_machine() -> dict[str, str]:
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "cores": str(os.cpu_count()),
        "processor": platform.machine(),
        "load average before": f"{os.getloadavg()[0]:.2f}",
        "Python": platform.python_version(),
        "apsw": apsw.apsw_version(),
        "SQLite": apsw.sqlite_lib_version(),
        "fdatasync a second": f"{fsync_rate():,.0f}",
    }
