from __future__ import annotations

import math

import pytest

from pelton.handlers.retry import Suspects, Verdict, backoff_seconds


def deliver_all(
    suspects: Suspects, poisons: set[int], total: int, batch: int
) -> tuple[list[int], list[int], int]:
    """What reaches the handler, what is given up, and how many calls fail, for lasting poisons."""
    position, delivered, buried, failed = 0, list[int](), list[int](), 0
    while position < total:
        count = suspects.limit(min(batch, total - position))
        records = list(range(position, position + count))
        if not poisons & set(records):
            delivered += records
        else:
            failed += 1
            if suspects.note_failure(count) is not Verdict.GIVE_UP:
                continue
            buried += records
        suspects.note_success(count)
        position += count
    return delivered, buried, failed


@pytest.mark.parametrize("poison", range(100))
def test_bisection_finds_a_poison_in_few_failing_calls(poison: int) -> None:
    suspects = Suspects(splits=True, retries_max=0)
    delivered, buried, failed = deliver_all(suspects, {poison}, 100, 100)
    assert buried == [poison]
    assert delivered == [number for number in range(100) if number != poison]
    assert failed <= math.ceil(math.log2(100)) + 1


@pytest.mark.parametrize("poisons", [{0, 1, 2}, {0, 99}, {31, 32, 64}, set(range(40, 60))])
def test_bisection_buries_only_the_poisons(poisons: set[int]) -> None:
    suspects = Suspects(splits=True, retries_max=2)
    delivered, buried, _ = deliver_all(suspects, poisons, 130, 50)
    assert set(buried) == poisons
    assert delivered == [number for number in range(130) if number not in poisons]


def test_splits_are_no_retries() -> None:
    suspects = Suspects(splits=True, retries_max=1)
    assert [suspects.note_failure(count) for count in (8, 4, 2)] == [Verdict.SPLIT] * 3
    assert [suspects.note_failure(1) for _ in range(2)] == [Verdict.RETRY, Verdict.GIVE_UP]


def test_a_record_that_is_known_to_fail_is_tried_alone() -> None:
    suspects = Suspects(splits=True, retries_max=3)
    assert suspects.note_failure(50, found=True) is Verdict.RETRY
    assert suspects.limit(50) == 1
    suspects.note_success(1)
    assert suspects.limit(50) == 50


def test_what_is_not_split_is_tried_again_as_it_was() -> None:
    suspects = Suspects(splits=False, retries_max=-1)
    assert suspects.note_failure(7) is Verdict.RETRY
    assert suspects.limit(100) == 7
    assert suspects.failures == 1


def test_conflicts_shrink_a_delivery_but_never_to_nothing() -> None:
    suspects = Suspects(splits=False, retries_max=0)
    for expected in (50, 25, 12, 6, 3, 1, 1):
        suspects.note_conflict()
        assert suspects.limit(100) == expected
    suspects.note_success(1)
    assert suspects.limit(100) == 100


@pytest.mark.parametrize("failures", [1, 5, 9, 10, 1000])
def test_backoff_stays_between_half_and_whole(failures: int) -> None:
    whole = min(30.0, 0.1 * 2.0 ** min(failures - 1, 60))
    assert backoff_seconds(failures, 0.0) == whole
    assert whole / 2 < backoff_seconds(failures, 0.999) < whole
