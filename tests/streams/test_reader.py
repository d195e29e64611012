"""Reading a stream as one run of records, whatever happens to its shards meanwhile."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pelton.engine import ManualClock
from pelton.engine.errors import ResourceNotFoundException, TrimmedDataAccessException
from pelton.engine.partitions.splitting import split_partition
from pelton.engine.storage import Reader
from pelton.streams import After, AtTime, Record, Start, StreamReader
from tests.region import N, Region, S

DAY = 24 * 3600


def put(region: Region, *numbers: int) -> None:
    """Each number is an item of its own, so they spread over the partitions."""
    for number in numbers:
        region.put({"id": S(str(number)), "n": N(number)})


def numbers_of(records: list[Record]) -> list[int]:
    return [
        int(record.body.partition(b'"NewImage":')[2].split(b'"N":"')[1].split(b'"')[0])
        for record in records
    ]


def read_all(reader: StreamReader, limit: int = 1000) -> list[Record]:
    records: list[Record] = []
    while found := reader.read(limit):
        assert len(found) <= limit
        records += found
    return records


def reader_of(region: Region, start: Start = "beginning", **more: int) -> StreamReader:
    return StreamReader(region.streams, region.stream_arn(), start, **more)


def disable(region: Region) -> None:
    region.call("UpdateTable", TableName="things", StreamSpecification={"StreamEnabled": False})


def roll(region: Region) -> None:
    region.clock.advance(seconds=5 * 3600)
    assert region.streams.roll_aged() > 0


def make(region: Region, *, partitions: int = 4) -> None:
    region.create(stream="NEW_IMAGE", write_units=partitions * 999)


def test_records_of_all_shards_come_in_the_order_of_their_commits(region: Region) -> None:
    make(region)
    put(region, *range(100))
    records = read_all(reader_of(region))
    assert numbers_of(records) == [*range(100)]
    assert len({each.sequence for each in records}) == 100


@pytest.mark.parametrize(("lane_records", "limit"), [(1, 1), (2, 7), (3, 1000), (512, 10)])
def test_the_size_of_the_steps_does_not_matter(
    region: Region, lane_records: int, limit: int
) -> None:
    make(region)
    put(region, *range(40))
    region.clock.advance(seconds=5 * 3600)
    put(region, *range(40, 80))
    split_partition(region.database, "things", 1)
    put(region, *range(80, 120))
    reader = reader_of(region, lane_records=lane_records)
    assert numbers_of(read_all(reader, limit)) == [*range(120)]


def test_rolls_and_splits_while_reading_are_not_seen(region: Region) -> None:
    make(region)
    reader = reader_of(region)
    put(region, 1, 2, 3)
    assert numbers_of(reader.read()) == [1, 2, 3]
    region.clock.advance(seconds=5 * 3600)
    assert reader.read() == []
    region.streams.roll_aged()
    assert reader.read() == []
    put(region, 4)
    split_partition(region.database, "things", 0)
    put(region, 5, 6)
    assert numbers_of(read_all(reader)) == [4, 5, 6]


def test_records_that_wait_do_not_overtake_those_behind_them(region: Region) -> None:
    """What is left of one round's snapshot is merged with what later ones hold."""
    make(region)
    put(region, *range(20))
    reader = reader_of(region, lane_records=2)
    seen = numbers_of(reader.read(1))
    for number in range(20, 60):
        put(region, number)
        seen += numbers_of(reader.read(1))
    assert seen + numbers_of(read_all(reader)) == [*range(60)]


def _disturbed(
    look: Callable[..., Any],
    reading: threading.Thread,
    other_thread: ThreadPoolExecutor,
    disturb: Callable[[], None],
) -> Callable[..., Any]:
    """The look, and behind each that the reading thread takes, a disturbance from another."""

    def disturbed(snapshot: Reader, *args: Any) -> Any:
        found = look(snapshot, *args)
        if threading.current_thread() is not reading:
            return found
        found = found if isinstance(found, tuple) or found is None else list(found)
        other_thread.submit(disturb).result(60)
        return found

    return disturbed


def test_what_happens_between_two_looks_of_a_round_is_left_to_the_next_round(
    region: Region, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Writes, a roll, a split and a trim come while a round is under way, behind each of its looks
    at the store: none of it may be half seen.
    """
    make(region)
    put(region, *range(10))
    reader = reader_of(region, lane_records=3)
    connection = type(region.database.store.read(lambda snapshot: snapshot))
    written = list(range(10))
    pending: list[Callable[[], object]] = [
        lambda: split_partition(region.database, "things", 0),
        lambda: roll(region),
        lambda: split_partition(region.database, "things", 2),
    ]

    def disturb() -> None:
        number = len(written)
        if number < 60:
            written.append(number)
            put(region, number)
            if number % 12 == 0 and pending:
                pending.pop()()

    reading = threading.current_thread()
    with ThreadPoolExecutor(1) as other_thread:
        for name in ("get", "log_read"):
            disturbed = _disturbed(getattr(connection, name), reading, other_thread, disturb)
            monkeypatch.setattr(connection, name, disturbed)
        seen = numbers_of(read_all(reader, 2))
        assert seen + numbers_of(read_all(reader)) == written == [*range(60)]
    assert not pending


# --- where it starts ------------------------------------------------------------------------------


def test_latest_is_what_is_committed_after_the_reader_was_made(region: Region) -> None:
    make(region)
    put(region, 1, 2)
    reader = reader_of(region, "latest")
    put(region, 3)
    assert numbers_of(read_all(reader)) == [3]


def test_a_reader_goes_on_behind_the_position_of_another(region: Region) -> None:
    make(region)
    put(region, *range(30))
    first = reader_of(region)
    assert numbers_of(first.read(11)) == [*range(11)]
    assert numbers_of(read_all(reader_of(region, After(first.position)))) == [*range(11, 30)]
    for start in ("beginning", "latest", AtTime(region.clock.now_ms())):
        fresh = reader_of(region, start)
        again = reader_of(region, After(fresh.position))
        assert read_all(again) == read_all(fresh)


def test_a_time_starts_at_the_first_record_made_then_or_later(region: Region) -> None:
    make(region)
    times = []
    for number in range(30):
        times.append(region.clock.now_ms())
        put(region, number)
        region.clock.advance(seconds=900)
    for number, at_ms in enumerate(times):
        assert numbers_of(read_all(reader_of(region, AtTime(at_ms))))[0] == number
        assert numbers_of(read_all(reader_of(region, AtTime(at_ms - 1))))[0] == number
    assert numbers_of(read_all(reader_of(region, AtTime(0)))) == [*range(30)]
    late = reader_of(region, AtTime(times[-1] + 1))
    put(region, 30)
    assert numbers_of(read_all(late)) == [30]


def test_a_start_that_has_not_come_yet_is_refused(region: Region) -> None:
    make(region)
    put(region, 1)
    with pytest.raises(ValueError, match="not in the future"):
        reader_of(region, AtTime(region.clock.now_ms() + 1))
    with pytest.raises(ValueError, match="has not come to this sequence"):
        reader_of(region, After(10**6))
    with pytest.raises(ResourceNotFoundException):
        StreamReader(region.streams, region.stream_arn() + "1")


# --- what was dropped -----------------------------------------------------------------------------


def test_a_reader_that_paused_for_too_long_fails(region: Region) -> None:
    make(region)
    put(region, 1, 2)
    reader = reader_of(region)
    assert numbers_of(reader.read(1)) == [1]
    position = reader.position
    reader.read()
    put(region, 3)
    region.clock.advance(seconds=DAY + 1)
    region.streams.trim()
    with pytest.raises(TrimmedDataAccessException, match='start at "beginning"'):
        reader.read()
    with pytest.raises(TrimmedDataAccessException):
        reader_of(region, After(position))
    put(region, 4)
    assert numbers_of(read_all(reader_of(region))) == [4]


@pytest.mark.parametrize("has_missed", [True, False])
def test_shards_that_went_as_a_whole_are_missed_only_if_they_had_more(
    region: Region, has_missed: bool
) -> None:
    make(region)
    put(region, *range(10))
    reader = reader_of(region, lane_records=1)
    if not has_missed:
        read_all(reader)
    else:
        reader.read(1)
    for _ in range(8):
        region.clock.advance(seconds=5 * 3600)
        region.streams.roll_aged()
        region.streams.trim()
    assert all(shard.start_seq > reader.position for shard in region.streams.shards.all())
    put(region, 10)
    if has_missed:
        with pytest.raises(TrimmedDataAccessException):
            read_all(reader)
    else:
        assert numbers_of(read_all(reader)) == [10]


def test_the_beginning_is_the_oldest_record_kept(region: Region) -> None:
    make(region)
    put(region, *range(5))
    region.clock.advance(seconds=DAY / 2)
    put(region, *range(5, 10))
    region.clock.advance(seconds=DAY / 2 + 1)
    region.streams.trim()
    for start in ("beginning", AtTime(0)):
        assert numbers_of(read_all(reader_of(region, start))) == [*range(5, 10)]


# --- its end --------------------------------------------------------------------------------------


def test_a_disabled_stream_is_read_to_its_end_and_a_new_one_is_another(region: Region) -> None:
    make(region)
    put(region, *range(10))
    reader = reader_of(region, lane_records=3)
    disable(region)
    records = []
    while found := reader.read(4):
        records += found
    assert numbers_of(records) == [*range(10)]
    assert reader.is_end
    region.clock.advance(seconds=1)
    region.call(
        "UpdateTable",
        TableName="things",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )
    put(region, 10)
    assert reader.read() == []
    assert numbers_of(read_all(reader_of(region))) == [10]


def test_an_open_stream_has_no_end(region: Region) -> None:
    make(region)
    put(region, 1)
    reader = reader_of(region)
    read_all(reader)
    assert not reader.is_end


# --- anything at all ------------------------------------------------------------------------------

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(1, 8)),
        st.tuples(st.just("read"), st.integers(1, 9)),
        st.tuples(st.just("roll"), st.just(0)),
        st.tuples(st.just("split"), st.integers(0, 50)),
        st.tuples(st.just("wait"), st.integers(1, 30_000)),
        st.tuples(st.just("trim"), st.integers(1, 5)),
        st.tuples(st.just("restart"), st.just(0)),
        st.tuples(st.just("resume"), st.just(0)),
    ),
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(steps=STEPS, lane_records=st.integers(1, 4))
def test_whatever_happens_each_record_comes_once_in_order_or_the_loss_is_told(
    steps: list[tuple[str, int]], lane_records: int
) -> None:
    clock = ManualClock()
    with tempfile.TemporaryDirectory() as folder:
        region = Region(Path(folder) / "x.db", clock=clock, durability="OFF")
        make(region)
        written: list[int] = []
        seen: list[int] = []
        reader = reader_of(region, lane_records=lane_records)
        try:
            for step, amount in steps:
                if step == "put":
                    fresh = [len(written) + each for each in range(amount)]
                    put(region, *fresh)
                    written += fresh
                elif step == "read":
                    seen += numbers_of(reader.read(amount))
                elif step == "split":
                    partitions = region.database.catalog.table("things").partitions
                    split_partition(
                        region.database, "things", partitions[amount % len(partitions)].number
                    )
                elif step == "wait":
                    clock.advance(seconds=amount)
                elif step == "roll":
                    region.streams.roll_aged()
                elif step == "trim":
                    region.streams.trim(chunk_records=amount)
                elif step == "restart":
                    region.close()
                    region = Region(Path(folder) / "x.db", clock=clock, durability="OFF")
                    reader = reader_of(region, After(reader.position), lane_records=lane_records)
                elif step == "resume":
                    reader = reader_of(region, After(reader.position), lane_records=lane_records)
            seen += numbers_of(read_all(reader))
        except TrimmedDataAccessException:
            kept = numbers_of(read_all(reader_of(region)))
            assert kept == written[len(written) - len(kept) :]
            assert len(seen) + len(kept) < len(written)
            assert seen == written[: len(seen)]
        else:
            assert seen == written
        finally:
            region.close()
