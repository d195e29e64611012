"""The process under test: started as users start it, killed as the world kills it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).parents[2]


class Process:
    """A command of `pelton`, by default the app of these tests with its server on a free port.

    What it logs, and what the app's witness sees, goes to files in `folder`, by default that of
    `path`, so that it can never stop for want of a reader.
    """

    def __init__(self, path: Path, *arguments: str, folder: Path | None = None) -> None:
        folder = folder or path.parent
        self.log = folder / f"{path.stem}.log"
        command = arguments or ("run", "tests.faults.served:app", "--port", "0")
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "pelton.cli", *command],
                cwd=ROOT,
                env={
                    **os.environ,
                    "PELTON_FAULTS_DB": str(path),
                    "PELTON_FAULTS_SEEN": str(folder / f"{path.stem}.seen"),
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

    def lines(self) -> Iterator[str]:
        """The lines it prints, until it ends."""
        assert self._process.stdout is not None
        yield from self._process.stdout

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
        self.ask_to_die()
        self.end()

    def ask_to_die(self) -> None:
        self._process.kill()

    def stop(self) -> int:
        """SIGTERM, as a service manager sends it; returns the exit status."""
        self.ask_to_stop()
        return self.end()

    def ask_to_stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)

    def end(self) -> int:
        """Waits for its end; returns the exit status."""
        status = self._process.wait(60)
        if self._process.stdout is not None:
            self._process.stdout.close()
        return status
