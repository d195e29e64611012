"""The `pelton` command as a process of its own, whose lines are waited for, never guessed at."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO

ROOT = Path(__file__).parents[2]


class Command:
    """A running command; ends with the test at the latest."""

    def __init__(
        self, *arguments: str, cwd: Path, stdout: int | IO[bytes] = subprocess.PIPE
    ) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "pelton.cli", *arguments],
            cwd=cwd,
            env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
            stdout=stdout,
            stderr=subprocess.PIPE,
        )

    def __enter__(self) -> Command:
        return self

    def __exit__(self, *error: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def line(self) -> str:
        """The next line of its output; raises AssertionError with its complaint when it ended."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline().decode()
        if not line:
            assert self.process.stderr is not None
            raise AssertionError(f"no more output; {self.process.stderr.read().decode()}")
        return line.rstrip("\n")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str, str]:
        """Its exit code, the rest of its output and its complaints after a signal."""
        self.process.send_signal(number)
        return self.end()

    def end(self) -> tuple[int, str, str]:
        output, complaint = self.process.communicate(timeout=60)
        return self.process.returncode, (output or b"").decode(), complaint.decode()
