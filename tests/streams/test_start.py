"""Where the five kinds of iterators start, and how requests for them are refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.region import Answer, N, Region, S

INVALID = "One or more parameter values were invalid: "
START_SECONDS = 1_700_000_000
"""Where the clock of a region begins."""

KINDS = ("AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER", "TRIM_HORIZON", "LATEST", "AT_TIMESTAMP")


@pytest.fixture
def place(region: Region) -> Answer:
    """The one shard of a stream with records made 0, 1.5 and 3 seconds after the start."""
    region.create(stream="NEW_IMAGE")
    for number in range(3):
        region.put({"id": S("a"), "n": N(number)})
        region.clock.advance(seconds=1.5)
    arn = region.stream_arn()
    return {"StreamArn": arn, "ShardId": region.shards(arn)[0]["ShardId"]}


def read(region: Region, place: Answer, kind: str, **more: Any) -> list[int]:
    """The numbers in the records behind an iterator."""
    iterator = region.iterator(place["StreamArn"], place["ShardId"], kind, **more)
    return [int(each["dynamodb"]["NewImage"]["n"]["N"]) for each in region.read(iterator)[0]]


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (-86_400 * 365, [0, 1, 2]),
        (0, [0, 1, 2]),
        (0.001, [1, 2]),
        (1.5, [1, 2]),
        (1.501, [2]),
        (3, [2]),
        (3.001, []),
        (4.5, []),
    ],
)
def test_a_time_starts_at_the_first_record_made_then_or_later(
    region: Region, place: Answer, seconds: float, expected: list[int]
) -> None:
    assert read(region, place, "AT_TIMESTAMP", Timestamp=START_SECONDS + seconds) == expected


def test_a_time_behind_the_last_record_starts_at_the_next_one(
    region: Region, place: Answer
) -> None:
    now_seconds = region.clock.now_ms() / 1000
    iterator = region.iterator(
        place["StreamArn"], place["ShardId"], "AT_TIMESTAMP", Timestamp=now_seconds
    )
    region.put({"id": S("a"), "n": N(3)})
    assert [each["eventName"] for each in region.read(iterator)[0]] == ["MODIFY"]


def test_a_time_before_the_trim_horizon_starts_there(region: Region, place: Answer) -> None:
    region.clock.advance(seconds=24 * 3600 - 3)
    region.streams.trim()
    assert read(region, place, "AT_TIMESTAMP", Timestamp=START_SECONDS) == [1, 2]


def test_a_time_in_a_shard_that_never_had_a_record_is_its_end(region: Region) -> None:
    region.create(stream="NEW_IMAGE")
    arn = region.stream_arn()
    place = {"StreamArn": arn, "ShardId": region.shards(arn)[0]["ShardId"]}
    region.clock.advance(seconds=60)
    assert read(region, place, "AT_TIMESTAMP", Timestamp=START_SECONDS + 30) == []


def test_a_time_that_has_not_come_is_refused(region: Region, place: Answer) -> None:
    seconds = region.clock.now_ms() / 1000 + 0.001
    assert region.refusal(
        "GetShardIterator", **place, ShardIteratorType="AT_TIMESTAMP", Timestamp=seconds
    ) == ("ValidationException", f"{INVALID}Timestamp must not be in the future")


@settings(max_examples=30, deadline=None)
@given(
    pauses_ms=st.lists(st.integers(0, 3), min_size=1, max_size=40),
    trimmed=st.integers(0, 10),
    asked_ms=st.integers(-1, 60),
)
def test_a_time_is_found_among_any_records(
    pauses_ms: list[int], trimmed: int, asked_ms: int
) -> None:
    region = Region()
    region.create(stream="NEW_IMAGE")
    arn = region.stream_arn()
    (shard,) = region.shards(arn)
    times_ms = []
    for number, pause_ms in enumerate(pauses_ms):
        region.clock.advance(seconds=pause_ms / 1000)
        region.put({"id": S("a"), "n": N(number)})
        times_ms.append(region.clock.now_ms() - START_SECONDS * 1000)
    kept = [number for number, at_ms in enumerate(times_ms) if at_ms >= trimmed]
    region.clock.advance(seconds=24 * 3600 + (trimmed - times_ms[-1]) / 1000)
    region.streams.trim()
    found = read(
        region,
        {"StreamArn": arn, "ShardId": shard["ShardId"]},
        "AT_TIMESTAMP",
        Timestamp=START_SECONDS + asked_ms / 1000,
    )
    region.close()
    assert found == [number for number in kept if times_ms[number] >= asked_ms]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("given", ["nothing", "SequenceNumber", "Timestamp", "both"])
def test_each_kind_takes_its_own_parameter_and_no_other(
    region: Region, place: Answer, kind: str, given: str
) -> None:
    number = region.shards(place["StreamArn"])[0]["SequenceNumberRange"]["StartingSequenceNumber"]
    values = {"SequenceNumber": number, "Timestamp": float(START_SECONDS)}
    request = {**place, "ShardIteratorType": kind}
    request |= values if given == "both" else {given: values[given]} if given in values else {}
    wanted = {"AT_TIMESTAMP": "Timestamp", "TRIM_HORIZON": "nothing", "LATEST": "nothing"}
    own = wanted.get(kind, "SequenceNumber")
    if own == given:
        assert region.call("GetShardIterator", **request)["ShardIterator"]
        return
    code, message = region.refusal("GetShardIterator", **request)
    assert code == "ValidationException"
    excess = [name for name in values if name in request and name != own]
    if own in values and own not in request:
        assert message in (f"{INVALID}Invalid {own}", *(_excess(name) for name in excess))
    else:
        assert message == _excess(excess[0])


def _excess(name: str) -> str:
    return f"{INVALID}{name} should not be passed for this iterator type"


@pytest.mark.parametrize(
    "text",
    ["a" * 21, "-" + "1" * 21, "+" + "1" * 21, " " + "1" * 21, "1_" * 12, "9" * 40, "٣" * 21],
)
def test_what_is_no_sequence_number_is_refused(region: Region, place: Answer, text: str) -> None:
    assert region.refusal(
        "GetShardIterator", **place, ShardIteratorType="AT_SEQUENCE_NUMBER", SequenceNumber=text
    ) == ("ValidationException", f"{INVALID}Invalid SequenceNumber")


def test_a_number_of_another_shard_is_refused(region: Region, place: Answer) -> None:
    arn = place["StreamArn"]
    first = region.records()[0]["dynamodb"]["SequenceNumber"]
    region.clock.advance(seconds=4 * 3600)
    region.put({"id": S("a"), "n": N(9)})
    parent, child = (shard["ShardId"] for shard in region.shards(arn))
    last = region.records()[-1]["dynamodb"]["SequenceNumber"]
    for shard_id, number in ((parent, last), (child, first)):
        for kind in ("AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"):
            assert region.refusal(
                "GetShardIterator",
                StreamArn=arn,
                ShardId=shard_id,
                ShardIteratorType=kind,
                SequenceNumber=number,
            ) == ("ValidationException", "Invalid SequenceNumber for the shard")
