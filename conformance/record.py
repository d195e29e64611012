"""What a suite is expected to find: a file each in expected/, and how a run is held against it."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from .suite import Outcome, Suite

FOLDER = Path(__file__).parent / "expected"


@dataclass(frozen=True)
class Record:
    """The last word on a suite: how many tests pass, and which ones fail for what reason."""

    commit: str
    passed: int
    failures: dict[str, str]
    """Why each test that is known to fail does, by its name."""


@dataclass(frozen=True)
class Verdict:
    """A run beside its record."""

    unexpected: dict[str, str]
    """The messages of the tests that failed and are not known to."""
    recovered: list[str]
    """Those that are known to fail and passed."""
    passed_too_few: int

    @property
    def worse(self) -> bool:
        return bool(self.unexpected) or self.passed_too_few > 0


def load_record(suite: Suite) -> Record:
    table = tomllib.loads((FOLDER / f"{suite.name}.toml").read_text())
    return Record(table["commit"], table["passed"], table["failures"])


def compare(outcome: Outcome, record: Record) -> Verdict:
    """Fewer passes, or a failure that nobody gave a reason for, are worse than the record.

    >>> record = Record("abc", 1, {"b": "AWS says so too"})
    >>> compare(Outcome(passed={"a"}, failed={"b": "400"}), record).worse
    False
    >>> compare(Outcome(failed={"b": "400"}), record).passed_too_few
    1
    """
    return Verdict(
        unexpected={
            name: message for name, message in outcome.failed.items() if name not in record.failures
        },
        recovered=sorted(outcome.passed & record.failures.keys()),
        passed_too_few=max(0, record.passed - len(outcome.passed)),
    )
