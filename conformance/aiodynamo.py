"""HENNGE/aiodynamo: the integration tests of an asynchronous client, over two HTTP libraries."""

from __future__ import annotations

from pathlib import Path

from .pytest_report import PYTHON, run_pytest
from .suite import Outcome, Suite


def _run(checkout: Path, url: str, folder: Path) -> Outcome:
    return run_pytest(checkout, ["tests/integration"], {"DYNAMODB_URLS": f"pelton={url}"}, folder)


AIODYNAMO = Suite(
    name="aiodynamo",
    source="HENNGE/aiodynamo",
    variable="PELTON_AIODYNAMO",
    needs=str(PYTHON),
    prepare="python -m venv .venv && "
    ".venv/bin/pip install -e '.[httpx,aiohttp]' pytest pytest-asyncio freezegun pyfakefs boto3",
    run=_run,
)
