"""A stream as a user reads it: started anywhere, followed, closed, on threads and on loops."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from pelton import App, ManualClock, Table, TrimmedDataAccessException
from pelton.engine.errors import StoreClosedError
from pelton.engine.partitions.splitting import split_partition
from pelton.reading import Reading


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def app(clock: ManualClock) -> Iterator[App]:
    app = App(clock=clock)
    yield app
    app.close()


@pytest.fixture
def things(app: App) -> Table:
    return app.table("things", partition_key="id", stream="NEW_AND_OLD_IMAGES")


def put(things: Table, *numbers: int) -> None:
    for number in numbers:
        things.put({"id": str(number), "n": number})


def disable(app: App) -> None:
    request = {"TableName": "things", "StreamSpecification": {"StreamEnabled": False}}
    app.call("UpdateTable", request)


def numbers_of(changes: Any) -> list[int]:
    return [change.new["n"] for change in changes]


def listeners_of(app: App) -> int:
    return len(app.streams._listeners)


def test_a_change_tells_what_happened_as_python_values(app: App, things: Table) -> None:
    things.put({"id": "a", "n": 1})
    things.update({"id": "a"}, "SET n = n + :one", values={":one": 1})
    things.delete({"id": "a"})
    first, second, third = app.stream(things).read()
    assert [each.event for each in (first, second, third)] == ["INSERT", "MODIFY", "REMOVE"]
    assert (second.keys, second.old, second.new) == (
        {"id": "a"},
        {"id": "a", "n": 1},
        {"id": "a", "n": 2},
    )
    assert (first.old, third.new, third.table_name) == (None, None, "things")
    assert second.record["dynamodb"]["SequenceNumber"] == second.sequence_number
    assert second.at == datetime.fromtimestamp(1_700_000_000, UTC)


def test_changes_know_their_commit(app: App, things: Table) -> None:
    others = app.table("others", partition_key="id", stream="NEW_AND_OLD_IMAGES")
    put(things, 1)
    app.call(
        "TransactWriteItems",
        {
            "TransactItems": [
                {"Put": {"TableName": name, "Item": {"id": {"S": each}}}}
                for name, each in (("things", "x"), ("others", "y"), ("things", "z"))
            ]
        },
    )
    alone, x, z = (change.commit for change in app.stream(things).read())
    (y,) = (change.commit for change in app.stream(others).read())
    assert x.transaction == y.transaction == z.transaction != alone.transaction
    assert alone.position < x.position < y.position < z.position


# --- where it starts ------------------------------------------------------------------------------


def test_reading_starts_at_a_record_or_goes_on_behind_it(app: App, things: Table) -> None:
    put(things, *range(10))
    stream = app.stream(things)
    fourth = [*stream.read()][3].sequence_number
    assert (
        numbers_of(stream.read(fourth)) == numbers_of(stream.read(int(fourth))) == [*range(3, 10)]
    )
    assert numbers_of(stream.read(after=fourth)) == [*range(4, 10)]
    reading = stream.read()
    next(reading), next(reading)
    assert numbers_of(stream.read(after=reading.position)) == [*range(2, 10)]


def test_reading_starts_at_a_time(app: App, things: Table, clock: ManualClock) -> None:
    begun = datetime.fromtimestamp(clock.now_ms() / 1000, UTC)
    for number in range(6):
        put(things, number)
        clock.advance(seconds=3600)
    third = begun + timedelta(hours=2)
    elsewhere = third.astimezone(timezone(timedelta(hours=-7)))
    for start in (third, elsewhere, third.isoformat(), elsewhere.isoformat(timespec="minutes")):
        assert numbers_of(app.stream("things").read(start)) == [2, 3, 4, 5]
    zulu = third.strftime("%Y-%m-%dT%H:%MZ")
    assert numbers_of(app.stream("things").read(zulu)) == [2, 3, 4, 5]


@pytest.mark.parametrize(
    ("start", "words"),
    [
        ("soon", 'start is "beginning", "latest"'),
        ("2023-11-14T08:00", "has no offset: write it, or Z"),
        ("20231114", "has no offset"),
        (datetime(2023, 11, 14), "has no offset"),
        ("2090-01-01T00:00Z", "not in the future"),
        ("123456789", "a sequence number has 21 digits"),
        (7, "start is"),
        (-1, "start is"),
        ("100000000000099999999", "has not come to this sequence number"),
        (None, "start is"),
    ],
)
def test_a_start_that_is_none_is_refused(app: App, things: Table, start: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        app.stream(things).read(start)


def test_only_one_start_is_taken(app: App, things: Table) -> None:
    with pytest.raises(ValueError, match="start or after, not both"):
        app.stream(things).read("latest", after="100000000000000000001")


def test_what_is_committed_when_reading_begins_is_its_end(app: App, things: Table) -> None:
    put(things, 1, 2)
    reading = app.stream(things).read()
    put(things, 3)
    seen = []
    for change in reading:
        seen.append(change)
        put(things, 4 + len(seen))
    assert numbers_of(seen) == [1, 2, 3]
    assert next(reading, None) is None


# --- which stream ---------------------------------------------------------------------------------


def test_a_stream_is_found_by_its_table_or_its_arn(
    app: App, things: Table, clock: ManualClock
) -> None:
    put(things, 1)
    first = app.stream("things")
    disable(app)
    assert app.stream(things).arn == first.arn
    clock.advance(seconds=1)
    app.table("things", partition_key="id", stream="NEW_AND_OLD_IMAGES")
    put(things, 2)
    assert numbers_of(app.stream(things).read()) == [2]
    assert numbers_of(app.stream(first.arn).read()) == [1]
    app.call("DeleteTable", {"TableName": "things"})
    assert numbers_of(app.stream("things").read()) == [2]
    app.table("plain", partition_key="id")
    with pytest.raises(ValueError, match="table 'plain' has no stream"):
        app.stream("plain")


def test_items_of_write_shards_are_shown_as_they_were_put(app: App) -> None:
    hot = app.table(
        "hot",
        partition_key="id",
        sort_key="at",
        stream="NEW_AND_OLD_IMAGES",
        write_shards=4,
    )
    hot.put({"id": "a", "at": "1"})
    (change,) = app.stream(hot).read()
    assert (change.keys, change.new) == ({"id": "a", "at": "1"}, {"id": "a", "at": "1"})


# --- following ------------------------------------------------------------------------------------


class Follower(threading.Thread):
    """A thread that follows a stream, and what it has seen."""

    def __init__(self, reading: Reading) -> None:
        super().__init__()
        self.reading = reading
        self.seen: list[int] = []
        self.error: Exception | None = None
        self.grown = threading.Condition()
        self.start()

    def run(self) -> None:
        try:
            for change in self.reading:
                assert change.new is not None
                with self.grown:
                    self.seen.append(change.new["n"])
                    self.grown.notify_all()
        except Exception as error:
            self.error = error

    def wait_for(self, count: int) -> None:
        with self.grown:
            assert self.grown.wait_for(lambda: len(self.seen) >= count, 30), self.seen


def test_a_follower_sees_neither_rolls_nor_splits_and_ends_with_the_stream(
    app: App, things: Table, clock: ManualClock
) -> None:
    follower = Follower(app.stream(things).read(follow=True))
    put(things, 0, 1)
    follower.wait_for(2)
    clock.advance(seconds=5 * 3600)
    put(things, 2)
    follower.wait_for(3)
    split_partition(app.database, "things", 0)
    put(things, *range(3, 50))
    follower.wait_for(50)
    disable(app)
    follower.join(30)
    assert not follower.is_alive()
    assert (follower.seen, follower.error) == ([*range(50)], None)
    assert listeners_of(app) == 0


@pytest.mark.parametrize("ends", ["reading", "app"])
def test_a_follower_that_waits_ends_quietly_when_it_is_closed(
    app: App, things: Table, ends: str
) -> None:
    reading = app.stream(things).read(follow=True)
    follower = Follower(reading)
    put(things, 0)
    follower.wait_for(1)
    reading.close() if ends == "reading" else app.close()
    follower.join(30)
    assert not follower.is_alive()
    assert (follower.seen, follower.error) == ([0], None)


def test_an_app_closes_while_followers_read(tmp_path: Path) -> None:
    for number in range(10):
        app = App(tmp_path / f"{number}.db")
        things = app.table("things", partition_key="id", stream="NEW_AND_OLD_IMAGES")
        with things.batch() as batch:
            for each in range(2000):
                batch.put({"id": str(each), "n": each})
        followers = [Follower(app.stream(things).read(follow=True)) for _ in range(3)]
        followers[0].wait_for(1 + 150 * number)
        app.close()
        for follower in followers:
            follower.join(30)
            assert follower.error is None
            assert follower.seen == [*range(len(follower.seen))]


def test_a_reading_that_only_wants_what_is_there_tells_that_the_app_was_closed(
    app: App, things: Table
) -> None:
    put(things, 1)
    reading = app.stream(things).read()
    app.close()
    with pytest.raises(StoreClosedError):
        next(reading)


def test_a_reading_out_of_use_is_not_told_anything(app: App, things: Table) -> None:
    put(things, 1, 2)
    for _change in app.stream(things).read(follow=True):
        break
    gc.collect()
    assert listeners_of(app) == 0
    with app.stream(things).read(follow=True) as reading:
        assert listeners_of(app) == 1
        next(reading)
    assert listeners_of(app) == 0
    assert next(reading, None) is None


def test_a_reading_that_paused_for_too_long_fails(
    app: App, things: Table, clock: ManualClock
) -> None:
    reading = app.stream(things).read("latest", follow=True)
    put(things, 1)
    assert numbers_of([next(reading)]) == [1]
    put(things, 2)
    clock.advance(seconds=25 * 3600)
    app.streams.trim()
    with pytest.raises(TrimmedDataAccessException, match="have been dropped"):
        next(reading)
    assert next(reading, None) is None


# --- asyncio --------------------------------------------------------------------------------------


def test_a_loop_reads_follows_and_ends(app: App, things: Table, clock: ManualClock) -> None:
    async def main() -> list[int]:
        stream = app.stream(things)
        put(things, 0, 1)
        assert [change.new["n"] async for change in stream.aio.read() if change.new] == [0, 1]
        seen: list[int] = []
        async for change in stream.aio.read(follow=True):
            assert change.new is not None
            seen.append(change.new["n"])
            number = len(seen) + 1
            if number == 20:
                await app.aio.call(
                    "UpdateTable",
                    {"TableName": "things", "StreamSpecification": {"StreamEnabled": False}},
                )
            elif number < 20:
                clock.advance(seconds=3600)
                await things.aio.put({"id": str(number), "n": number})
        return seen

    assert asyncio.run(main()) == [*range(20)]
    gc.collect()
    assert listeners_of(app) == 0


def test_a_loop_goes_on_while_a_backlog_is_read(app: App, things: Table) -> None:
    with things.batch() as batch:
        for number in range(5000):
            batch.put({"id": str(number), "n": number})

    async def main() -> int:
        turns = 0
        is_done = False

        async def count() -> None:
            nonlocal turns
            while not is_done:
                turns += 1
                await asyncio.sleep(0)

        counting = asyncio.create_task(count())
        seen = [change.new["n"] async for change in app.stream(things).aio.read() if change.new]
        is_done = True
        await counting
        assert seen == [*range(5000)]
        return turns

    assert asyncio.run(main()) > 5000 / 256


def test_a_wait_can_be_cancelled_and_goes_on(app: App, things: Table) -> None:
    async def main() -> list[int]:
        async with app.stream(things).aio.read(follow=True) as reading:
            waiting = asyncio.ensure_future(anext(reading))
            await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            await things.aio.put({"id": "1", "n": 1})
            return numbers_of([await asyncio.wait_for(anext(reading), 30)])

    assert asyncio.run(main()) == [1]
    assert listeners_of(app) == 0


def test_a_loop_that_waits_is_told_when_the_app_closes() -> None:
    async def main() -> list[int]:
        app = App()
        things = app.table("things", partition_key="id", stream="NEW_AND_OLD_IMAGES")

        async def follow() -> list[int]:
            return [
                change.new["n"]
                async for change in app.stream(things).aio.read(follow=True)
                if change.new
            ]

        following = asyncio.create_task(follow())
        await things.aio.put({"id": "1", "n": 1})
        await app.aio.close()
        return await asyncio.wait_for(following, 30)

    assert asyncio.run(main()) in ([], [1])


def test_a_loop_that_is_gone_troubles_no_writer(app: App, things: Table) -> None:
    readings = []

    async def main() -> None:
        reading = app.stream(things).aio.read("latest", follow=True)
        readings.append(reading)
        put(things, 1)
        await anext(reading)

    asyncio.run(main())
    put(things, 2)
    readings.clear()
    gc.collect()
    assert listeners_of(app) == 0


def test_a_reading_for_a_loop_is_made_on_one(app: App, things: Table) -> None:
    with pytest.raises(RuntimeError, match="no running event loop"):
        app.stream(things).aio.read()


def test_readings_come_and_go_on_many_threads_and_none_is_forgotten(
    app: App, things: Table
) -> None:
    lasting = [Follower(app.stream(things).read(follow=True)) for _ in range(4)]

    def come_and_go() -> None:
        for _ in range(100):
            with app.stream(things).read("latest", follow=True):
                pass

    comers = [threading.Thread(target=come_and_go) for _ in range(4)]
    for comer in comers:
        comer.start()
    put(things, *range(100))
    for comer in comers:
        comer.join()
    assert listeners_of(app) == len(lasting)
    put(things, 100)
    for follower in lasting:
        follower.wait_for(101)
        follower.reading.close()
        follower.join(30)
