"""The mirror of shards and streams: what others commit comes in, and only that is read."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from pelton.engine.errors import TrimmedDataAccessException
from pelton.engine.storage import Reader, Transaction
from pelton.streams.sequence import to_wire
from pelton.streams.shards import CHANGES_KEPT, ShardMap
from pelton.streams.stream import StreamMap
from tests.region import N, Region, S

HOUR = 3600


class CountingReader:
    """A reader that notes the kinds of rows that are queried."""

    def __init__(self, reader: Reader, queried: list[bytes]) -> None:
        self._reader = reader
        self._queried = queried

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reader, name)

    def query(self, space: int, token: int, pk: bytes, **bounds: Any) -> Any:
        self._queried.append(pk)
        return self._reader.query(space, token, pk, **bounds)


def load_counted(region: Region, *mirrors: ShardMap | StreamMap) -> list[bytes]:
    """The kinds of rows that are queried when mirrors of another process look for changes."""
    queried: list[bytes] = []
    for mirror in mirrors:
        region.database.store.read(
            lambda reader: mirror.load(CountingReader(reader, queried))  # noqa: B023
        )
    return queried


def put(region: Region, number: int) -> None:
    region.put({"id": S("a"), "n": N(number)})


def roll(region: Region, times: int) -> None:
    for number in range(times):
        region.clock.advance(seconds=4 * HOUR)
        put(region, number)


def same(left: ShardMap, right: ShardMap) -> bool:
    return (left.by_number, left.by_stream, left.open) == (
        right.by_number,
        right.by_stream,
        right.open,
    )


@pytest.mark.parametrize("rolls", [1, 5, CHANGES_KEPT])
def test_another_process_takes_in_what_has_changed(region: Region, rolls: int) -> None:
    region.create(stream="NEW_IMAGE")
    shards, streams = ShardMap(), StreamMap()
    load_counted(region, shards, streams)
    roll(region, rolls)
    region.streams.trim()
    queried = load_counted(region, shards, streams)
    assert (b"shard" in queried) is (rolls == CHANGES_KEPT)
    assert same(shards, region.streams.shards)
    assert same(shards, fresh_mirror(region))
    assert streams.by_arn == region.streams.streams.by_arn


def fresh_mirror(region: Region) -> ShardMap:
    shards = ShardMap()
    region.database.store.read(shards.load)
    return shards


def test_commits_that_change_no_shard_make_nobody_read_them(region: Region) -> None:
    region.create(stream="NEW_IMAGE")
    shards, streams = ShardMap(), StreamMap()
    assert load_counted(region, shards, streams) == [b"shard", b"stream"]
    put(region, 1)
    region.create("more")
    assert load_counted(region, shards, streams) == []


def test_a_change_that_is_undone_leaves_the_mirror_as_it_was(region: Region) -> None:
    region.create(stream="NEW_IMAGE")
    before = dict(region.streams.shards.open)
    region.clock.advance(seconds=4 * HOUR)
    _, work = region.database.prepare("PutItem", {"TableName": "things", "Item": {"id": S("a")}})

    def fail(transaction: Transaction) -> None:
        work(transaction)
        raise ValueError("undone")

    with pytest.raises(ValueError):
        region.database.write(fail)
    assert region.streams.shards.open == before
    assert same(region.streams.shards, fresh_mirror(region))
    put(region, 1)
    assert same(region.streams.shards, fresh_mirror(region))
    assert len(region.shards(region.stream_arn())) == 2


def test_ids_stay_in_order_and_are_found(tmp_path: Path) -> None:
    region = Region(tmp_path / "x.db")
    region.create(stream="KEYS_ONLY", write_units=8_000)
    for _ in range(3):
        region.clock.advance(seconds=4 * HOUR)
        region.streams.roll_aged()
    shards = region.streams.shards_of(region.stream_arn())
    assert len(shards) == 4 * len(region.streams.shards.open) > 30
    assert [each.shard_id for each in shards] == sorted(each.shard_id for each in shards)
    for shard in shards:
        assert region.streams.shards.find(shard.stream_arn, shard.shard_id) == shard
    assert region.streams.shards.find(region.stream_arn(), "shardId-none") is None
    assert same(region.streams.shards, fresh_mirror(region))
    region.close()


def test_a_reader_beside_a_trim_gets_all_or_is_told(tmp_path: Path) -> None:
    region = Region(tmp_path / "x.db", shard_seconds_max=7 * 24 * HOUR)
    region.create(stream="NEW_IMAGE")
    for number in range(2_000):
        put(region, number)
    (shard,) = region.streams.shards_of(region.stream_arn())
    region.clock.advance(seconds=24 * HOUR + 1)
    for number in range(2_000, 2_100):
        put(region, number)
    sequences = all_sequences(region)
    faults: list[str] = []
    trimmed = threading.Event()

    def read_from(step: int) -> None:
        while not trimmed.is_set():
            after = 0
            while True:
                try:
                    found = region.streams.read(shard, after, step).records
                except TrimmedDataAccessException:
                    break
                wanted = [each for each in sequences if each > after][:step]
                if [record.sequence for record in found] != wanted:
                    faults.append(f"a hole behind {after}")
                if not found:
                    break
                after = found[-1].sequence

    readers = [threading.Thread(target=read_from, args=(step,)) for step in (7, 50, 400)]
    for reader in readers:
        reader.start()
    assert region.streams.trim(chunk_records=10) == 2_000
    trimmed.set()
    for reader in readers:
        reader.join()
    assert faults == []
    assert len(region.streams.read(shard, sequences[1_999], 1_000).records) == 100
    region.close()


def all_sequences(region: Region) -> list[int]:
    sequences: list[int] = []
    (shard,) = region.streams.shards_of(region.stream_arn())
    while found := region.streams.read(shard, sequences[-1] if sequences else 0, 1_000).records:
        sequences += [record.sequence for record in found]
    return sequences


def test_a_trim_between_the_look_at_the_shard_and_the_snapshot_is_noticed(
    region: Region, monkeypatch: pytest.MonkeyPatch
) -> None:
    region.create(stream="NEW_IMAGE")
    put(region, 1)
    put(region, 2)
    arn = region.stream_arn()
    region.clock.advance(seconds=24 * HOUR + 1)
    put(region, 3)
    iterator = region.iterator(arn, region.shards(arn)[0]["ShardId"])
    store = region.database.store
    read = store.read

    def trim_and_read(work: Any) -> Any:
        monkeypatch.undo()
        assert region.streams.trim() == 2
        return read(work)

    monkeypatch.setattr(store, "read", trim_and_read)
    code, _ = region.refusal("GetRecords", ShardIterator=iterator)
    assert code == "TrimmedDataAccessException"


def test_a_shard_that_rolls_after_a_trim_stays_trimmed(region: Region) -> None:
    region.create(stream="NEW_IMAGE")
    put(region, 1)
    (record,) = region.records()
    region.clock.advance(seconds=24 * HOUR + 1)
    assert region.streams.trim() == 1
    put(region, 2)
    parent, _ = region.streams.shards_of(region.stream_arn())
    assert to_wire(parent.trimmed_seq) == record["dynamodb"]["SequenceNumber"]
    assert same(region.streams.shards, fresh_mirror(region))
