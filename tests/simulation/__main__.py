"""`python -m tests.simulation`: streams, and the dispatcher, in thousands of seeded schedules."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from .schedule import WORLDS, Outcome, run_schedule

LAST_STEPS = 15
CHUNK_SCHEDULES = 10
LINE_SCHEDULES = 500


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("world", nargs="?", choices=[*WORLDS], help="which; both unless given")
    parser.add_argument("--schedules", type=int, default=10_000, help="how many; 10,000 of each")
    parser.add_argument("--seed", type=int, default=0, help="the first one's seed; 0")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="processes; one a core")
    parser.add_argument("--trace", action="store_true", help="run one schedule and print its steps")
    options = parser.parse_args()
    if options.trace:
        outcome = run_schedule(
            options.world or "streams", options.seed, trace=lambda line: print(line, flush=True)
        )
        sys.exit(tell([outcome] if outcome.fault else []))
    seeds = range(options.seed, options.seed + options.schedules)
    worlds = [options.world] if options.world else [*WORLDS]
    sys.exit(max([simulate(world, seeds, options.workers) for world in worlds]))


def simulate(world: str, seeds: range, workers: int) -> int:
    """Runs the schedules of a world and tells how they went; returns the exit code."""
    started = time.monotonic()
    faults: list[Outcome] = []
    steps = records = 0
    for outcome in run_all(world, seeds, workers):
        steps += len(outcome.steps)
        records += outcome.records
        if outcome.fault is not None:
            faults.append(outcome)
    seconds = time.monotonic() - started
    print(
        f"{world}: {len(seeds):,} schedules from seed {seeds.start}: {steps:,} steps, "
        f"{records:,} records, {seconds:.0f} s, {workers} processes"
    )
    return tell(faults)


def run_all(world: str, seeds: range, workers: int) -> Iterator[Outcome]:
    """The outcomes in the order of the seeds; a bar, or lines in a pipe, tell how far it is."""
    console = Console(stderr=True)
    columns = (
        TextColumn(f"simulating {world}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with (
        ProcessPoolExecutor(workers) as pool,
        Progress(*columns, console=console, transient=True) as progress,
    ):
        task = progress.add_task("", total=len(seeds))
        outcomes = pool.map(partial(run_schedule, world), seeds, chunksize=CHUNK_SCHEDULES)
        for number, outcome in enumerate(outcomes, start=1):
            if outcome.fault is not None:
                console.print(f"seed {outcome.seed} fails", markup=False)
            if not console.is_terminal and number % LINE_SCHEDULES == 0:
                console.print(f"{number:,} schedules of {len(seeds):,}", highlight=False)
            progress.advance(task)
            yield outcome


def tell(faults: list[Outcome]) -> int:
    """Prints what was not kept, and how to see it again; returns the exit code."""
    for outcome in faults:
        print(f"\nseed {outcome.seed}, after {len(outcome.steps)} steps:")
        for step in outcome.steps[-LAST_STEPS:]:
            print(f"    {step}")
        print(outcome.fault)
        print(f"again: python -m tests.simulation {outcome.world} --seed {outcome.seed} --trace")
    if faults:
        print(f"\n{len(faults)} schedules failed")
    return bool(faults)


if __name__ == "__main__":
    main()
