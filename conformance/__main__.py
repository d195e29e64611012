"""Runs public suites against pelton, all or those that are named, and tells what became worse."""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.servers import free_port, running
from rich.console import Console

from .aiodynamo import AIODYNAMO
from .dynalite import DYNALITE
from .dynamodb_conformance import DYNAMODB_CONFORMANCE
from .pynamodb import PYNAMODB
from .record import compare, load_record
from .report import Run, print_runs
from .suite import Suite, SuiteError

SUITES = {suite.name: suite for suite in (DYNAMODB_CONFORMANCE, DYNALITE, PYNAMODB, AIODYNAMO)}


def main(arguments: list[str] | None = None) -> int:
    """The exit code: 1 where a suite finds more to complain of than is recorded."""
    parser = argparse.ArgumentParser(prog="python -m conformance", description=__doc__)
    parser.add_argument(
        "suites", nargs="*", choices=[*SUITES, []], help="which ones; all unless given"
    )
    options = parser.parse_args(arguments)
    console = Console(highlight=False, soft_wrap=True)
    runs = []
    for name in options.suites or SUITES:
        print(f"running {name} ...", file=sys.stderr)
        runs.append(run_suite(SUITES[name]))
    print_runs(runs, console)
    return 1 if any(run.worse for run in runs) else 0


def run_suite(suite: Suite) -> Run:
    """Runs it against a server of its own, and holds it against its record."""
    missing = suite.missing()
    if missing is not None:
        return Run(suite, skipped_because=missing)
    with tempfile.TemporaryDirectory() as folder, pelton_in_memory(suite) as url:
        try:
            outcome = suite.run(suite.checkout, url, Path(folder))
        except SuiteError as error:
            return Run(suite, broken_because=str(error))
    record = load_record(suite)
    return Run(
        suite,
        commit=suite.commit(),
        outcome=outcome,
        record=record,
        verdict=compare(outcome, record),
    )


@contextlib.contextmanager
def pelton_in_memory(suite: Suite) -> Iterator[str]:
    """A server that keeps nothing, with a store for each of the suite's regions; gives its URL."""
    port = free_port()
    first, *others = suite.regions
    command = [str(Path(sys.executable).parent / "pelton"), "serve", ":memory:", "--region", first]
    for region in others:
        command += ["--region", f"{region}=:memory:"]
    command += [*suite.server_options, "--port", str(port)]
    with running(command, port, Path.cwd()) as url:
        yield url


if __name__ == "__main__":
    sys.exit(main())
