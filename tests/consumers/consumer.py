"""A consumer as a process of its own that prints each change it sees as a line of JSON."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from tests.conftest import CREDENTIALS

from .source import Change

DRIVERS = Path(__file__).parent / "drivers"
PATIENCE_SECONDS = 120.0
"""How long a consumer may take on a busy machine; nothing waits this long that goes well."""

ENVIRONMENT = {
    "AWS_REGION": CREDENTIALS["region_name"],
    "AWS_DEFAULT_REGION": CREDENTIALS["region_name"],
    "AWS_ACCESS_KEY_ID": CREDENTIALS["aws_access_key_id"],
    "AWS_SECRET_ACCESS_KEY": CREDENTIALS["aws_secret_access_key"],
    "AWS_EC2_METADATA_DISABLED": "true",
}


class Consumer:
    """Runs until it ends itself or its input is closed, which tells it to end."""

    def __init__(self, command: list[str], cwd: Path | None = None, **environment: str) -> None:
        self.changes: list[Change] = []
        self.words: list[str] = []
        """Lines that are no changes: what the consumer says about itself."""
        self._told = threading.Condition()
        self._process = subprocess.Popen(
            command,
            cwd=cwd,
            env={"PATH": os.environ["PATH"], **ENVIRONMENT, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._complaint: list[str] = []
        self._threads = [
            threading.Thread(target=self._follow, daemon=True),
            threading.Thread(target=self._hear_complaints, daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> Consumer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process.poll() is None:
            self.kill()
        self._join()

    def ask(self, word: str) -> None:
        """Gives it a line of input and waits until it says the same line, having done its work."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{word}\n")
        self._process.stdin.flush()
        self.wait_for_word(word)

    def kill(self) -> None:
        """Ends it without a warning."""
        self._process.kill()
        self._process.wait()

    def wait_until(
        self, holds: Callable[[], bool], patience_seconds: float = PATIENCE_SECONDS
    ) -> None:
        """Waits for what it prints; raises AssertionError where it ends or takes too long."""
        deadline = time.monotonic() + patience_seconds
        with self._told:
            while not holds():
                running = self._threads[0].is_alive()
                assert running, f"the consumer has ended: {''.join(self._complaint)}"
                assert time.monotonic() < deadline, f"it saw {len(self.changes)} changes"
                self._told.wait(0.1)

    def wait_for_word(self, word: str) -> None:
        """Waits until it has printed this line."""
        self.wait_until(lambda: word in self.words)

    def wait_for(self, changes: list[Change], patience_seconds: float = PATIENCE_SECONDS) -> None:
        """Waits until it has seen them all."""
        self.wait_until(lambda: set(changes) <= set(self.changes), patience_seconds)

    def stop(self) -> None:
        """Tells it to end and waits for that; raises AssertionError where it ends with an error."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self.end()

    def end(self) -> None:
        """Waits until it ends by itself; raises AssertionError where that is with an error."""
        code = self._process.wait(PATIENCE_SECONDS)
        self._join()
        assert code == 0, "".join(self._complaint)

    def _join(self) -> None:
        for thread in self._threads:
            thread.join()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            assert pipe is not None
            pipe.close()

    def _follow(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._told:
                told = json.loads(line) if line.startswith("{") else {}
                if "event" in told:
                    self.changes.append(Change(told["id"], told["event"], int(told["n"])))
                else:
                    self.words.append(line.rstrip("\n"))
                self._told.notify_all()
        with self._told:
            self._told.notify_all()

    def _hear_complaints(self) -> None:
        assert self._process.stderr is not None
        self._complaint.extend(self._process.stderr)
