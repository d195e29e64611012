"""What is kept of failed calls, and what is forgotten."""

from __future__ import annotations

from pelton.handlers.attempts import (
    FIRST_KEPT,
    LAST_KEPT,
    TRACEBACKS_KEPT,
    Attempts,
)
from pelton.streams import Record


def records(*sequences: int) -> list[Record]:
    return [Record(sequence, sequence, 0, b"{}") for sequence in sequences]


def error(text: str) -> ValueError:
    """An error that was raised on a line of its own."""
    try:
        raise ValueError(text)
    except ValueError as raised:
        return raised


def test_a_record_has_the_attempts_that_it_was_part_of() -> None:
    attempts = Attempts()
    attempts.note(records(1, 2, 3, 4), error("all"), 10)
    attempts.note(records(1, 2), error("half"), 20)
    attempts.note(records(2), error("alone"), 30)
    (second,), (third,) = records(2), records(3)
    assert [(each.at_ms, each.records) for each in attempts.of(second)] == [
        (10, 4),
        (20, 2),
        (30, 1),
    ]
    assert [each.error_message for each in attempts.of(third)] == ["all"]
    attempts.forget(2)
    assert attempts.of(second) == attempts.of(third)
    attempts.forget(4)
    assert attempts.of(third) == []


def test_of_attempts_without_end_the_first_and_the_last_are_kept() -> None:
    attempts = Attempts()
    (record,) = records(1)
    for number in range(1000):
        attempts.note([record], error(f"{number}"), number)
    kept = [each.at_ms for each in attempts.of(record)]
    assert kept == [*range(FIRST_KEPT), *range(1000 - LAST_KEPT, 1000)]


def test_a_traceback_is_kept_once_and_few_of_them_at_all() -> None:
    attempts = Attempts()
    (record,) = records(1)
    for number in range(12):
        attempts.note([record], error(f"{number // 2}"), number)
    told = [each.at_ms for each in attempts.of(record) if each.traceback]
    assert told == [0, 6, 8, 10]
    assert len(told) == TRACEBACKS_KEPT
    assert attempts.of(record)[0].traceback.endswith("ValueError: 0\n")


def test_what_an_error_says_is_bounded() -> None:
    attempts = Attempts()
    (record,) = records(1)
    attempts.note([record], error("é" * 100_000), 0)
    (attempt,) = attempts.of(record)
    assert len(attempt.error_message) == 500
    assert len(attempt.traceback) == 4_000
