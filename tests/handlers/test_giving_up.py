"""What happens to records that are given up: who is told, when, and what is kept of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from pelton.handlers import (
    DEAD_LETTER_TABLE,
    Context,
    Dispatcher,
    EventSourceMapping,
    RecordChange,
)
from pelton.handlers.destinations import DestinationError, InvocationRecord
from pelton.handlers.giving_up import TELLINGS_MAX
from pelton.handlers.letters import letters_of
from pelton.streams.checkpoints import read_positions
from tests.handlers.stage import Stage, ids_of, on_batch, on_change, on_insert

QUEUE = "arn:aws:sqs:us-east-1:123456789012:given-up"


class Inbox:
    """A destination that can be out of order; `before` is called with what is sent."""

    def __init__(self) -> None:
        self.taken: list[dict[str, Any]] = []
        self.tries = 0
        self.broken = 0
        self.before: Callable[[], None] = lambda: None

    def send(self, record: InvocationRecord) -> None:
        self.tries += 1
        self.before()
        if self.broken:
            self.broken -= 1
            raise DestinationError("the inbox is full")
        self.taken.append(json.loads(record.body()))


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


def run(stage: Stage, inbox: Inbox, mapping: EventSourceMapping) -> Dispatcher:
    """A dispatcher that has done everything there is to do."""
    asked: list[tuple[str, str]] = []

    def destination_of(arn: str, region: str) -> Inbox:
        asked.append((arn, region))
        return inbox

    dispatcher = Dispatcher(
        stage.database,
        stage.streams,
        [mapping],
        random=Random(0),
        scheduler=stage.scheduler(),
        destination_of=destination_of,
    )
    dispatcher.start()
    stage.dispatchers.append(dispatcher)
    dispatcher.drain()
    assert asked == [(QUEUE, "us-east-1")]
    return dispatcher


def refuse(event: Any, context: Context) -> None:
    raise ValueError("no")


# --- the destination ------------------------------------------------------------------------------


def test_a_destination_has_taken_them_before_the_position_moves(stage: Stage, inbox: Inbox) -> None:
    def look() -> None:
        positions = stage.database.store.read(lambda reader: read_positions(reader, "refuse"))
        assert set(positions.values()) == {1}
        assert list(letters_of(stage.database)) == []

    inbox.before = look
    stage.source()
    for name in "ab":
        stage.save(id=name)
    dispatcher = run(
        stage,
        inbox,
        on_batch(
            refuse,
            maximum_retry_attempts=2,
            bisect_batch_on_function_error=False,
            on_failure=QUEUE,
        ),
    )
    (told,) = inbox.taken
    first, last = (each["dynamodb"]["SequenceNumber"] for each in stage.records())
    assert told["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert told["requestContext"]["approximateInvokeCount"] == 3
    assert told["responseContext"]["functionError"] == "Unhandled"
    assert told["DDBStreamBatchInfo"]["batchSize"] == 2
    assert told["DDBStreamBatchInfo"]["startSequenceNumber"] == first
    assert told["DDBStreamBatchInfo"]["endSequenceNumber"] == last
    stats = dispatcher.stats()["refuse"]
    assert (stats.dead_letters, stats.destination_events) == (2, 2)
    assert [each.condition for each in letters_of(stage.database)] == ["RetryAttemptsExhausted"] * 2


def test_the_request_id_is_that_of_the_last_call(stage: Stage, inbox: Inbox) -> None:
    contexts: list[Context] = []

    def note(item: dict[str, Any], context: Context) -> None:
        contexts.append(context)
        raise ValueError("no")

    stage.source()
    stage.save(id="a")
    run(stage, inbox, on_insert(note, maximum_retry_attempts=2, on_failure=QUEUE))
    (told,) = inbox.taken
    assert told["requestContext"]["requestId"] == contexts[-1].aws_request_id
    assert told["requestContext"]["functionArn"] == contexts[-1].invoked_function_arn


def test_a_destination_out_of_order_is_asked_again_and_the_handler_is_not(
    stage: Stage, inbox: Inbox
) -> None:
    calls: list[str] = []

    def note(item: dict[str, Any], context: Context) -> None:
        calls.append(item["id"])
        if item["id"] == "a":
            raise ValueError("no")

    inbox.broken = 3
    stage.source()
    for name in "ab":
        stage.save(id=name)
    dispatcher = run(stage, inbox, on_insert(note, maximum_retry_attempts=0, on_failure=QUEUE))
    assert (inbox.tries, len(inbox.taken)) == (4, 1)
    assert calls == ["a", "b"]
    waited = dispatcher._scheduler.waited_seconds  # type: ignore[attr-defined]
    backoffs = [each for each in waited if each >= 0.05]
    assert all(
        whole / 2 <= each <= whole for each, whole in zip(backoffs, (0.1, 0.2, 0.4), strict=True)
    )
    (letter,) = stage.all(DEAD_LETTER_TABLE)
    assert "untold" not in letter


def test_a_destination_that_takes_nothing_leaves_them_to_the_dead_letters(
    stage: Stage, inbox: Inbox
) -> None:
    inbox.broken = 1_000
    stage.source()
    stage.save(id="a")
    dispatcher = run(stage, inbox, on_insert(refuse, maximum_retry_attempts=0, on_failure=QUEUE))
    assert inbox.tries == TELLINGS_MAX
    (letter,) = stage.all(DEAD_LETTER_TABLE)
    assert letter["untold"] == "the inbox is full"
    stats = dispatcher.stats()["refuse"]
    assert (stats.destination_events, stats.destination_failures) == (0, TELLINGS_MAX)


def test_a_crash_behind_the_sending_sends_again_and_loses_nothing(
    stage: Stage, inbox: Inbox
) -> None:
    class Crash(BaseException):
        """The end of a process."""

    def crash() -> None:
        inbox.before = lambda: None
        inbox.taken.append({"requestContext": None})  # it has arrived, and nobody knows
        raise Crash

    inbox.before = crash
    stage.source()
    stage.save(id="a")
    mapping = on_insert(refuse, maximum_retry_attempts=0, on_failure=QUEUE)
    with pytest.raises(Crash):
        run(stage, inbox, mapping)
    assert DEAD_LETTER_TABLE not in stage.database.catalog.tables
    run(stage, inbox, mapping)
    assert len(inbox.taken) == 2
    assert len(stage.all(DEAD_LETTER_TABLE)) == 1


def test_a_reported_failure_is_no_error_of_the_function(stage: Stage, inbox: Inbox) -> None:
    delivered: list[list[str]] = []

    def report(event: dict[str, Any], context: Context) -> Any:
        delivered.append(ids_of(event))
        number = event["Records"][-1]["dynamodb"]["SequenceNumber"]
        return {"batchItemFailures": [{"itemIdentifier": number}]}

    stage.source()
    for name in "abc":
        stage.save(id=name)
    run(
        stage,
        inbox,
        on_batch(
            report,
            batch_size=3,
            maximum_retry_attempts=3,
            bisect_batch_on_function_error=False,
            function_response_types=("ReportBatchItemFailures",),
            on_failure=QUEUE,
        ),
    )
    (told,) = inbox.taken
    assert delivered == [["a", "b", "c"], ["c"], ["c"], ["c"], ["c"]]
    assert told["requestContext"]["approximateInvokeCount"] == 4
    assert told["responseContext"]["functionError"] is None
    assert told["DDBStreamBatchInfo"]["batchSize"] == 1


def test_records_too_old_are_told_of_with_their_age_as_the_reason(
    stage: Stage, inbox: Inbox
) -> None:
    seen: list[str] = []

    def note(item: dict[str, Any], context: Context) -> None:
        seen.append(item["id"])

    stage.source()
    stage.save(id="old")
    stage.clock.advance(seconds=61)
    stage.save(id="new")
    run(stage, inbox, on_insert(note, maximum_record_age_in_seconds=60, on_failure=QUEUE))
    (told,) = inbox.taken
    assert seen == ["new"]
    assert told["requestContext"]["condition"] == "RecordAgeExceeded"
    assert told["requestContext"]["approximateInvokeCount"] == 0
    assert "responseContext" not in told
    (letter,) = letters_of(stage.database)
    assert (letter.condition, letter.attempts) == ("RecordAgeExceeded", 0)
    assert letter.error_type == "RecordAgeExceeded"


def test_records_that_grow_too_old_between_retries_were_called(stage: Stage, inbox: Inbox) -> None:
    stage.source()
    stage.save(id="a")
    without_end = on_insert(
        refuse, maximum_record_age_in_seconds=60, maximum_retry_attempts=-1, on_failure=QUEUE
    )
    run(stage, inbox, without_end)
    (told,) = inbox.taken
    assert told["requestContext"]["condition"] == "RecordAgeExceeded"
    assert told["requestContext"]["approximateInvokeCount"] > 5
    assert told["responseContext"]["functionError"] == "Unhandled"
    (letter,) = letters_of(stage.database)
    assert {each.error_type for each in letter.failures} == {"ValueError"}


# --- what is kept ---------------------------------------------------------------------------------


def test_a_letter_holds_every_attempt_its_time_and_its_traceback(stage: Stage) -> None:
    texts = iter(["first", "second", "third"])

    def note(change: RecordChange, context: Context) -> None:
        if change.keys["id"] == "b":
            raise ValueError(next(texts))

    stage.source()
    for name in "abc":
        stage.save(id=name)
    stage.run(on_change(note, maximum_retry_attempts=2))
    (letter,) = letters_of(stage.database)
    assert [each.error_message for each in letter.failures] == ["first", "second", "third"]
    times = [each.at_ms for each in letter.failures]
    assert times == sorted(set(times))
    assert letter.failed_at_ms == times[-1]
    assert all("in note" in each.traceback for each in letter.failures)
    assert letter.error_message == "third"


def test_the_attempts_of_a_halved_batch_are_those_that_the_record_was_in(stage: Stage) -> None:
    def note(event: dict[str, Any], context: Context) -> None:
        if "i5" in ids_of(event):
            raise ValueError("poison")

    stage.source()
    for number in range(8):
        stage.save(id=f"i{number}")
    stage.run(on_batch(note, maximum_retry_attempts=1))
    (letter,) = letters_of(stage.database)
    assert [each.records for each in letter.failures] == [8, 2, 1, 1]
    assert letter.attempts == 2


def test_a_letter_fits_however_much_its_errors_say(stage: Stage) -> None:
    def fail(change: RecordChange, context: Context) -> None:
        if change.event == "MODIFY":
            raise ValueError(f"{context.attempt}" + "\U0001f600" * 100_000)

    stage.source()
    stage.save(id="a", text="\U0001f600" * 90_000)
    stage.save(id="a", text="\U0001f601" * 90_000)
    stage.run(on_change(fail, maximum_retry_attempts=40))
    (letter,) = letters_of(stage.database)
    assert letter.attempts == 41
    assert len(letter.failures) == 20
    assert letter.whole_record["dynamodb"]["NewImage"]["text"] == {"S": "\U0001f601" * 90_000}
