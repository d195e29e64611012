"""architect/dynalite: the tests of an emulator that were held against AWS over many years."""

from __future__ import annotations

import json
from pathlib import Path

from .suite import Outcome, Suite, run_for_report

FORWARDING = Path(__file__).with_name("dynalite_forwarding.cjs")
TEST_MS_MAX = 30_000
STATUSES = tuple(
    option
    for status in ("creating", "updating", "deleting")
    for option in ("--strict", f"{status}_ms=300")
)
"""Its tests want to see tables that are not ready yet."""


def _run(checkout: Path, url: str, folder: Path) -> Outcome:
    report = folder / "report.json"
    command = [
        str(checkout / "node_modules" / ".bin" / "mocha"),
        *("--require", "should", "--require", str(FORWARDING)),
        *("--timeout", str(TEST_MS_MAX), "--exit"),
        *("--reporter", "json", "--reporter-option", f"output={report}"),
    ]
    found = json.loads(run_for_report(command, checkout, {"CONFORMANCE_ENDPOINT": url}, report))
    outcome = Outcome()
    pending = {test["fullTitle"] for test in found["pending"]}
    for test in found["tests"]:
        error = test["err"]
        failure = (error.get("message") or "failed") if error else None
        outcome.add(test["fullTitle"], failure, skipped=test["fullTitle"] in pending)
    for test in found["failures"]:
        if " hook " in test["fullTitle"]:  # those of hooks are not among the tests
            outcome.add(test["fullTitle"], test["err"].get("message") or "failed")
    return outcome


DYNALITE = Suite(
    name="dynalite",
    source="architect/dynalite",
    variable="PELTON_DYNALITE",
    needs="node_modules",
    prepare="npm install",
    run=_run,
    server_options=("--cors", "*", *STATUSES),
)
