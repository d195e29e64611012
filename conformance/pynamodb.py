"""pynamodb/PynamoDB: the integration tests of an object mapper, made for DynamoDB Local."""

from __future__ import annotations

from pathlib import Path

from .pytest_report import PYTHON, run_pytest
from .suite import Outcome, Suite

FOLDER = Path("tests") / "integration"


def _run(checkout: Path, url: str, folder: Path) -> Outcome:
    # Half of its files are not named as pytest looks for them, so each is named here.
    files = [
        str(path.relative_to(checkout))
        for path in sorted((checkout / FOLDER).glob("*.py"))
        if path.name.startswith("test_") or path.stem.endswith("_test")
    ]
    return run_pytest(checkout, files, {"PYNAMODB_INTEGRATION_TEST_DDB_URL": url}, folder)


PYNAMODB = Suite(
    name="PynamoDB",
    source="pynamodb/PynamoDB",
    variable="PELTON_PYNAMODB",
    needs=str(PYTHON),
    prepare="python -m venv .venv && "
    ".venv/bin/pip install -e '.[signals]' pytest pytest-env pytest-mock freezegun",
    run=_run,
    regions=("us-east-1", "us-east-2"),
)
