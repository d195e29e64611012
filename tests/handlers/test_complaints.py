"""What users of other triggers complained about, each as a test.

The issue that a test is named after is another project's; its docstring says which.
"""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from typing import Any

import pytest

from pelton.handlers import DEAD_LETTER_TABLE, Context
from pelton.handlers.errors import RecordsTrimmedError
from tests.handlers.stage import Stage, ids_of, on_batch, on_insert

HOUR = 3600
SECONDS_MAX = 60


def test_two_handlers_of_one_stream_each_see_everything(stage: Stage) -> None:
    """localstack#7918: two mappings on one stream miss records at random."""
    seen: dict[str, list[str]] = {"one": [], "two": []}

    def one(event: dict[str, Any], context: Context) -> None:
        seen["one"] += ids_of(event)

    def two(event: dict[str, Any], context: Context) -> None:
        seen["two"] += ids_of(event)

    stage.source(write_units=3000)
    dispatcher = stage.start(on_batch(one, batch_size=3), on_batch(two, batch_size=7), seed=5)
    names = [f"i{number}" for number in range(50)]
    for name in names:
        stage.save(id=name)
    dispatcher.drain()
    assert sorted(seen["one"]) == sorted(seen["two"]) == sorted(names)


def test_batches_of_one_stream_run_at_once(stage: Stage) -> None:
    """localstack#13581: one call at a time for each stream. Calls that wait for one another only
    end when all of them run.
    """
    meeting = threading.Barrier(3, timeout=SECONDS_MAX)
    calls = itertools.count(1)
    met: list[str] = []

    def meet(event: dict[str, Any], context: Context) -> None:
        if next(calls) <= 3:
            meeting.wait()
        met.extend(ids_of(event))

    stage.source()
    assert len(stage.shards(stage.stream_arn())) == 1
    names = [f"i{number}" for number in range(100)]
    for name in names:
        stage.save(id=name)
    stage.threaded(on_batch(meet, parallelization_factor=10, batch_size=1)).drain(SECONDS_MAX)
    assert sorted(met) == sorted(names)


def test_filters_are_heeded_and_ids_are_there_and_statements_tell_too(stage: Stage) -> None:
    """localstack#6096: filters are ignored. #5957: eventID is null. #6507: what PartiQL writes
    reaches nobody.
    """
    records: list[dict[str, Any]] = []

    def note(event: dict[str, Any], context: Context) -> None:
        records.extend(event["Records"])

    stage.source()
    pattern = '{"dynamodb":{"NewImage":{"city":{"S":["Oslo"]}}}}'
    dispatcher = stage.start(on_batch(note, filter_criteria=(pattern,)))
    stage.save(id="a", city="Oslo")
    stage.save(id="b", city="Rome")
    statement = "INSERT INTO things VALUE {'id': 'c', 'city': 'Oslo'}"
    stage.call("ExecuteStatement", Statement=statement)
    dispatcher.drain()
    assert ids_of({"Records": records}) == ["a", "c"]
    assert len({record["eventID"] for record in records}) == 2
    assert all(len(record["eventID"]) == 32 for record in records)


def test_nothing_is_missed_around_the_end_of_a_shard(stage: Stage) -> None:
    """camel PR#24861, kafka-connect-dynamodb#21, estuary/connectors PR#3418: three consumers that
    missed what was written around a shard's end. redpanda-data/connect PR#4545,
    node-dynamodb-stream PR#5: an iterator that has expired is tried for ever.
    """
    seen: list[str] = []

    def note(item: dict[str, Any], context: Context) -> None:
        seen.append(item["id"])

    stage.source()
    dispatcher = stage.start(on_insert(note, batch_size=2), seed=7)
    expected = []
    for number in range(60):
        name = f"i{number}"
        stage.save(id=name)
        expected.append(name)
        if number % 4 == 3:
            stage.clock.advance(seconds=5 * HOUR)
            stage.streams.roll_aged()
        if number % 7 == 6:
            dispatcher.drain()
    dispatcher.drain()
    assert Counter(seen) == Counter(expected)
    assert len(stage.shards(stage.stream_arn())) > 5


def test_a_handler_works_after_hours_without_a_record(stage: Stage) -> None:
    """localstack#8378: the trigger is dead after half an hour of idleness.
    dynamodb-streams-kinesis-adapter#20, amazon-kinesis-client#185: idle for ever behind a shard's
    end.
    """
    seen: list[str] = []

    def note(item: dict[str, Any], context: Context) -> None:
        seen.append(item["id"])

    stage.source()
    dispatcher = stage.start(on_insert(note))
    expected = []
    for pause_hours in (0.6, 5, 30, 0.1, 100):
        stage.clock.advance(seconds=pause_hours * HOUR)
        stage.streams.roll_aged()
        stage.streams.trim()
        name = f"after {pause_hours} h"
        stage.save(id=name)
        expected.append(name)
        dispatcher.drain()
        assert seen == expected


def test_an_empty_table_has_lost_nothing(stage: Stage) -> None:
    """aws-sdk-java#2923: TrimmedDataAccessException at a table that never had a record.
    serverless-plugins#154, #164: "Invalid ShardId" for ever, after a day or two.
    """
    seen: list[str] = []

    def note(item: dict[str, Any], context: Context) -> None:
        seen.append(item["id"])

    stage.source()
    for _ in range(20):
        stage.clock.advance(seconds=3 * HOUR)
        stage.streams.roll_aged()
        stage.streams.trim()
    dispatcher = stage.start(on_insert(note))
    dispatcher.drain()
    for _ in range(20):
        stage.clock.advance(seconds=3 * HOUR)
        stage.streams.roll_aged()
        stage.streams.trim()
    stage.save(id="at last")
    dispatcher.drain()
    assert seen == ["at last"]


def test_a_chain_of_handlers_runs_to_its_end(stage: Stage) -> None:
    """localstack#4381: triggers that are chained from table to table time out."""
    tables = ["first", "second", "third", "fourth"]
    for name in tables:
        stage.source(name)

    def link(number: int) -> Any:
        def copy(item: dict[str, Any], context: Context) -> None:
            context.transaction.put(tables[number + 1], item)

        return on_insert(copy, tables[number], name=f"copy-{number}")

    dispatcher = stage.start(*(link(number) for number in range(3)))
    for number in range(10):
        stage.save("first", id=f"i{number}")
    dispatcher.drain()
    assert sorted(item["id"] for item in stage.all("fourth")) == [
        f"i{number}" for number in range(10)
    ]


def test_a_deleted_table_calls_nobody(stage: Stage) -> None:
    """localstack#2561: mappings of a stream that was deleted still fire."""
    seen: list[str] = []

    def note(item: dict[str, Any], context: Context) -> None:
        seen.append(item["id"])

    stage.source()
    dispatcher = stage.start(on_insert(note))
    stage.save(id="before")
    dispatcher.drain()
    stage.call("DeleteTable", TableName="things")
    dispatcher.drain()
    stage.create("things")
    stage.save(id="without a stream")
    dispatcher.drain()
    assert seen == ["before"]


def test_a_restart_replays_nothing(stage: Stage) -> None:
    """serverless-plugins#178: the whole history at every start, until memory runs out."""
    seen: list[str] = []

    def note(item: dict[str, Any], context: Context) -> None:
        seen.append(item["id"])

    stage.source()
    for number in range(5):
        stage.save(id=f"i{number}")
        stage.run(on_insert(note)).stop()
    assert seen == [f"i{number}" for number in range(5)]


def test_a_handler_needs_a_tables_name_and_no_arn(stage: Stage) -> None:
    """chalice#987, #1882: no local run, and an existing stream's ARN instead of a table's name."""
    seen: list[str] = []

    def note(item: dict[str, Any], context: Context) -> None:
        seen.append(item["id"])

    dispatcher = stage.start(on_insert(note, "later"))
    stage.source("later")
    stage.save("later", id="a")
    dispatcher.drain()
    assert seen == ["a"]


def test_a_day_behind_is_not_passed_over_in_silence(stage: Stage) -> None:
    """dynamodb-streams-kinesis-adapter#21: over 24 hours behind, and data is lost unnoticed."""

    def note(item: dict[str, Any], context: Context) -> None:
        raise AssertionError("never reached")

    stage.source()
    stage.run(on_insert(note)).stop()
    stage.save(id="lost")
    stage.clock.advance(seconds=25 * HOUR)
    stage.streams.trim()
    with pytest.raises(RecordsTrimmedError, match="note"):
        stage.start(on_insert(note)).drain()


def test_order_holds_where_a_record_fails(stage: Stage) -> None:
    """powertools-lambda-java#1820, -dotnet#886, -python#2850: records behind a failed one are
    handled before it is tried again.
    """
    calls: list[str] = []
    failures = iter([True, True, False])

    def note(item: dict[str, Any], context: Context) -> None:
        calls.append(item["id"])
        if item["id"] == "b" and next(failures):
            raise ValueError("not yet")

    stage.source()
    for name in "abcd":
        stage.save(id=name)
    stage.run(on_insert(note))
    assert calls == ["a", "b", "b", "b", "c", "d"]


def test_good_neighbours_of_a_poison_record_are_handled(stage: Stage) -> None:
    """sample-voice-of-customer-datalake#253: bounded retries drop good records beside a bad one.
    fhir-works-on-aws-deployment PR#38, wellcomecollection/platform PR#954: a bad record blocks its
    shard for a day.
    """
    done: list[str] = []

    def note(event: dict[str, Any], context: Context) -> None:
        if "bad" in ids_of(event):
            raise ValueError("poison")
        done.extend(ids_of(event))

    stage.source()
    for name in ("a", "b", "bad", "c"):
        stage.save(id=name)
    start_ms = stage.clock.now_ms()
    stage.run(on_batch(note, maximum_retry_attempts=1))
    assert done == ["a", "b", "c"]
    assert stage.clock.now_ms() - start_ms < 5_000


def test_each_record_that_failed_is_told_with_its_cause(stage: Stage) -> None:
    """powertools-lambda-python#3716: it does not say which records failed when all did. AWS keeps
    metadata of them alone, which are gone with the stream after a day.
    """

    def note(item: dict[str, Any], context: Context) -> None:
        raise ValueError(f"no {item['id']}")

    stage.source()
    for name in "abc":
        stage.save(id=name, text="kept")
    stage.run(on_insert(note, maximum_retry_attempts=0))
    stage.clock.advance(seconds=48 * HOUR)
    stage.streams.trim()
    letters = stage.all(DEAD_LETTER_TABLE)
    assert sorted(each["error_message"] for each in letters) == ["no a", "no b", "no c"]
    assert all('"text":{"S":"kept"}' in each["record_json"] for each in letters)


def test_a_failure_is_no_success_after_a_restart(stage: Stage) -> None:
    """floci#3262: a failed batch is checkpointed as if it had been done."""
    calls: list[str] = []
    is_broken = True

    def note(item: dict[str, Any], context: Context) -> None:
        calls.append(item["id"])
        if is_broken:
            raise ValueError("broken")

    stage.source()
    stage.save(id="a")
    first = stage.start(on_insert(note, maximum_retry_attempts=-1))
    with pytest.raises(TimeoutError):
        first.drain(timeout_seconds=60)
    first.stop()
    tries = len(calls)
    assert tries > 1
    is_broken = False
    stage.run(on_insert(note, maximum_retry_attempts=-1))
    assert calls[tries:] == ["a"]


def test_retries_end_and_what_is_given_up_is_kept(stage: Stage) -> None:
    """floci#3263: no limit of retries, and nobody is told what was given up."""
    calls: list[str] = []

    def note(item: dict[str, Any], context: Context) -> None:
        calls.append(item["id"])
        if item["id"] == "bad":
            raise ValueError("never")

    stage.source()
    for name in ("bad", "a"):
        stage.save(id=name)
    stage.run(on_insert(note, maximum_retry_attempts=2))
    assert calls == ["bad", "bad", "bad", "a"]
    (letter,) = stage.all(DEAD_LETTER_TABLE)
    assert (letter["handler_name"], letter["attempts"]) == ("note", 3)


def test_what_a_handler_writes_is_there_once(stage: Stage) -> None:
    """lambda-streams-to-firehose#33: records come twice downstream."""
    tries: list[str] = []

    def count(item: dict[str, Any], context: Context) -> None:
        context.transaction.update("totals", {"id": "all"}, "ADD n :one", values={":one": 1})
        tries.append(item["id"])
        if tries.count(item["id"]) == 1:
            raise ValueError("the first time always fails, after it has written")

    stage.source()
    stage.create("totals")
    for name in "abc":
        stage.save(id=name)
    stage.run(on_insert(count))
    assert len(tries) == 6
    assert stage.load("totals", id="all") == {"id": "all", "n": 3}


def test_many_shards_are_worked_through(stage: Stage) -> None:
    """data-prepper#5208: whoever owns many shards runs out of workers. localstack: a shard is
    polled a second after the other, so that four have a latency of four seconds.
    """
    seen: list[str] = []

    def note(item: dict[str, Any], context: Context) -> None:
        seen.append(item["id"])

    stage.source(write_units=40_000)
    assert len(stage.shards(stage.stream_arn())) > 40
    dispatcher = stage.threaded(on_insert(note))
    names = [f"i{number}" for number in range(200)]
    for name in names:
        stage.save(id=name)
    dispatcher.drain()
    assert sorted(seen) == sorted(names)
