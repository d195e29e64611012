"""Runs as people read them: a table, and below it what is not as it was recorded."""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from .record import Record, Verdict
from .suite import Outcome, Suite

MESSAGE_CHARACTERS_MAX = 300


@dataclass(frozen=True)
class Run:
    """One line of the table: a run beside its record, or why there was none."""

    suite: Suite
    skipped_because: str | None = None
    broken_because: str | None = None
    commit: str = ""
    outcome: Outcome | None = None
    record: Record | None = None
    verdict: Verdict | None = None

    @property
    def worse(self) -> bool:
        return self.broken_because is not None or (self.verdict is not None and self.verdict.worse)


def print_runs(runs: list[Run], console: Console) -> None:
    table = Table("suite", "passed", "failed", "skipped", "expected failures", "")
    table.columns[0].no_wrap = True
    for column in table.columns[1:5]:
        column.justify = "right"
    for run in runs:
        if run.outcome is None or run.record is None:
            table.add_row(run.suite.name, "-", "-", "-", "-", _state(run))
            continue
        counts = (len(run.outcome.passed), len(run.outcome.failed), len(run.outcome.skipped))
        table.add_row(run.suite.name, *map(str, counts), str(len(run.record.failures)), _state(run))
    console.print(table)
    for run in runs:
        _print_differences(run, console)


def _state(run: Run) -> str:
    if run.skipped_because is not None:
        return "skipped"
    return "[red]worse[/]" if run.worse else "[green]as recorded[/]"


def _print_differences(run: Run, console: Console) -> None:
    name = run.suite.name
    because = run.skipped_because or run.broken_because
    if because is not None:
        console.print(f"{name}: {because}", markup=False)
    if run.verdict is None or run.record is None:
        return
    for test, message in run.verdict.unexpected.items():
        short = " ".join(message.split())[:MESSAGE_CHARACTERS_MAX]
        console.print(f"{name}: failed: {test}: {short}", markup=False)
    if run.verdict.passed_too_few:
        console.print(f"{name}: {run.record.passed} passed when it was recorded")
    for test in run.verdict.recovered:
        console.print(f"{name}: passes now, take it off its list: {test}", markup=False)
    if run.commit != run.record.commit:
        console.print(f"{name}: recorded at {run.record.commit}, this checkout is {run.commit}")
