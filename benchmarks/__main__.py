"""Runs the benchmarks, all or those that are named, and prints figures beside their targets."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable

from . import (
    filters,
    handlers,
    http,
    inprocess,
    ministack,
    records,
    scale,
    start,
    trimming,
    write_sharding,
)
from .figure import Figure
from .machine import describe_machine
from .progress import progress_of
from .report import print_machine, print_report, write_report
from .servers import CACHE

NOUNS: dict[str, Callable[[Callable[[str], None]], list[Figure]]] = {
    "filters": filters.measure,
    "http": http.measure,
    "inprocess": inprocess.measure,
    "handlers": handlers.measure,
    "ministack": ministack.measure,
    "records": records.measure,
    "scale": scale.measure,
    "start": start.measure,
    "trimming": trimming.measure,
    "write_sharding": write_sharding.measure,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "nouns", nargs="*", choices=[*NOUNS, []], help="which ones; all unless given"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    options = parser.parse_args()
    CACHE.mkdir(exist_ok=True)
    machine = describe_machine()
    if not options.json:
        print_machine(machine)
    results: dict[str, list[Figure]] = {}
    for noun in options.nouns or NOUNS:
        with progress_of(noun) as say:
            results[noun] = NOUNS[noun](say)
        if not options.json:
            print_report(noun, results[noun])
    if options.json:
        figures = {noun: [each.to_json() for each in found] for noun, found in results.items()}
        print(json.dumps({"machine": machine, "figures": figures}, indent=1))
    if options.write:
        write_report(machine, results)


if __name__ == "__main__":
    main()
