"""The process under test: started as users start it, killed as the world kills it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

PELTON = Path(sys.executable).with_name("pelton")
ROOT = Path(__file__).parent.parent.parent


class Process:
    """`pelton run tests.faults.shop:app` on a file, with its server on a free port."""

    def __init__(self, path: Path) -> None:
        self._process = subprocess.Popen(
            [str(PELTON), "run", "tests.faults.shop:app", "--port", "0"],
            cwd=ROOT,
            env={**os.environ, "PELTON_FAULTS_DB": str(path)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self._process.stdout is not None
        said = ""
        for line in self._process.stdout:
            said += line
            if found := re.search(r"http://127\.0\.0\.1:(\d+)", line):
                self.port = int(found[1])
                return
        raise AssertionError(f"the process ended before it served:\n{said}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.kill()

    def kill(self) -> None:
        """kill -9, and what is left of it collected."""
        self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
