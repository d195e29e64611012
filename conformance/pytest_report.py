"""Suites that pytest runs, in the virtual environment of their checkout."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from .suite import Outcome, run_for_report

PYTHON = Path(".venv") / "bin" / "python"


def run_pytest(
    checkout: Path, tests: list[str], environment: dict[str, str], folder: Path
) -> Outcome:
    """Runs the checkout's tests with its own Python; raises SuiteError where that cannot be."""
    report = folder / "report.xml"
    # Everything of pytest that others may have set for their own tests stays out.
    environment = {**environment, "PYTEST_ADDOPTS": "", "PYTHONPATH": ""}
    command = [str(checkout / PYTHON), "-m", "pytest", "-q", f"--junitxml={report}", *tests]
    root = ElementTree.fromstring(run_for_report(command, checkout, environment, report))
    outcome = Outcome()
    for case in root.iter("testcase"):
        problems = [*case.findall("failure"), *case.findall("error")]
        failure = "\n".join(each.get("message") or "failed" for each in problems) or None
        outcome.add(
            f"{case.get('classname')}::{case.get('name')}",
            failure,
            skipped=case.find("skipped") is not None,
        )
    return outcome
