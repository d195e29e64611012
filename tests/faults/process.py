"""The process under test: started as users start it, killed as the world kills it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).parents[2]


class Process:
    """A command of `pelton`, by default the app of these tests with its server on a free port.

    What it logs goes to a file beside `path`, so that it can never stop for want of a reader.
    """

    def __init__(self, path: Path, *arguments: str) -> None:
        self.log = path.with_suffix(".log")
        command = arguments or ("run", "tests.faults.served:app", "--port", "0")
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "pelton.cli", *command],
                cwd=ROOT,
                env={
                    **os.environ,
                    "PELTON_FAULTS_DB": str(path),
                    "PYTHONPATH": str(ROOT / "src"),
                },
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    def wait_until_it_serves(self) -> int:
        """The port of its server, once that answers."""
        line = self.line()
        found = re.search(r"http://127\.0\.0\.1:(\d+)", line)
        assert found is not None, line
        return int(found[1])

    def line(self) -> str:
        """The next line it prints."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"the process has ended:\n{self.log.read_text()}"
        return line

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.kill()

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        """kill -9, and what is left of it collected."""
        self._process.kill()
        self._end()

    def stop(self) -> int:
        """SIGTERM, as a service manager sends it; returns the exit status."""
        self._process.send_signal(signal.SIGTERM)
        return self._end()

    def _end(self) -> int:
        status = self._process.wait(60)
        if self._process.stdout is not None:
            self._process.stdout.close()
        return status
