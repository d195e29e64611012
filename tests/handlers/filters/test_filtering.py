"""Filters of mappings: what does not match is never delivered, and is done all the same."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pelton.engine import ManualClock
from pelton.engine.sweeping import delete_expired
from pelton.handlers import Context, EventSourceMapping, RecordChange
from pelton.streams import from_wire
from pelton.streams.checkpoints import read_positions
from tests.handlers.stage import Stage, ids_of, on_batch, on_change
from tests.region import N, S

Event = dict[str, Any]


def pattern(**members: Any) -> tuple[str, ...]:
    return (json.dumps(members),)


def new_image(**attributes: Any) -> dict[str, Any]:
    """The part of a pattern that is about attributes of the new image."""
    return {"dynamodb": {"NewImage": attributes}}


def deliveries(stage: Stage, *filters: str, **options: Any) -> list[str]:
    """The ids that each call of a handler with these filters gets."""
    calls: list[str] = []

    def note(event: Event, context: Context) -> None:
        calls.append("".join(ids_of(event)))

    stage.run(on_batch(note, filter_criteria=filters, **options))
    return calls


def test_only_records_that_match_are_delivered(stage: Stage) -> None:
    stage.source()
    for name, status in (("a", "paid"), ("b", "open"), ("c", "paid")):
        stage.put({"id": S(name), "status": S(status)})
    stage.put({"id": S("b"), "status": S("paid")})  # a MODIFY
    wanted = pattern(eventName=["INSERT"], **new_image(status={"S": ["paid"]}))
    assert deliveries(stage, *wanted) == ["ac"]


def test_a_record_that_matches_one_of_the_filters_is_delivered(stage: Stage) -> None:
    stage.source()
    for number, name in enumerate("abcd"):
        stage.put({"id": S(name), "n": N(number)})
    filters = (*pattern(**new_image(n={"N": ["0"]})), *pattern(**new_image(n={"N": ["2", "3"]})))
    assert deliveries(stage, *filters) == ["acd"]


def test_a_number_of_an_item_is_a_string_to_filters(stage: Stage) -> None:
    stage.source()
    stage.put({"id": S("a"), "n": N(5)})
    assert deliveries(stage, *pattern(**new_image(n={"N": [{"numeric": ["=", 5]}]}))) == []
    found = deliveries(stage, *pattern(**new_image(n={"N": ["5"]})), name="text")
    assert found == ["a"]


def test_existence_is_that_of_values_and_not_of_attributes(stage: Stage) -> None:
    stage.source()
    stage.put({"id": S("a"), "n": N(5)})
    stage.put({"id": S("b")})

    def found(name: str, **attributes: Any) -> list[str]:
        return deliveries(stage, *pattern(**new_image(**attributes)), name=name)

    assert found("value", n={"N": [{"exists": True}]}) == ["a"]
    assert found("attribute", n=[{"exists": True}]) == []
    assert found("no-value", n={"N": [{"exists": False}]}) == ["b"]
    assert found("no-attribute", n=[{"exists": False}]) == ["ab"]


def test_deletes_by_time_to_live_are_told_by_who_made_them() -> None:
    stage = Stage(clock=ManualClock())
    try:
        stage.source()
        specification = {"Enabled": True, "AttributeName": "until"}
        stage.call("UpdateTimeToLive", TableName="things", TimeToLiveSpecification=specification)
        until = stage.clock.now_ms() // 1000 + 60
        stage.put({"id": S("a"), "until": N(until)})
        stage.put({"id": S("b")})
        stage.delete({"id": S("b")})
        stage.clock.advance(seconds=3600)
        assert delete_expired(stage.database) == 1
        identity = {"type": ["Service"], "principalId": ["dynamodb.amazonaws.com"]}
        assert deliveries(stage, *pattern(eventName=["REMOVE"], userIdentity=identity)) == ["a"]
    finally:
        stage.close()


def test_a_filter_may_name_the_stream(stage: Stage) -> None:
    stage.source()
    stage.save(id="a")
    arn = stage.stream_arn()
    assert deliveries(stage, *pattern(eventSourceARN=[arn])) == ["a"]
    other = pattern(eventSourceARN=[{"anything-but": arn}])
    assert deliveries(stage, *other, name="other") == []


def test_records_that_do_not_match_are_done_without_a_call(stage: Stage) -> None:
    stage.source()
    for number in range(30):
        stage.save(id=f"{number:02}")
    calls: list[str] = []

    def note(event: Event, context: Context) -> None:
        calls.append("".join(ids_of(event)))

    mapping = on_batch(note, filter_criteria=pattern(eventName=["REMOVE"]), batch_size=4)
    stage.run(mapping).stop()
    assert calls == []
    # Another filter under the same name begins behind all of them: they are done.
    stage.save(id="x")
    stage.run(on_batch(note, name="note"))
    assert calls == ["x"]


def test_batches_are_filled_with_what_matches(stage: Stage) -> None:
    stage.source()
    for number in range(24):
        stage.put({"id": S("abcdefghijklmnopqrstuvwx"[number]), "third": N(number % 3)})
    wanted = pattern(**new_image(third={"N": ["0"]}))
    assert deliveries(stage, *wanted, batch_size=4) == ["adgj", "mpsv"]


def test_what_a_handler_reports_is_held_against_the_records_it_was_given(stage: Stage) -> None:
    """The position moves over what was read: what did not match stays done, whoever failed."""
    stage.source()
    for name in "abcde":
        stage.put({"id": S(name), "wanted": {"BOOL": name in "bd"}})
    numbers = {
        record["dynamodb"]["Keys"]["id"]["S"]: record["dynamodb"]["SequenceNumber"]
        for record in stage.records()
    }
    calls: list[str] = []

    def note(event: Event, context: Context) -> Event:
        calls.append("".join(ids_of(event)))
        # "c" was read with the others but not delivered; then "d" fails, then nothing does.
        failed = {1: "c", 2: "d"}.get(len(calls))
        return {"batchItemFailures": [{"itemIdentifier": numbers[failed]}] if failed else []}

    mapping = on_batch(
        note,
        filter_criteria=pattern(**new_image(wanted={"BOOL": [True]})),
        function_response_types=("ReportBatchItemFailures",),
        bisect_batch_on_function_error=False,
    )
    stage.run(mapping).stop()
    # No record of the batch was named: all of it failed. Then what is behind the first one did.
    assert calls == ["bd", "bd", "d"]
    (position,) = stage.database.store.read(
        lambda reader: read_positions(reader, mapping.name)
    ).values()
    assert position == from_wire(numbers["e"])


def test_record_level_handlers_are_filtered_too(stage: Stage) -> None:
    stage.source()
    for name in ("a", "b"):
        stage.save(id=name, n=1)
        stage.save(id=name, n=2)
    seen: list[str] = []

    def note(change: RecordChange, context: Context) -> None:
        seen.append(f"{change.keys['id']}{change.record['eventName'][0]}")

    wanted = pattern(dynamodb={"Keys": {"id": {"S": [{"anything-but": "b"}]}}})
    stage.run(on_change(note, filter_criteria=wanted))
    assert seen == ["aI", "aM"]


def test_a_mapping_refuses_a_bad_pattern() -> None:
    def note(event: Event, context: Context) -> None: ...

    with pytest.raises(ValueError, match=r"Invalid filter pattern definition\. Pattern 1: at "):
        on_batch(note, filter_criteria=pattern(eventName="INSERT"))
    with pytest.raises(ValueError, match="filter_criteria is 10 at most"):
        on_batch(note, filter_criteria=pattern(eventName=["INSERT"]) * 11)
    assert isinstance(
        on_batch(note, filter_criteria=pattern(eventName=["INSERT"]) * 10), EventSourceMapping
    )
