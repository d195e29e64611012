"""A few of the schedules, as part of the tests; `make simulate` runs ten thousand."""

from __future__ import annotations

import pytest

from .schedule import WORLDS, run_schedule

SCHEDULES = {"streams": 90, "dispatching": 42}
GROUPS = 6


@pytest.mark.parametrize("group", range(GROUPS))
@pytest.mark.parametrize("world", WORLDS)
def test_every_promise_is_kept_whatever_happens(world: str, group: int) -> None:
    for seed in range(group, SCHEDULES[world], GROUPS):
        outcome = run_schedule(world, seed)
        again = f"again: python -m tests.simulation {world} --seed {seed} --trace"
        assert outcome.fault is None, f"{outcome.fault}\n{again}"


@pytest.mark.parametrize("world", WORLDS)
def test_a_seed_decides_everything(world: str) -> None:
    first, again = (run_schedule(world, 11) for _ in range(2))
    assert first.steps == again.steps
    assert first.records == again.records
