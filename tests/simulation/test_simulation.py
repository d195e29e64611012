"""A few of the schedules, as part of the tests; `make simulate` runs ten thousand."""

from __future__ import annotations

import pytest

from .schedule import run_schedule

SCHEDULES = 90
GROUPS = 6


@pytest.mark.parametrize("group", range(GROUPS))
def test_every_reader_sees_each_change_once_whatever_happens(group: int) -> None:
    for seed in range(group, SCHEDULES, GROUPS):
        outcome = run_schedule(seed)
        again = f"again: python -m tests.simulation --seed {seed} --trace"
        assert outcome.fault is None, f"{outcome.fault}\n{again}"


def test_a_seed_decides_everything() -> None:
    first, again = (run_schedule(11) for _ in range(2))
    assert first.steps == again.steps
    assert first.records == again.records
