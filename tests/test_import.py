"""What `import pelton` costs: its time is in the benchmarks, what makes that time long is here."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = frozenset(
    {
        # of the standard library: each would be a tenth of the whole, or a third
        "asyncio",
        "concurrent.futures",
        "email",
        "http",
        "importlib.resources",
        "multiprocessing",
        "pathlib",
        "shutil",
        "socket",
        "ssl",
        "subprocess",
        "tempfile",
        "urllib.parse",
        "xml",
        # of others: for the server, the command line and what leaves the file
        "apscheduler",
        "boto3",
        "botocore",
        "fastapi",
        "httptools",
        "opentelemetry",
        "prometheus_client",
        "pydantic",
        "rich",
        "starlette",
        "typer",
        "uvicorn",
        "uvloop",
        # of pelton: what an app without it never needs
        "pelton.aio",
        "pelton.async_stream",
        "pelton.cli",
        "pelton.engine.partiql",
        "pelton.handlers.dispatcher",
        "pelton.handlers.filters",
        "pelton.server",
    }
)


def imported_by(program: str) -> set[str]:
    """The modules that a program has imported at its end, beyond those of a bare Python."""
    tell = "import sys; before = set(sys.modules)\n{}\nprint(*sorted(set(sys.modules) - before))"
    run = subprocess.run(
        [sys.executable, "-c", tell.format(program)], capture_output=True, text=True, check=True
    )
    return set(run.stdout.split())


def test_an_import_of_the_app_brings_no_heavy_module_along() -> None:
    imported = imported_by("import pelton; pelton.App")
    assert "pelton.app" in imported
    assert not HEAVY & imported


@pytest.mark.parametrize("name", ["asyncio", "importlib.resources", "pelton.aio", "pelton.server"])
def test_a_heavy_module_is_seen_where_it_is_imported(name: str) -> None:
    assert name in imported_by(f"import pelton; pelton.App; import {name}")
