"""Upkeep: rounds as often as the limits ask for, on a thread of their own."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from pelton import App, StreamLimits
from pelton.streams import Upkeep
from tests.region import N, Region, S

HOUR = 3600


@pytest.mark.parametrize(
    ("shard_seconds_max", "retention_seconds", "interval_seconds"),
    [(4 * HOUR, 24 * HOUR, 60), (1, 24 * HOUR, 0.25), (4 * HOUR, 10, 2.5), (0.01, 10, 0.05)],
)
def test_rounds_follow_the_shortest_limit(
    shard_seconds_max: float, retention_seconds: float, interval_seconds: float
) -> None:
    region = Region(shard_seconds_max=shard_seconds_max, retention_seconds=retention_seconds)
    assert Upkeep(region.streams).interval_seconds == interval_seconds
    region.close()


def test_shards_roll_without_writes_and_old_records_leave(tmp_path: Path) -> None:
    limits = StreamLimits(shard_seconds_max=0.05, retention_seconds=0.1)
    app = App(tmp_path / "x.db", stream_limits=limits)
    app.table("things", partition_key="id", stream="NEW_IMAGE").put({"id": "a"})
    (stream,) = app.streams.streams.by_arn.values()
    first, *_ = app.streams.shards_of(stream.arn)
    # The shard of the record goes as a whole; the test's own time limit ends this.
    while not app.streams.streams.by_arn[stream.arn].trimmed_seq:
        app.database.write(lambda transaction: None)
    assert app.streams.shards_of(stream.arn)[0].created_ms > first.created_ms
    app.close()


def test_a_rest_that_says_stop_ends_the_trimming(region: Region) -> None:
    region.create(stream="NEW_IMAGE")
    for number in range(100):
        region.put({"id": S("a"), "n": N(number)})
    region.clock.advance(seconds=24 * HOUR + 1)
    rests: list[float] = []

    def rest(seconds: float) -> bool:
        rests.append(seconds)
        return len(rests) == 3

    assert region.streams.trim(10, rest) == 30
    assert len(region.records()) == 70
    assert all(seconds > 0 for seconds in rests)
    assert region.streams.trim(10, lambda seconds: False) == 70


def test_chunks_grow_with_what_is_written_meanwhile(region: Region) -> None:
    region.create(stream="KEYS_ONLY")
    numbers = itertools.count()  # no item twice: a put that changes nothing has no record
    put_many(region, numbers, 1_000)
    region.clock.advance(seconds=24 * HOUR + 1)
    left = [1_000]

    def rest(seconds: float) -> bool:
        left.append(region.database.store.read(lambda reader: reader.log_count(number)))
        put_many(region, numbers, 100)
        return False

    number = region.streams.shards_of(region.stream_arn())[0].number
    assert region.streams.trim(10, rest) == 1_000
    dropped = [before - after for before, after in pairwise(left)]
    assert dropped[0] == 10
    assert all(200 <= count < 250 for count in dropped[1:-1])
    assert len(dropped) <= 6


def put_many(region: Region, numbers: Iterator[int], count: int) -> None:
    for _ in range(0, count, 25):
        items = [{"id": S(str(number))} for number in itertools.islice(numbers, 25)]
        writes = [{"PutRequest": {"Item": item}} for item in items]
        region.call("BatchWriteItem", RequestItems={"things": writes})


def test_a_round_does_all_of_it(region: Region) -> None:
    region.create(stream="NEW_IMAGE")
    region.put({"id": S("a")})
    region.clock.advance(seconds=24 * HOUR + 1)
    Upkeep(region.streams).run_round()
    arn = region.stream_arn()
    assert region.records() == []
    assert len(region.shards(arn)) == 2
