"""A real `pelton serve` process to attack, and what can be seen of it from outside."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import TracebackType

READY = " at "
ROOT = Path(__file__).parents[2]


class Served:
    """A server of a file in `folder`, on a free port, while it is open."""

    def __init__(self, folder: Path) -> None:
        self._complaints = folder / "stderr"
        with self._complaints.open("wb") as complaints:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "pelton.cli", "serve", "fuzz.db", "--port", "0"],
                cwd=folder,
                stdout=subprocess.PIPE,
                stderr=complaints,
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline().decode()
        if READY not in line:
            self.process.kill()
            raise SystemExit(f"the server did not start: {self.complaints()}")
        self.url = line.split(READY)[1].strip()

    def __enter__(self) -> Served:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.process.terminate()
        self.process.wait(60)

    def is_alive(self) -> bool:
        return self.process.poll() is None

    def memory_mb(self) -> float:
        """The memory it holds, as Linux counts it; 0 on other systems."""
        status = Path(f"/proc/{self.process.pid}/status")
        if not status.exists():
            return 0.0
        (line,) = (each for each in status.read_text().splitlines() if each.startswith("VmRSS"))
        return int(line.split()[1]) / 1024

    def complaints(self) -> str:
        return self._complaints.read_text(errors="replace")
