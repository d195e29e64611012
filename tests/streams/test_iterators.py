"""GetShardIterator and GetRecords: where reading starts, how it goes on, where it ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.region import Answer, N, Region, S

HOUR_SECONDS = 3600


def put_numbers(region: Region, *numbers: int) -> None:
    for number in numbers:
        region.put({"id": S("a"), "n": N(number)})


def numbers_of(records: list[Answer]) -> list[int]:
    return [int(record["dynamodb"]["NewImage"]["n"]["N"]) for record in records]


@pytest.fixture
def arn(region: Region) -> str:
    """A stream whose one shard is open and empty."""
    region.create(stream="NEW_IMAGE")
    return region.stream_arn()


@pytest.fixture
def shard_id(region: Region, arn: str) -> str:
    (shard,) = region.shards(arn)
    found: str = shard["ShardId"]
    return found


def test_trim_horizon_starts_at_the_first_record(region: Region, arn: str, shard_id: str) -> None:
    put_numbers(region, 1, 2, 3)
    records, _ = region.read(region.iterator(arn, shard_id, "TRIM_HORIZON"))
    assert numbers_of(records) == [1, 2, 3]


def test_latest_starts_behind_the_last_record(region: Region, arn: str, shard_id: str) -> None:
    on_empty = region.iterator(arn, shard_id, "LATEST")
    put_numbers(region, 1, 2)
    latest = region.iterator(arn, shard_id, "LATEST")
    assert region.read(latest)[0] == []
    put_numbers(region, 3)
    assert numbers_of(region.read(latest)[0]) == [3]
    assert numbers_of(region.read(on_empty)[0]) == [1, 2, 3]


def test_sequence_number_iterators_start_at_or_after_a_record(
    region: Region, arn: str, shard_id: str
) -> None:
    put_numbers(region, 1, 2, 3)
    second = region.records()[1]["dynamodb"]["SequenceNumber"]
    at = region.iterator(arn, shard_id, "AT_SEQUENCE_NUMBER", SequenceNumber=second)
    after = region.iterator(arn, shard_id, "AFTER_SEQUENCE_NUMBER", SequenceNumber=second)
    assert numbers_of(region.read(at)[0]) == [2, 3]
    assert numbers_of(region.read(after)[0]) == [3]


def test_a_shards_own_starting_number_is_a_place_to_start(
    region: Region, arn: str, shard_id: str
) -> None:
    put_numbers(region, 1)
    start = region.shards(arn)[0]["SequenceNumberRange"]["StartingSequenceNumber"]
    for kind in ("AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"):
        iterator = region.iterator(arn, shard_id, kind, SequenceNumber=start)
        assert numbers_of(region.read(iterator)[0]) == [1]


@pytest.mark.parametrize("kind", ["AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"])
def test_sequence_number_iterators_need_a_number(
    region: Region, arn: str, shard_id: str, kind: str
) -> None:
    request = {"StreamArn": arn, "ShardId": shard_id, "ShardIteratorType": kind}
    code, message = region.refusal("GetShardIterator", **request)
    assert code == "ValidationException"
    assert "SequenceNumber" in message
    for text in ("abc", "-1", "9" * 40, "99"):
        code, _ = region.refusal("GetShardIterator", **request, SequenceNumber=text)
        assert code in ("ValidationException", "TrimmedDataAccessException")


@pytest.mark.parametrize("kind", ["TRIM_HORIZON", "LATEST"])
def test_the_other_iterators_refuse_a_number(
    region: Region, arn: str, shard_id: str, kind: str
) -> None:
    code, message = region.refusal(
        "GetShardIterator",
        StreamArn=arn,
        ShardId=shard_id,
        ShardIteratorType=kind,
        SequenceNumber="100000000000000000001",
    )
    assert code == "ValidationException"
    assert "SequenceNumber" in message


def test_unknown_shards_and_streams_are_not_found(region: Region, arn: str, shard_id: str) -> None:
    other = shard_id[:-8] + "00000000"
    code, message = region.refusal(
        "GetShardIterator", StreamArn=arn, ShardId=other, ShardIteratorType="LATEST"
    )
    assert code == "ResourceNotFoundException"
    assert message == "Requested resource not found: Shard does not exist"
    missing = arn.replace("table/things/", "table/others/")
    assert region.refusal(
        "GetShardIterator", StreamArn=missing, ShardId=shard_id, ShardIteratorType="LATEST"
    ) == (
        "ResourceNotFoundException",
        f"Requested resource not found: Stream: {missing} not found",
    )


def test_an_iterator_has_the_form_that_aws_gives_it(
    region: Region, arn: str, shard_id: str
) -> None:
    stream, version, opaque = region.iterator(arn, shard_id).split("|")
    assert (stream, version) == (arn, "1")
    assert 0 < len(opaque) < 1024


def test_an_iterator_expires_after_fifteen_minutes(region: Region, arn: str, shard_id: str) -> None:
    put_numbers(region, 1)
    iterator = region.iterator(arn, shard_id)
    region.clock.advance(seconds=900)
    answer = region.call("GetRecords", ShardIterator=iterator)
    region.clock.advance(seconds=0.001)
    code, message = region.refusal("GetRecords", ShardIterator=iterator)
    assert code == "ExpiredIteratorException"
    assert message == "Shard iterator has expired"
    # The one that the answer gave was issued with it.
    region.clock.advance(seconds=899.999)
    assert region.call("GetRecords", ShardIterator=answer["NextShardIterator"])["Records"] == []


@pytest.mark.parametrize("change", ["text", "an empty one", "cut", "another stream's"])
def test_what_is_no_iterator_is_refused(
    region: Region, arn: str, shard_id: str, change: str
) -> None:
    iterator = region.iterator(arn, shard_id)
    broken = {
        "text": "not an iterator",
        "an empty one": f"{arn}|1|",
        "cut": iterator[:-8],
        "another stream's": iterator.replace("table/things/", "table/others/"),
    }[change]
    code, _ = region.refusal("GetRecords", ShardIterator=broken)
    assert code == "ValidationException"


def test_an_iterator_may_be_used_again_and_again(region: Region, arn: str, shard_id: str) -> None:
    put_numbers(region, 1, 2)
    iterator = region.iterator(arn, shard_id)
    first = region.call("GetRecords", ShardIterator=iterator)
    put_numbers(region, 3)
    again = region.call("GetRecords", ShardIterator=iterator)
    assert numbers_of(first["Records"]) == [1, 2]
    assert numbers_of(again["Records"]) == [1, 2, 3]


def test_limit_cuts_pages_that_together_hold_every_record_once(
    region: Region, arn: str, shard_id: str
) -> None:
    put_numbers(region, *range(10))
    at, found = region.iterator(arn, shard_id), []
    for expected in (3, 3, 3, 1, 0):
        answer = region.call("GetRecords", ShardIterator=at, Limit=3)
        assert len(answer["Records"]) == expected
        found += answer["Records"]
        at = answer["NextShardIterator"]
    assert numbers_of(found) == list(range(10))


def test_a_page_holds_a_thousand_records_at_most(region: Region, arn: str, shard_id: str) -> None:
    for start in range(0, 1050, 25):
        writes = [
            {"PutRequest": {"Item": {"id": S(str(n)), "n": N(n)}}} for n in range(start, start + 25)
        ]
        region.call("BatchWriteItem", RequestItems={"things": writes})
    first = region.call("GetRecords", ShardIterator=region.iterator(arn, shard_id))
    second = region.call("GetRecords", ShardIterator=first["NextShardIterator"])
    assert numbers_of(first["Records"]) == list(range(1000))
    assert numbers_of(second["Records"]) == list(range(1000, 1050))


def test_a_page_holds_a_megabyte_at_most_but_always_a_record(region: Region) -> None:
    region.create("big", stream="NEW_AND_OLD_IMAGES")
    arn = region.stream_arn("big")
    (shard,) = region.shards(arn)
    for number in range(4):
        region.put({"id": S("a"), "n": N(number), "text": S("x" * 400_000)}, name="big")
    for number in range(4):
        region.put({"id": S(f"b{number}"), "n": N(4), "text": S("x" * 300_000)}, name="big")
    counts, at = [], region.iterator(arn, shard["ShardId"])
    while True:
        answer = region.call("GetRecords", ShardIterator=at)
        if not answer["Records"]:
            break
        counts.append(len(answer["Records"]))
        at = answer["NextShardIterator"]
    # An insert of 400 KB; changes of it with two images, 800 KB each; 300 KB each.
    assert counts == [1, 1, 1, 1, 3, 1]


def test_a_closed_shard_ends_without_a_next_iterator(
    region: Region, arn: str, shard_id: str
) -> None:
    put_numbers(region, 1, 2)
    before = region.iterator(arn, shard_id)
    region.clock.advance(seconds=4 * HOUR_SECONDS)
    put_numbers(region, 3)
    last = region.read(region.iterator(arn, shard_id))[0][-1]["dynamodb"]["SequenceNumber"]
    for kind, more, expected in (
        ("TRIM_HORIZON", {}, [1, 2]),
        ("AFTER_SEQUENCE_NUMBER", {"SequenceNumber": last}, []),
        ("LATEST", {}, []),
    ):
        answer = region.call(
            "GetRecords", ShardIterator=region.iterator(arn, shard_id, kind, **more)
        )
        assert numbers_of(answer["Records"]) == expected
        assert "NextShardIterator" not in answer
    code, _ = region.refusal("GetRecords", ShardIterator=before)
    assert code == "ExpiredIteratorException"


def test_a_full_page_at_the_end_of_a_closed_shard_has_one_more_empty_page(
    region: Region, arn: str, shard_id: str
) -> None:
    put_numbers(region, 1, 2)
    region.clock.advance(seconds=4 * HOUR_SECONDS)
    put_numbers(region, 3)
    full = region.call("GetRecords", ShardIterator=region.iterator(arn, shard_id), Limit=2)
    assert numbers_of(full["Records"]) == [1, 2]
    assert region.call("GetRecords", ShardIterator=full["NextShardIterator"]) == {"Records": []}


def test_an_iterator_of_an_open_shard_reads_to_its_end_after_it_closes(
    region: Region, arn: str, shard_id: str
) -> None:
    region.clock.advance(seconds=4 * HOUR_SECONDS - 60)
    put_numbers(region, 1)
    iterator = region.iterator(arn, shard_id)
    region.clock.advance(seconds=60)
    put_numbers(region, 2)
    records, at = region.read(iterator)
    assert numbers_of(records) == [1]
    assert at is None


def test_iterators_and_records_survive_a_reopening_of_the_file(tmp_path: Path) -> None:
    first = Region(tmp_path / "x.db")
    first.create(stream="NEW_IMAGE")
    put_numbers(first, 1, 2)
    arn = first.stream_arn()
    (shard,) = first.shards(arn)
    written = first.records()
    iterator = first.iterator(
        arn,
        shard["ShardId"],
        "AFTER_SEQUENCE_NUMBER",
        SequenceNumber=written[0]["dynamodb"]["SequenceNumber"],
    )
    first.close()
    again = Region(tmp_path / "x.db", clock=first.clock)
    put_numbers(again, 3)
    assert numbers_of(again.read(iterator)[0]) == [2, 3]
    assert again.records()[:2] == written
    assert again.shards(arn) == [shard]
    again.close()


def test_a_page_of_more_than_a_thousand_records_cannot_be_asked_for(region: Region) -> None:
    code, message = region.refusal("GetRecords", ShardIterator="x", Limit=1001)
    assert code == "ValidationException"
    assert message.endswith("Member must have value less than or equal to 1000")


def test_an_iterator_of_the_longest_arn_has_the_length_that_aws_allows() -> None:
    region = Region()
    name = "t" * 255
    region.create(name, stream="KEYS_ONLY")
    arn = region.stream_arn(name)
    (shard,) = region.shards(arn)
    assert 28 <= len(shard["ShardId"]) <= 65
    assert 37 <= len(arn) <= 1024
    iterator = region.iterator(arn, shard["ShardId"])
    assert len(iterator) <= 2048
    assert region.call("GetRecords", ShardIterator=iterator)["Records"] == []
    region.close()


def test_an_iterator_of_the_tables_other_stream_is_none(
    region: Region, arn: str, shard_id: str
) -> None:
    iterator = region.iterator(arn, shard_id)
    region.call("UpdateTable", TableName="things", StreamSpecification={"StreamEnabled": False})
    enabling = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    region.call("UpdateTable", TableName="things", StreamSpecification=enabling)
    other = iterator.replace(arn, region.stream_arn())
    assert other != iterator
    assert region.refusal("GetRecords", ShardIterator=other) == (
        "ValidationException",
        "Invalid ShardIterator",
    )


def test_an_iterator_of_a_stream_that_is_gone_is_not_found() -> None:
    region = Region(retention_seconds=60)
    region.create(stream="NEW_IMAGE")
    arn = region.stream_arn()
    iterator = region.iterator(arn, region.shards(arn)[0]["ShardId"])
    region.call("DeleteTable", TableName="things")
    region.clock.advance(seconds=61)
    region.streams.trim()
    assert region.refusal("GetRecords", ShardIterator=iterator) == (
        "ResourceNotFoundException",
        f"Requested resource not found: Stream: {arn} not found",
    )
    region.close()


def test_latest_does_not_miss_the_write_that_follows_at_once(
    region: Region, arn: str, shard_id: str
) -> None:
    for number in range(50):
        iterator = region.iterator(arn, shard_id, "LATEST")
        put_numbers(region, number)
        assert numbers_of(region.read(iterator)[0]) == [number]


def test_only_a_closed_shards_last_page_has_no_next_iterator(
    region: Region, arn: str, shard_id: str
) -> None:
    """It is absent there, not null; Records is a list also where it is empty."""
    put_numbers(region, 1)
    answer = region.call("GetRecords", ShardIterator=region.iterator(arn, shard_id, "LATEST"))
    assert answer["Records"] == []
    assert isinstance(answer["NextShardIterator"], str)
    region.call("UpdateTable", TableName="things", StreamSpecification={"StreamEnabled": False})
    assert region.call("GetRecords", ShardIterator=answer["NextShardIterator"]) == {"Records": []}
