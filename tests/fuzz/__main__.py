"""`python -m tests.fuzz`: attacks a server of its own and tells how it stood it."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.server.specimens import TABLE

from .served import Served
from .storm import Account, Storm

WARM_UP_ATTACKS = 60_000
"""What a server allocates for its first requests it keeps: growth is counted from here."""

GROWTH_MB_MAX = 64.0


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--requests", type=int, default=1_000_000, help="how many; 1,000,000")
    parser.add_argument("--seed", type=int, default=1, help="the same seed, the same requests")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Served(Path(folder)) as served:
        wrong = attack(served, options.requests, options.seed)
    for each in wrong:
        print(f"WRONG: {each}")
    sys.exit(bool(wrong))


def attack(served: Served, requests: int, seed: int) -> list[str]:
    """Sends the requests, prints what came of them, and returns what is wrong with that."""
    storm = Storm(served.url, seed)
    started = time.monotonic()
    warm_mb = 0.0

    def say(account: Account) -> None:
        nonlocal warm_mb
        memory_mb = served.memory_mb()
        if account.attacks <= WARM_UP_ATTACKS:
            warm_mb = memory_mb
        seconds = time.monotonic() - started
        print(
            f"{account.attacks:>9,} requests, {account.attacks / seconds:,.0f}/s, "
            f"{memory_mb:.0f} MB, statuses {told(account.statuses)}",
            flush=True,
        )

    wrong = []
    try:
        storm.rage(requests, say)
        storm.call("PutItem", {"TableName": TABLE, "Item": LAST})
        if storm.call("GetItem", {"TableName": TABLE, "Key": LAST})["Item"] != LAST:
            wrong.append("what was put last did not come back")
    except (AssertionError, OSError) as error:
        wrong.append(f"after {storm.account.attacks:,} requests it did not answer: {error!r}")
    growth_mb = served.memory_mb() - warm_mb if served.is_alive() else 0.0
    account, complaints = storm.account, served.complaints()
    print(f"seed {seed}, {time.monotonic() - started:.0f} s, pid {served.process.pid}")
    print(f"statuses: {told(account.statuses)}")
    print(f"errors:   {told(account.errors)}")
    print(f"kinds:    {told(account.kinds)}")
    print(f"memory:   {warm_mb:.0f} MB after the warm-up, {growth_mb:+.0f} MB since")
    print(f"stderr:   {len(complaints.splitlines())} lines")
    wrong += [
        f"{attack.kind}: {attack.data[:3000]!r}\n    was answered {reply[:500]!r}"
        for attack, reply in account.faults
    ]
    if not served.is_alive():
        wrong.append(f"the process ended with {served.process.returncode}")
    if (at := complaints.find("ERROR")) >= 0 or (at := complaints.find("Traceback")) >= 0:
        wrong.append(f"it complained:\n{complaints[at : at + 3000]}")
    if growth_mb > GROWTH_MB_MAX:
        wrong.append(f"it holds {growth_mb:.0f} MB more than after the warm-up")
    return wrong


def told(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.most_common())


LAST = {"id": {"S": "the last"}, "at": {"N": "1"}}


if __name__ == "__main__":
    main()
