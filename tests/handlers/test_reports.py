"""Partial batch responses: a handler's own word on which records failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from pelton.handlers import DEAD_LETTER_TABLE, Context, EventSourceMapping
from tests.handlers.stage import Stage, ids_of, on_batch

Event = dict[str, Any]
REPORTS = ("ReportBatchItemFailures",)


def sequence_number(event: Event, name: str) -> str:
    (number,) = (
        record["dynamodb"]["SequenceNumber"]
        for record in event["Records"]
        if record["dynamodb"]["Keys"]["id"]["S"] == name
    )
    assert isinstance(number, str)
    return number


def failing(event: Event, *names: str) -> Event:
    return {
        "batchItemFailures": [
            {"itemIdentifier": sequence_number(event, name)}
            for name in names
            if name in ids_of(event)
        ]
    }


class Reporter:
    """A handler that answers what it is told to, and notes what it was given."""

    def __init__(self, answer: Callable[[Event], Any]) -> None:
        self.answer = answer
        self.ids: list[str] = []
        self.counts: Counter[str] = Counter()

    def __call__(self, event: Event, context: Context) -> Any:
        self.ids.append("".join(ids_of(event)))
        self.counts.update(ids_of(event))
        return self.answer(event)

    def mapping(self, **options: Any) -> EventSourceMapping:
        options = {"function_response_types": REPORTS, "maximum_retry_attempts": 1, **options}
        return on_batch(self, name="reporter", **options)


def fill(stage: Stage, names: str) -> None:
    stage.source()
    for name in names:
        stage.save(id=name)


@pytest.mark.parametrize(
    "answer",
    [None, {}, [], {"batchItemFailures": []}, {"batchItemFailures": None}, {"status": 200}, "done"],
    ids=str,
)
def test_no_failures_named_means_success(stage: Stage, answer: Any) -> None:
    fill(stage, "abc")
    reporter = Reporter(lambda event: answer)
    dispatcher = stage.run(reporter.mapping())
    assert reporter.ids == ["abc"]
    assert dispatcher.stats()["reporter"].failures == 0


@pytest.mark.parametrize(
    "failure",
    [
        {"itemIdentifier": ""},
        {"itemIdentifier": None},
        {"itemIdentifier": 7},
        {"itemIdentifier": "123456789012345678901"},
        {"sequenceNumber": "1"},
        {},
        None,
        "a",
    ],
    ids=str,
)
def test_a_name_that_is_none_of_the_batch_fails_all_of_it(stage: Stage, failure: Any) -> None:
    fill(stage, "abc")
    reporter = Reporter(lambda event: {"batchItemFailures": [failure]})
    stage.run(reporter.mapping(bisect_batch_on_function_error=False))
    assert reporter.ids == ["abc", "abc"]
    letters = stage.all(DEAD_LETTER_TABLE)
    assert [each["error_type"] for each in letters] == ["InvalidReportError"] * 3


def test_a_bad_name_beside_a_good_one_fails_all(stage: Stage) -> None:
    fill(stage, "abc")

    def answer(event: Event) -> Event:
        report = failing(event, "c")
        report["batchItemFailures"].append({"itemIdentifier": ""})
        return report

    reporter = Reporter(answer)
    stage.run(reporter.mapping(bisect_batch_on_function_error=False))
    assert reporter.ids == ["abc", "abc"]


def test_failures_that_are_no_list_fail_the_batch(stage: Stage) -> None:
    fill(stage, "a")
    reporter = Reporter(lambda event: {"batchItemFailures": "a"})
    stage.run(reporter.mapping())
    assert reporter.ids == ["a", "a"]


def test_everything_from_the_lowest_failure_on_comes_again(stage: Stage) -> None:
    fill(stage, "abcdef")
    first: list[Event] = []

    def answer(event: Event) -> Any:
        first.append(event)
        return failing(event, "e", "c") if len(first) == 1 else None

    reporter = Reporter(answer)
    dispatcher = stage.run(reporter.mapping())
    assert reporter.ids == ["abcdef", "cdef"]
    assert dispatcher.stats()["reporter"].dead_letters == 0


def test_a_last_record_that_always_fails_is_delivered_as_often_as_on_aws(stage: Stage) -> None:
    """Batches of 3, 3 retries: AWS was seen to deliver the record 5 times, to report 4 attempts."""
    fill(stage, "abc")
    reporter = Reporter(lambda event: failing(event, "c"))
    stage.run(reporter.mapping(batch_size=3, maximum_retry_attempts=3))
    assert reporter.ids == ["abc", "c", "c", "c", "c"]
    (letter,) = stage.all(DEAD_LETTER_TABLE)
    assert (letter["attempts"], letter["error_type"]) == (4, "ReportedFailure")


def test_without_bisection_what_follows_the_failure_is_given_up_with_it(stage: Stage) -> None:
    fill(stage, "abcd")
    reporter = Reporter(lambda event: failing(event, "b"))
    stage.run(reporter.mapping(bisect_batch_on_function_error=False))
    assert reporter.ids == ["abcd", "bcd", "bcd"]
    assert len(stage.all(DEAD_LETTER_TABLE)) == 3


def test_with_bisection_the_record_at_fault_is_given_up_alone(stage: Stage) -> None:
    fill(stage, "abcd")
    reporter = Reporter(lambda event: failing(event, "b"))
    stage.run(reporter.mapping())
    assert reporter.ids == ["abcd", "bcd", "b", "cd"]
    (letter,) = stage.all(DEAD_LETTER_TABLE)
    assert '"id":{"S":"b"}' in letter["record_json"]


def test_an_exception_halves_the_batch_whatever_was_reported(stage: Stage) -> None:
    fill(stage, "abcd")

    def answer(event: Event) -> Any:
        if "d" in ids_of(event):
            raise ValueError("d")
        return None

    reporter = Reporter(answer)
    stage.run(reporter.mapping())
    assert reporter.ids == ["abcd", "ab", "c", "d", "d"]


def test_reports_of_handlers_that_do_not_give_any_are_no_reports(stage: Stage) -> None:
    fill(stage, "ab")
    reporter = Reporter(lambda event: failing(event, "a"))
    stage.run(reporter.mapping(function_response_types=()))
    assert reporter.ids == ["ab"]


def test_a_prefix_that_is_done_is_not_written_twice(stage: Stage) -> None:
    """What a batch wrote before it failed in part goes, and what was done is done again."""
    fill(stage, "abc")
    stage.create("counts")
    failed: list[str] = []

    def count(event: Event, context: Context) -> Any:
        for name in ids_of(event):
            context.transaction.update("counts", {"id": name}, "ADD seen :one", values={":one": 1})
        if "c" in ids_of(event) and not failed:
            failed.append("c")
            return failing(event, "c")
        return None

    stage.run(on_batch(count, function_response_types=REPORTS))
    assert {each["id"]: each["seen"] for each in stage.all("counts")} == {"a": 1, "b": 1, "c": 1}
