"""Retention: a day of records, and what readers are told of the ones that are gone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pelton.streams.sequence import to_wire
from tests.region import Answer, N, Region, S

HOUR = 3600


def put_numbers(region: Region, *numbers: int) -> None:
    for number in numbers:
        region.put({"id": S("a"), "n": N(number)})


def numbers_of(records: list[Answer]) -> list[int]:
    return [int(record["dynamodb"]["NewImage"]["n"]["N"]) for record in records]


@pytest.fixture
def region() -> Iterator[Region]:
    """One whose shards do not roll meanwhile."""
    region = Region(shard_seconds_max=7 * 24 * HOUR)
    yield region
    region.close()


@pytest.fixture
def old(region: Region) -> list[Answer]:
    """The records 1 to 3 of one shard, of which 1 and 2 are a day old to the millisecond."""
    region.create(stream="NEW_IMAGE")
    put_numbers(region, 1, 2)
    region.clock.advance(seconds=1)
    put_numbers(region, 3)
    region.clock.advance(seconds=24 * HOUR - 1)
    return region.records()


def expire(region: Region) -> None:
    region.clock.advance(seconds=0.001)
    assert region.streams.trim() == 2


def test_records_live_for_a_day_and_then_go(region: Region, old: list[Answer]) -> None:
    assert region.streams.trim() == 0
    assert numbers_of(region.records()) == [1, 2, 3]
    expire(region)
    assert region.records() == old[2:]
    assert region.streams.trim() == 0


def test_an_iterator_cannot_be_had_before_the_trim_horizon(
    region: Region, old: list[Answer]
) -> None:
    expire(region)
    arn = region.stream_arn()
    shard_id = region.shards(arn)[0]["ShardId"]
    first, second, third = (record["dynamodb"]["SequenceNumber"] for record in old)
    for sequence in (first, second):
        code, message = region.refusal(
            "GetShardIterator",
            StreamArn=arn,
            ShardId=shard_id,
            ShardIteratorType="AT_SEQUENCE_NUMBER",
            SequenceNumber=sequence,
        )
        assert code == "TrimmedDataAccessException"
        assert message == "The data you are trying to access has been trimmed"
    at = region.iterator(arn, shard_id, "AT_SEQUENCE_NUMBER", SequenceNumber=third)
    assert region.read(at)[0] == old[2:]


def test_an_iterator_that_points_at_trimmed_records_says_so(
    region: Region, old: list[Answer]
) -> None:
    arn = region.stream_arn()
    shard_id = region.shards(arn)[0]["ShardId"]
    first, second, _ = (record["dynamodb"]["SequenceNumber"] for record in old)
    horizon = region.iterator(arn, shard_id)
    behind_first = region.iterator(arn, shard_id, "AFTER_SEQUENCE_NUMBER", SequenceNumber=first)
    behind_second = region.iterator(arn, shard_id, "AFTER_SEQUENCE_NUMBER", SequenceNumber=second)
    expire(region)
    for iterator in (horizon, behind_first):
        code, _ = region.refusal("GetRecords", ShardIterator=iterator)
        assert code == "TrimmedDataAccessException"
    assert region.read(behind_second)[0] == old[2:]


def test_the_trim_horizon_is_behind_what_was_trimmed(region: Region, old: list[Answer]) -> None:
    expire(region)
    arn = region.stream_arn()
    shard_id = region.shards(arn)[0]["ShardId"]
    assert region.read(region.iterator(arn, shard_id, "TRIM_HORIZON"))[0] == old[2:]
    region.clock.advance(seconds=1)
    assert region.streams.trim() == 1
    emptied = region.iterator(arn, shard_id, "TRIM_HORIZON")
    latest = region.iterator(arn, shard_id, "LATEST")
    put_numbers(region, 4)
    for iterator in (emptied, latest):
        assert numbers_of(region.read(iterator)[0]) == [4]


def test_many_records_are_trimmed_in_short_transactions(region: Region) -> None:
    region.create(stream="KEYS_ONLY")
    for start in range(0, 100, 25):
        writes = [{"PutRequest": {"Item": {"id": S(str(n))}}} for n in range(start, start + 25)]
        region.call("BatchWriteItem", RequestItems={"things": writes})
    region.clock.advance(seconds=24 * HOUR + 1)
    region.put({"id": S("new")})
    arn = region.stream_arn()
    assert region.streams.trim(chunk_records=30) == 100
    remaining = region.records(arn)
    assert [record["dynamodb"]["Keys"]["id"]["S"] for record in remaining] == ["new"]


def test_closed_shards_and_disabled_streams_go_a_day_after_their_end() -> None:
    region = Region(shard_seconds_max=4 * HOUR)
    region.create(stream="NEW_IMAGE")
    arn = region.stream_arn()
    put_numbers(region, 1)
    region.clock.advance(seconds=4 * HOUR)
    put_numbers(region, 2)
    first, _ = region.records()
    parent, child = region.shards(arn)
    region.clock.advance(seconds=2 * HOUR)
    region.call("UpdateTable", TableName="things", StreamSpecification={"StreamEnabled": False})
    region.clock.advance(seconds=22 * HOUR)
    region.streams.trim()
    assert region.shards(arn) == [parent, region.shards(arn)[1]]
    region.clock.advance(seconds=0.001)
    region.streams.trim()
    (left,) = region.shards(arn)
    assert left["ShardId"] == child["ShardId"]
    assert left["ParentShardId"] == parent["ShardId"]
    gone = region.streams.streams.by_arn[arn].trimmed_seq
    assert to_wire(gone) == first["dynamodb"]["SequenceNumber"]
    region.clock.advance(seconds=2 * HOUR)
    region.streams.trim()
    code, _ = region.refusal("DescribeStream", StreamArn=arn)
    assert code == "ResourceNotFoundException"
    assert region.call("ListStreams")["Streams"] == []
    region.close()


def test_open_shards_stay_however_old_they_are(region: Region) -> None:
    region.create(stream="NEW_IMAGE")
    before = region.shards(region.stream_arn())
    region.clock.advance(seconds=72 * HOUR)
    region.streams.trim()
    assert region.shards(region.stream_arn()) == before


def test_the_trim_horizon_survives_a_reopening_of_the_file(tmp_path: Path) -> None:
    first = Region(tmp_path / "x.db", shard_seconds_max=7 * 24 * HOUR)
    first.create(stream="NEW_IMAGE")
    put_numbers(first, 1)
    trimmed = first.records()[0]["dynamodb"]["SequenceNumber"]
    first.clock.advance(seconds=24 * HOUR + 1)
    put_numbers(first, 2)
    assert first.streams.trim() == 1
    first.close()
    again = Region(tmp_path / "x.db", clock=first.clock)
    assert numbers_of(again.records()) == [2]
    arn = again.stream_arn()
    code, _ = again.refusal(
        "GetShardIterator",
        StreamArn=arn,
        ShardId=again.shards(arn)[0]["ShardId"],
        ShardIteratorType="AFTER_SEQUENCE_NUMBER",
        SequenceNumber=trimmed,
    )
    assert code == "TrimmedDataAccessException"
    again.close()


def test_a_clock_that_steps_back_trims_nothing_early_and_keeps_the_order(region: Region) -> None:
    region.create(stream="NEW_IMAGE")
    put_numbers(region, 1)
    region.clock.advance(seconds=-26 * HOUR)
    put_numbers(region, 2, 3)
    assert region.streams.trim() == 0
    assert numbers_of(region.records()) == [1, 2, 3]
    region.clock.advance(seconds=26 * HOUR + 23 * HOUR)
    assert region.streams.trim() == 0
    assert numbers_of(region.records()) == [1, 2, 3]


def test_a_clock_that_was_set_back_between_two_openings_trims_nothing_early(
    tmp_path: Path,
) -> None:
    first = Region(tmp_path / "x.db", shard_seconds_max=7 * 24 * HOUR)
    first.create(stream="NEW_IMAGE")
    put_numbers(first, 1)
    first.close()
    first.clock.advance(seconds=-10 * HOUR)
    again = Region(tmp_path / "x.db", clock=first.clock, shard_seconds_max=7 * 24 * HOUR)
    put_numbers(again, 2)
    # The second is older than a day by now, and the first, which it follows, is not.
    again.clock.advance(seconds=30 * HOUR)
    assert again.streams.trim() == 0
    assert numbers_of(again.records()) == [1, 2]
    again.clock.advance(seconds=4 * HOUR + 1)
    assert again.streams.trim() == 2
    assert again.records() == []
    again.close()


def test_times_do_not_run_back_along_a_shard_over_another_opening(tmp_path: Path) -> None:
    first = Region(tmp_path / "x.db")
    first.create(stream="NEW_IMAGE")
    put_numbers(first, 1)
    first.close()
    first.clock.advance(seconds=-HOUR)
    again = Region(tmp_path / "x.db", clock=first.clock)
    beside = Region(tmp_path / "x.db", clock=first.clock)
    put_numbers(again, 2)
    put_numbers(beside, 3)
    again.clock.advance(seconds=HOUR)
    put_numbers(again, 4)
    again.clock.advance(seconds=-HOUR)
    put_numbers(beside, 5)
    times = [record["dynamodb"]["ApproximateCreationDateTime"] for record in beside.records()]
    assert len(set(times)) == 1
    again.clock.advance(seconds=HOUR)
    arn = beside.stream_arn()
    iterator = beside.iterator(
        arn, beside.shards(arn)[0]["ShardId"], "AT_TIMESTAMP", Timestamp=times[0]
    )
    assert numbers_of(beside.read(iterator)[0]) == [1, 2, 3, 4, 5]
    again.close()
    beside.close()


def test_a_shard_that_was_closed_by_a_clock_set_back_keeps_its_records(region: Region) -> None:
    region.create(stream="NEW_IMAGE")
    arn = region.stream_arn()
    put_numbers(region, 1)
    region.clock.advance(seconds=-10 * HOUR)
    region.call("UpdateTable", TableName="things", StreamSpecification={"StreamEnabled": False})
    region.clock.advance(seconds=30 * HOUR)
    assert region.streams.trim() == 0
    assert numbers_of(region.records(arn)) == [1]
    region.clock.advance(seconds=4 * HOUR + 1)
    assert region.streams.trim() == 1
    assert region.call("ListStreams")["Streams"] == []
