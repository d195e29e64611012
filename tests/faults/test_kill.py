"""kill -9 under load: nothing acknowledged is lost, and everything derived agrees."""

from __future__ import annotations

import random
import statistics
import threading
from pathlib import Path

import pytest

from .audit import Audit
from .load import Acknowledgements, Client, Log
from .process import Process

CLIENTS = 5
ROUNDS = 8
ROUNDS_OF_THE_PROOF = 200
ANSWERS_MAX = 300
START_SECONDS_MAX = 0.7


def live_and_die(
    audit: Audit, path: Path, source: random.Random, app: str
) -> tuple[list[Log], int]:
    """One life of the server, ended by kill -9; what its clients know, and how many answers."""
    with Process(path, "run", app, "--port", "0") as process:
        if source.random() < 0.1:
            # It may die before anyone could ask it for something. Waiting is the point here: the
            # seed chooses a moment of its start.
            threading.Event().wait(source.random() * START_SECONDS_MAX)
            process.kill()
            return [], 0
        port = process.wait_until_it_serves()
        answers = Acknowledgements()
        clients = [
            Client(f"client{number}", port, source.randrange(2**32), audit.numbers, answers)
            for number in range(CLIENTS)
        ]
        for client in clients:
            client.start()
        answers.wait_for_more(source.randrange(1, ANSWERS_MAX))
        # Not always right after an answer: commits take about this long.
        threading.Event().wait(source.choice((0, 0, source.random() * 0.005)))
        process.kill()
        return [client.end() for client in clients], answers.count


def run_rounds(path: Path, rounds: int, seed: int, app: str = "tests.faults.served:app") -> str:
    """Lets the server of an app live and die `rounds` times; returns a line with the figures."""
    source = random.Random(seed)
    audit = Audit(path)
    with Process(path) as process:
        process.wait_until_it_serves()
        assert process.stop() == 0
    answered = repeats = 0
    for number in range(1, rounds + 1):
        logs, answers = live_and_die(audit, path, source, app)
        answered += answers
        audit.check(logs)
        if number % 10 == 0 or number == rounds:
            repeats = audit.check_handlers()
    assert audit.record_count > rounds
    recoveries = sorted(audit.recoveries_ms)
    return (
        f"{rounds} kills, {answered:,} answers, {audit.record_count:,} records: none lost, none "
        f"doubled, {repeats} delivered again outside the file; open again after "
        f"{statistics.median(recoveries):.0f} ms (median), {recoveries[-1]:.0f} ms (most)"
    )


def test_a_killed_server_loses_and_doubles_nothing(tmp_path: Path) -> None:
    print(run_rounds(tmp_path / "shop.db", ROUNDS, seed=1))


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_two_hundred_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    print(run_rounds(tmp_path / "shop.db", ROUNDS_OF_THE_PROOF, seed=2))
