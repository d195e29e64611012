"""nubo-db/dynamodb-conformance: recorded against AWS, and the judge where suites disagree."""

from __future__ import annotations

import json
from pathlib import Path

from .suite import Outcome, Suite, run_for_report


def _run(checkout: Path, url: str, folder: Path) -> Outcome:
    report = folder / "report.json"
    runner = str(checkout / "node_modules" / ".bin" / "vitest")
    command = [runner, "run", "--reporter=json", f"--outputFile={report}"]
    found = json.loads(run_for_report(command, checkout, {"DYNAMODB_ENDPOINT": url}, report))
    outcome = Outcome()
    for file in found["testResults"]:
        name = Path(file["name"])
        place = name.relative_to(checkout) if name.is_relative_to(checkout) else name
        if not file["assertionResults"] and file["status"] != "passed":
            outcome.add(str(place), file.get("message") or "its tests could not be collected")
        for test in file["assertionResults"]:
            failure = "\n".join(test["failureMessages"]) if test["status"] == "failed" else None
            outcome.add(f"{place} {test['fullName']}", failure, skipped=test["status"] != "passed")
    return outcome


DYNAMODB_CONFORMANCE = Suite(
    name="dynamodb-conformance",
    source="nubo-db/dynamodb-conformance",
    variable="PELTON_DYNAMODB_CONFORMANCE",
    needs="node_modules",
    prepare="rm package-lock.json && npm install",
    run=_run,
)
