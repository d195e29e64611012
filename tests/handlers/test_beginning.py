"""start="beginning": every item that is there, then all that changes, while writes go on."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pelton.engine.partitions.splitting import split_partition
from pelton.handlers import Context, EventSourceMapping, RecordChange, beginning
from pelton.streams.checkpoints import FRONTIER_KIND
from tests.handlers.stage import Stage, ids_of, on_batch, on_change

Image = dict[str, Any] | None


class Mirror:
    """A copy of the table that is made of nothing but records, and finds fault with each."""

    def __init__(self) -> None:
        self.items: dict[str, dict[str, Any]] = {}
        self.records = 0

    def __call__(self, change: RecordChange, context: Context) -> None:
        name = change.keys["id"]
        known = self.items.get(name)
        assert change.old == known, f"the {change.event} of {name} does not follow"
        if change.new is None:
            del self.items[name]
        else:
            self.items[name] = change.new
        self.records += 1

    def mapping(self, **options: Any) -> EventSourceMapping:
        return on_change(self, name="mirror", start="beginning", **options)


class CopyOnce:
    """A copy in a table, by transactions: whatever is delivered twice is noticed there."""

    def __call__(self, change: RecordChange, context: Context) -> None:
        if change.new is None:
            context.transaction.delete("copies", change.keys)
        else:
            context.transaction.put("copies", change.new)
        context.transaction.update("copies", {"id": "-count"}, "ADD seen :one", values={":one": 1})


def fill(stage: Stage, count: int) -> None:
    stage.source()
    for number in range(count):
        stage.save(id=f"i{number:03}", version=0)


def as_items(stage: Stage, table: str = "things") -> dict[str, dict[str, Any]]:
    return {item["id"]: item for item in stage.all(table)}


def frontiers(stage: Stage) -> int:
    return len(stage.database.store.read(lambda reader: list(reader.query(0, 0, FRONTIER_KIND))))


def test_items_older_than_the_stream_are_fed(stage: Stage) -> None:
    stage.create("things")
    for number in range(600):
        stage.save(id=f"i{number:03}")
    view = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    stage.call("UpdateTable", TableName="things", StreamSpecification=view)
    mirror = Mirror()
    dispatcher = stage.run(mirror.mapping())
    assert mirror.items == as_items(stage)
    assert mirror.records == 600
    stage.save(id="i000", version=1)
    stage.delete({"id": {"S": "i001"}})
    dispatcher.drain()
    assert mirror.items == as_items(stage)
    assert mirror.records == 602
    assert frontiers(stage) == 0


def test_an_items_records_from_before_are_not_fed_as_well(stage: Stage) -> None:
    fill(stage, 10)
    stage.save(id="i003", version=1)
    mirror = Mirror()
    stage.run(mirror.mapping())
    assert mirror.records == 10


def test_an_event_of_an_item_is_that_of_an_insert(stage: Stage) -> None:
    events: list[dict[str, Any]] = []
    fill(stage, 2)
    stage.run(on_batch(lambda event, context: events.append(event), name="e", start="beginning"))
    (event,) = events
    records = event["Records"]
    assert [each["eventName"] for each in records] == ["INSERT", "INSERT"]
    assert sorted(ids_of(event)) == ["i000", "i001"]
    (inserted,) = [r for r in stage.records() if r["dynamodb"]["Keys"]["id"]["S"] == "i000"]
    (fed,) = [r for r in records if r["dynamodb"]["Keys"]["id"]["S"] == "i000"]
    for member in ("Keys", "NewImage", "SizeBytes", "StreamViewType"):
        assert fed["dynamodb"][member] == inserted["dynamodb"][member]
    numbers = [int(each["dynamodb"]["SequenceNumber"]) for each in records]
    assert numbers == sorted(set(numbers))
    assert len({each["eventID"] for each in records}) == 2


def test_a_mapping_that_ran_before_does_not_begin_again(stage: Stage) -> None:
    fill(stage, 5)
    mirror = Mirror()
    stage.run(mirror.mapping()).stop()
    stage.save(id="i001", version=1)
    stage.run(mirror.mapping())
    assert mirror.records == 6


def test_a_table_without_items_begins_at_once(stage: Stage) -> None:
    stage.source()
    mirror = Mirror()
    dispatcher = stage.run(mirror.mapping())
    assert frontiers(stage) == 0
    stage.save(id="a")
    dispatcher.drain()
    assert mirror.records == 1


def test_when_the_items_are_read_the_lanes_begin(stage: Stage) -> None:
    fill(stage, 20)
    mirror = Mirror()
    dispatcher = stage.run(mirror.mapping(parallelization_factor=4))
    for number in range(20):
        stage.save(id=f"i{number:03}", version=1)
    dispatcher.drain()
    assert mirror.items == as_items(stage)
    assert mirror.records == 40


def test_a_stream_that_ends_meanwhile_leaves_no_item_out(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beginning, "CHUNK_ITEMS", 4)
    fill(stage, 30)
    mirror = Mirror()
    dispatcher = stage.start(mirror.mapping(batch_size=3))
    for _ in range(4):
        dispatcher._scheduler.step()  # type: ignore[attr-defined]
    assert 0 < mirror.records < 30
    stage.call("UpdateTable", TableName="things", StreamSpecification={"StreamEnabled": False})
    dispatcher.drain()
    assert mirror.items == as_items(stage)
    dispatcher.stop()
    view = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    stage.call("UpdateTable", TableName="things", StreamSpecification=view)
    stage.save(id="i000", version=1)
    stage.run(mirror.mapping())
    assert mirror.items == as_items(stage)


def test_a_later_stream_goes_on_with_the_items(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beginning, "CHUNK_ITEMS", 4)
    fill(stage, 30)
    mirror = Mirror()
    dispatcher = stage.start(mirror.mapping(batch_size=3))
    for _ in range(4):
        dispatcher._scheduler.step()  # type: ignore[attr-defined]
    for is_enabled in (False, True):
        specification: dict[str, Any] = {"StreamEnabled": is_enabled}
        if is_enabled:
            specification["StreamViewType"] = "NEW_AND_OLD_IMAGES"
        stage.call("UpdateTable", TableName="things", StreamSpecification=specification)
    for number in range(0, 30, 3):
        stage.save(id=f"i{number:03}", version=1)
    dispatcher.drain()
    assert mirror.items == as_items(stage)
    assert frontiers(stage) == 0


def test_a_record_that_leaves_while_it_is_retried_takes_no_item_along(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was read behind the position and not done is read again, items too."""
    monkeypatch.setattr(beginning, "CHUNK_ITEMS", 4)
    fill(stage, 30)
    mirror = Mirror()
    failing = [True]

    def note(event: dict[str, Any], context: Context) -> None:
        if failing and len(mirror.items) >= 6:
            raise ValueError("not now")
        for record in event["Records"]:
            image = record["dynamodb"].get("NewImage")
            mirror.items[record["dynamodb"]["Keys"]["id"]["S"]] = image

    dispatcher = stage.start(
        on_batch(
            note, start="beginning", batch_size=3, maximum_retry_attempts=-1, on_trimmed="skip"
        )
    )
    for _ in range(12):
        dispatcher._scheduler.step()  # type: ignore[attr-defined]
    held = len(mirror.items)
    assert 6 <= held < 30
    stage.save(id="i000", version=9)
    stage.clock.advance(seconds=2 * stage.streams.limits.retention_seconds)
    stage.streams.trim()
    failing.clear()
    dispatcher.drain()
    assert set(mirror.items) == set(as_items(stage))


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_nothing_is_missed_or_doubled_whatever_happens_meanwhile(seed: int) -> None:
    """Writes, splits, rolls and crashes between any two steps."""
    random = Random(seed)
    chunk, beginning.CHUNK_ITEMS = beginning.CHUNK_ITEMS, random.choice((1, 3, 8))
    stage = Stage()
    try:
        stage.create("copies")
        fill(stage, random.randrange(60))
        batch_size, copy = random.choice((1, 4, 100)), CopyOnce()
        changes = 0
        options: dict[str, Any] = {"name": "copy", "start": "beginning", "batch_size": batch_size}
        dispatcher = stage.start(on_change(copy, **options), seed=seed)
        inserted = len(stage.all("things"))
        for _ in range(random.randrange(120)):
            deed = random.random()
            if deed < 0.5:
                dispatcher._scheduler.step()  # type: ignore[attr-defined]
            elif deed < 0.8:
                changes += change_something(stage, random)
            elif deed < 0.84:
                partitions = stage.database.catalog.table("things").partitions
                split_partition(stage.database, "things", random.choice(partitions).number)
            elif deed < 0.88:
                stage.clock.advance(seconds=stage.streams.limits.shard_seconds_max + 1)
            elif deed < 0.94:
                dispatcher.stop()  # without its last positions, as in a crash
                dispatcher = stage.start(on_change(copy, **options), seed=seed)
        dispatcher.drain()
        copies = as_items(stage, "copies")
        count = copies.pop("-count", {"seen": 0})["seen"]
        assert copies == as_items(stage)
        assert count <= inserted + changes
        assert frontiers(stage) == 0
    finally:
        beginning.CHUNK_ITEMS = chunk
        stage.close()


def change_something(stage: Stage, random: Random) -> int:
    name = f"i{random.randrange(70):03}"
    known = stage.load("things", id=name)
    if known is not None and random.random() < 0.3:
        stage.delete({"id": {"S": name}})
    else:
        stage.save(id=name, version=(known or {}).get("version", 0) + 1)
    return 1


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_each_change_follows_the_one_before(seed: int) -> None:
    """The old image of every record is what the records before made of the item."""
    random = Random(seed)
    chunk, beginning.CHUNK_ITEMS = beginning.CHUNK_ITEMS, random.choice((1, 3, 8))
    stage = Stage()
    try:
        fill(stage, random.randrange(60))
        mirror = Mirror()
        dispatcher = stage.start(mirror.mapping(batch_size=random.choice((1, 5, 50))), seed=seed)
        for _ in range(random.randrange(150)):
            deed = random.random()
            if deed < 0.5:
                dispatcher._scheduler.step()  # type: ignore[attr-defined]
            elif deed < 0.94:
                change_something(stage, random)
            elif deed < 0.97:
                partitions = stage.database.catalog.table("things").partitions
                split_partition(stage.database, "things", random.choice(partitions).number)
            else:
                stage.clock.advance(seconds=stage.streams.limits.shard_seconds_max + 1)
        dispatcher.drain()
        assert mirror.items == as_items(stage)
        assert dispatcher.stats()["mirror"].failures == 0
    finally:
        beginning.CHUNK_ITEMS = chunk
        stage.close()


# --- a time ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "delivered"),
    [(0, "abcd"), (5, "bcd"), (10, "bcd"), (25, "d"), (1000, "")],
)
def test_a_mapping_may_start_at_a_time(stage: Stage, seconds: int, delivered: str) -> None:
    stage.source()
    for name in "abcd":
        stage.save(id=name)
        stage.clock.advance(seconds=10)
    ids: list[str] = []
    start = datetime.fromtimestamp(1_700_000_000 + seconds, UTC)
    mapping = on_batch(lambda event, context: ids.extend(ids_of(event)), name="late", start=start)
    dispatcher = stage.run(mapping)
    assert ids == list(delivered)
    stage.save(id="e")
    dispatcher.drain()
    assert ids == [*delivered, "e"]


def test_a_time_is_found_in_every_shard(stage: Stage) -> None:
    stage.source()
    for name in "abcdef":
        stage.save(id=name)
        stage.clock.advance(seconds=stage.streams.limits.shard_seconds_max / 2 + 1)
    assert len(stage.streams.shards.all()) > 2
    ids: list[str] = []
    start = datetime.fromtimestamp(stage.clock.now_ms() / 1000 - 8 * 3600, UTC)
    stage.run(on_batch(lambda event, context: ids.extend(ids_of(event)), name="late", start=start))
    assert ids == list("def")
