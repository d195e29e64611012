"""Shards: one open for each partition, rolled by age, in a lineage that loses nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from pelton.engine.storage import Transaction
from tests.region import Answer, N, Region, S

FOUR_HOURS = 4 * 3600


def put_numbers(region: Region, *numbers: int) -> None:
    for number in numbers:
        region.put({"id": S("a"), "n": N(number)})


def numbers_of(records: list[Answer]) -> list[int]:
    return [int(record["dynamodb"]["NewImage"]["n"]["N"]) for record in records]


def starts_and_ends(shards: list[Answer]) -> list[tuple[int, int | None]]:
    ranges = [shard["SequenceNumberRange"] for shard in shards]
    return [
        (
            int(each["StartingSequenceNumber"]),
            int(each["EndingSequenceNumber"]) if "EndingSequenceNumber" in each else None,
        )
        for each in ranges
    ]


def test_each_partition_has_one_open_shard_and_each_key_one_partition(region: Region) -> None:
    region.create(stream="KEYS_ONLY", write_units=3000)
    for _ in range(3):
        for number in range(40):
            region.put({"id": S(str(number)), "n": N(region.clock.now_ms())})
        region.clock.advance(seconds=1)
    arn = region.stream_arn()
    shards = region.shards(arn)
    assert len(shards) == 4
    assert all("ParentShardId" not in shard for shard in shards)
    assert all(end is None for _, end in starts_and_ends(shards))
    seen: Counter[str] = Counter()
    for shard in shards:
        records, _ = region.read(region.iterator(arn, shard["ShardId"]))
        keys = [record["dynamodb"]["Keys"]["id"]["S"] for record in records]
        assert keys, "with 40 keys, every quarter of the tokens has some"
        assert Counter(keys) == {key: 3 for key in set(keys)}
        seen.update(set(keys))
    assert seen == {str(number): 1 for number in range(40)}


def test_shard_ids_have_the_shape_that_aws_gives_them(region: Region) -> None:
    region.create(stream="KEYS_ONLY")
    (shard,) = region.shards(region.stream_arn())
    word, moment, suffix = shard["ShardId"].split("-")
    assert (word, moment) == ("shardId", "00000001700000000000")
    assert len(suffix) == 8 and int(suffix, 16) >= 0


def test_a_shard_rolls_at_four_hours_and_its_child_follows_it(region: Region) -> None:
    region.create(stream="NEW_IMAGE")
    arn = region.stream_arn()
    region.clock.advance(seconds=FOUR_HOURS - 0.001)
    put_numbers(region, 1)
    assert len(region.shards(arn)) == 1
    region.clock.advance(seconds=0.001)
    put_numbers(region, 2, 3)
    parent, child = region.shards(arn)
    assert child["ParentShardId"] == parent["ShardId"]
    assert "ParentShardId" not in parent
    (parent_start, parent_end), (child_start, child_end) = starts_and_ends([parent, child])
    assert parent_end is not None and child_end is None
    assert parent_start < parent_end < child_start
    first, at_end = region.read(region.iterator(arn, parent["ShardId"]))
    second, still_open = region.read(region.iterator(arn, child["ShardId"]))
    assert (numbers_of(first), numbers_of(second)) == ([1], [2, 3])
    assert at_end is None and still_open is not None
    sequences = [int(each["dynamodb"]["SequenceNumber"]) for each in first + second]
    assert parent_start <= sequences[0] <= parent_end
    assert child_start <= sequences[1] < sequences[2]


def test_a_long_lineage_is_read_in_order_and_sorts_by_id(region: Region) -> None:
    region.create(stream="NEW_IMAGE")
    for number in range(12):
        put_numbers(region, number)
        region.clock.advance(seconds=FOUR_HOURS / 2)
    arn = region.stream_arn()
    shards = region.shards(arn)
    ids = [shard["ShardId"] for shard in shards]
    assert ids == sorted(ids)
    assert [shard.get("ParentShardId") for shard in shards] == [None, *ids[:-1]]
    assert len(shards) == 6
    assert numbers_of(region.records()) == list(range(12))


def test_only_the_shards_of_partitions_that_are_written_roll_with_a_write(region: Region) -> None:
    region.create(stream="KEYS_ONLY", write_units=1500)
    region.clock.advance(seconds=FOUR_HOURS)
    region.put({"id": S("a")})
    assert [end is None for _, end in starts_and_ends(region.shards(region.stream_arn()))] in (
        [False, True, True],
        [True, False, True],
    )
    assert region.streams.roll_aged() == 1
    assert len(region.shards(region.stream_arn())) == 4
    assert region.streams.roll_aged() == 0


def test_aged_shards_roll_although_nobody_writes(region: Region) -> None:
    region.create(stream="NEW_IMAGE")
    put_numbers(region, 1)
    region.clock.advance(seconds=FOUR_HOURS - 0.001)
    assert region.streams.roll_aged() == 0
    region.clock.advance(seconds=0.001)
    assert region.streams.roll_aged() == 1
    put_numbers(region, 2)
    parent, child = region.shards(region.stream_arn())
    assert child["ParentShardId"] == parent["ShardId"]
    assert numbers_of(region.records()) == [1, 2]


def test_shards_that_roll_in_the_millisecond_they_were_made_still_sort(tmp_path: Path) -> None:
    region = Region(tmp_path / "x.db")
    # Reached even by a shard whose id says the next millisecond, which no user can ask for.
    object.__setattr__(region.streams.limits, "shard_seconds_max", -1)
    region.create(stream="NEW_IMAGE")
    put_numbers(region, *range(20))
    shards = region.shards(region.stream_arn())
    ids = [shard["ShardId"] for shard in shards]
    assert len(ids) == 21 and ids == sorted(set(ids))
    assert [shard.get("ParentShardId") for shard in shards] == [None, *ids[:-1]]
    assert numbers_of(region.records()) == list(range(20))
    region.close()


def test_a_transaction_that_rolls_several_shards_leaves_each_record_once(region: Region) -> None:
    region.create(stream="NEW_IMAGE", write_units=3000)
    items = [{"id": S(str(number)), "n": N(number)} for number in range(20)]
    region.clock.advance(seconds=FOUR_HOURS)
    region.call(
        "TransactWriteItems",
        TransactItems=[{"Put": {"TableName": "things", "Item": item}} for item in items],
    )
    shards = region.shards(region.stream_arn())
    assert len(shards) == 8
    parents = Counter(shard.get("ParentShardId") for shard in shards)
    assert sorted(parents.values()) == [1, 1, 1, 1, 4]
    assert sorted(numbers_of(region.records())) == list(range(20))


def test_one_group_commit_rolls_a_shard_once(region: Region) -> None:
    region.create(stream="NEW_IMAGE")
    region.clock.advance(seconds=FOUR_HOURS)
    works = [put_work(region, number) for number in range(5)]
    assert region.together(*works) == [None] * 5
    assert len(region.shards(region.stream_arn())) == 2
    assert numbers_of(region.records()) == list(range(5))


def put_work(
    region: Region, number: int, error: Exception | None = None
) -> Callable[[Transaction], None]:
    """The work of a put; with an error it fails after it wrote."""
    request = {"TableName": "things", "Item": {"id": S(f"a{number}"), "n": N(number)}}
    _, put = region.database.prepare("PutItem", request)

    def work(transaction: Transaction) -> None:
        put(transaction)
        if error is not None:
            raise error

    return work


@pytest.mark.parametrize("position", [0, 1, 2])
def test_a_work_that_fails_after_rolling_a_shard_leaves_the_lineage_right(
    tmp_path: Path, position: int
) -> None:
    region = Region(tmp_path / "x.db")
    region.create(stream="NEW_IMAGE")
    put_numbers(region, 100)
    region.clock.advance(seconds=FOUR_HOURS)
    errors = [None, None, None, ValueError("after the put")]
    errors = errors[3 - position :] + errors[: 3 - position]
    outcomes = region.together(*(put_work(region, n, error) for n, error in enumerate(errors)))
    assert outcomes == errors
    kept = [100, *(number for number, error in enumerate(errors) if error is None)]
    put_numbers(region, 200)
    assert numbers_of(region.records()) == [*kept, 200]
    arn = region.stream_arn()
    parent, child = region.shards(arn)
    assert child["ParentShardId"] == parent["ShardId"]
    (_, end), (start, still_open) = starts_and_ends([parent, child])
    assert end is not None and end < start and still_open is None
    records = region.records()
    region.close()
    again = Region(tmp_path / "x.db", clock=region.clock)
    assert again.shards(arn) == [parent, child]
    assert again.records() == records
    put_numbers(again, 300)
    assert numbers_of(again.records()) == [*kept, 200, 300]
    again.close()


def test_a_failure_alone_after_rolling_leaves_the_shard_open(region: Region) -> None:
    region.create(stream="NEW_IMAGE")
    put_numbers(region, 1)
    before = region.shards(region.stream_arn())
    region.clock.advance(seconds=FOUR_HOURS)
    with pytest.raises(ValueError):
        region.database.write(put_work(region, 2, ValueError("no")))
    assert region.shards(region.stream_arn()) == before
    put_numbers(region, 3)
    assert numbers_of(region.records()) == [1, 3]
    assert len(region.shards(region.stream_arn())) == 2
