"""What a public suite is to this package, and what a run of it found."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

RUN_SECONDS_MAX = 600
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "example",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
}


class SuiteError(Exception):
    """A suite that could not be run to its end, with what it said last."""


@dataclass
class Outcome:
    """What the tests of one run came to, by their names."""

    passed: set[str] = field(default_factory=set)
    failed: dict[str, str] = field(default_factory=dict)
    """The messages of the failed ones."""
    skipped: set[str] = field(default_factory=set)

    def add(self, name: str, failure: str | None, *, skipped: bool = False) -> None:
        """Notes one test; a name that is there already gets a number, in the order of the run."""
        taken, number = name, 1
        while taken in self.passed or taken in self.failed or taken in self.skipped:
            number += 1
            taken = f"{name} ({number})"
        if failure is not None:
            self.failed[taken] = failure
        elif skipped:
            self.skipped.add(taken)
        else:
            self.passed.add(taken)


@dataclass(frozen=True)
class Suite:
    """A public suite: where its checkout is told, what it needs, and how it is run."""

    name: str
    source: str
    """Its repository on GitHub, as owner/name."""
    variable: str
    """The environment variable that names the folder of its checkout."""
    needs: str
    """What must be in the checkout before it runs, as a path in it."""
    prepare: str
    """The command, given in the checkout, that makes what it needs."""
    run: Callable[[Path, str, Path], Outcome]
    """Runs it: the checkout, the endpoint's URL, a folder for its report."""
    regions: tuple[str, ...] = ("us-east-1",)
    """The regions that its tests tell apart."""
    server_options: tuple[str, ...] = ()
    """What `pelton serve` is given besides, where its tests want AWS's habits."""

    @property
    def checkout(self) -> Path:
        return Path(os.environ[self.variable]).expanduser().absolute()

    def missing(self) -> str | None:
        """Why it cannot be run here, or None."""
        if not os.environ.get(self.variable):
            return f"{self.variable} names no checkout of {self.source}"
        if not self.checkout.is_dir():
            return f"{self.variable} names {self.checkout}, which is no folder"
        if not (self.checkout / self.needs).exists():
            return f"{self.checkout} has no {self.needs}: there, {self.prepare}"
        return None

    def commit(self) -> str:
        """The checkout's commit, or "unknown"."""
        asked = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=self.checkout, capture_output=True, text=True
        )
        return asked.stdout.strip() if asked.returncode == 0 else "unknown"


def run_for_report(
    command: Sequence[str], checkout: Path, environment: dict[str, str], report: Path
) -> str:
    """Runs a suite's own runner; gives the text of the report it wrote.

    Raises:
        SuiteError: when it wrote none, or did not end in time.
    """
    try:
        ended = subprocess.run(
            command,
            cwd=checkout,
            env={**os.environ, **CREDENTIALS, **environment},
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS_MAX,
        )
    except subprocess.TimeoutExpired:
        raise SuiteError(f"{command[0]} did not end within {RUN_SECONDS_MAX} s") from None
    except OSError as error:
        raise SuiteError(f"{command[0]} did not start: {error}") from None
    if not report.exists():
        said = (ended.stdout + ended.stderr).strip().splitlines()[-20:]
        raise SuiteError("\n".join([f"{command[0]} wrote no report:", *said]))
    return report.read_text()
