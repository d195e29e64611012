"""What is counted of a mapping, with a clock that is set by hand."""

from __future__ import annotations

from pelton.engine import ManualClock
from pelton.handlers.stats import Counters, MappingStats


def told(counters: Counters) -> MappingStats:
    return counters.snapshot("note", "things")


def test_rates_are_those_of_the_last_minute() -> None:
    clock = ManualClock()
    counters = Counters(clock)
    clock.advance(seconds=10)
    for _ in range(3):
        counters.note_success(100)
    assert (told(counters).records_per_second, told(counters).batches_per_second) == (30, 0.3)
    clock.advance(seconds=50)
    counters.note_success(300)
    assert told(counters).records_per_second == 10
    clock.advance(seconds=10)
    assert told(counters).records_per_second == 5
    clock.advance(seconds=50)
    assert (told(counters).records_per_second, told(counters).records) == (0, 600)


def test_rates_survive_a_clock_that_is_set_back() -> None:
    clock = ManualClock()
    counters = Counters(clock)
    counters.note_success(60)
    clock.advance(seconds=-3600)
    assert told(counters).records_per_second == 0
    counters.note_success(60)
    assert told(counters).records_per_second == 60


def test_the_iterator_age_is_the_last_batchs_and_the_largest_of_a_minute_is_kept() -> None:
    clock = ManualClock()
    counters = Counters(clock)
    assert (told(counters).iterator_age_ms, told(counters).iterator_age_max_ms) == (None, None)
    counters.note_age(5_000)
    counters.note_age(20)
    assert (told(counters).iterator_age_ms, told(counters).iterator_age_max_ms) == (20, 5_000)
    clock.advance(seconds=60)
    assert (told(counters).iterator_age_ms, told(counters).iterator_age_max_ms) == (20, None)


def test_the_last_result_is_told_in_lambdas_words() -> None:
    clock = ManualClock(1_000)
    counters = Counters(clock)
    assert told(counters).last_processing_result == "No records processed"
    counters.note_success(1)
    assert told(counters).last_processing_result == "OK"
    clock.advance(seconds=1)
    counters.note_failure(ValueError("no"), 2)
    stats = told(counters)
    assert stats.last_processing_result == "PROBLEM: Function call failed"
    assert (stats.last_error, stats.last_error_ms) == ("ValueError: no", 2_000)
    counters.note_success(1)
    stats = told(counters)
    assert (stats.last_processing_result, stats.last_error) == ("OK", "ValueError: no")


def test_everything_noted_is_told() -> None:
    counters = Counters(ManualClock())
    counters.note_polled(10)
    counters.note_filtered(3)
    counters.note_throttle()
    counters.note_in_flight(1)
    counters.note_invoked(7)
    counters.note_timeout()
    counters.note_failure(TimeoutError(), 7)
    counters.note_dropped(7)
    counters.note_dead_letters(7)
    counters.note_destination(7)
    stats = told(counters).to_json()
    expected = {
        "polled_events": 10,
        "filtered_out_events": 3,
        "throttles": 1,
        "in_flight": 1,
        "invoked_events": 7,
        "timeouts": 1,
        "failures": 1,
        "failed_invoke_events": 7,
        "dropped_events": 7,
        "dead_letters": 7,
        "destination_events": 7,
    }
    assert {name: stats[name] for name in expected} == expected
