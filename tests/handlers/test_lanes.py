"""ParallelizationFactor: several batches of a shard at once, each item's changes in order."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pelton.handlers import Context, RecordChange
from pelton.handlers.lanes import lane_of
from pelton.streams import Record
from pelton.streams.checkpoints import read_lanes, read_positions
from tests.handlers.stage import Stage, ids_of, on_batch, on_change

SECONDS_MAX = 60.0


class Order:
    """A handler that notes the changes of each item as they come."""

    def __init__(self) -> None:
        self.versions: defaultdict[str, list[int]] = defaultdict(list)
        self.batches: list[list[str]] = []

    def __call__(self, event: dict[str, Any], context: Context) -> None:
        self.batches.append(ids_of(event))
        for record in event["Records"]:
            image = record["dynamodb"]["NewImage"]
            self.versions[image["id"]["S"]].append(int(image["version"]["N"]))


def write(stage: Stage, items: int, versions: range) -> None:
    for version in versions:
        for number in range(items):
            stage.save(id=f"i{number:02}", version=version)


@settings(max_examples=25, deadline=None)
@given(
    factor=st.integers(2, 10),
    batch_size=st.integers(1, 12),
    seed=st.integers(0, 2**32),
)
def test_every_change_comes_once_and_in_order(factor: int, batch_size: int, seed: int) -> None:
    stage = Stage()
    try:
        stage.source()
        write(stage, 9, range(6))
        order = Order()
        stage.run(
            on_batch(order, name="order", parallelization_factor=factor, batch_size=batch_size),
            seed=seed,
        )
        assert order.versions == {f"i{number:02}": list(range(6)) for number in range(9)}
    finally:
        stage.close()


def test_a_lane_that_fails_holds_up_no_other(stage: Stage) -> None:
    stage.source()
    write(stage, 12, range(1))
    done: list[str] = []

    def note(change: RecordChange, context: Context) -> None:
        if change.keys["id"] == "i00":
            assert len(done) == 11, "all the others are done first"
        done.append(change.keys["id"])

    def first_fails(change: RecordChange, context: Context) -> None:
        if change.keys["id"] == "i00" and len(done) < 11:
            raise ValueError("not before the others")
        note(change, context)

    stage.run(
        on_change(first_fails, parallelization_factor=10, batch_size=1, maximum_retry_attempts=-1)
    )
    assert Counter(done) == Counter(f"i{number:02}" for number in range(12))


def test_batches_of_one_shard_run_at_once(stage: Stage) -> None:
    """Two calls that wait for each other can only end when both run."""
    stage.source()
    names = ["x", "y"]
    while len({lane_of_name(stage, name) for name in names}) < 2:
        names[1] += "y"
    meeting = threading.Barrier(2, timeout=SECONDS_MAX)

    def meet(event: dict[str, Any], context: Context) -> None:
        meeting.wait()

    dispatcher = stage.threaded(on_batch(meet, parallelization_factor=2, batch_size=1))
    for name in names:
        stage.save(id=name)
    dispatcher.drain(SECONDS_MAX)


def lane_of_name(stage: Stage, name: str) -> int:
    body = b'{"dynamodb":{"Keys":{"id":{"S":"%b"}},"NewImage":{}}}' % name.encode()
    return lane_of(Record(1, 1, 0, body), 2)


def test_positions_go_on_where_each_lane_was(stage: Stage) -> None:
    stage.source()
    write(stage, 9, range(3))
    order = Order()
    mapping = on_batch(order, name="order", parallelization_factor=3, batch_size=2)
    first = stage.start(mapping)
    for _ in range(8):
        first._scheduler.step()  # type: ignore[attr-defined]
    first.stop()
    assert order.batches
    stage.run(mapping)
    assert order.versions == {f"i{number:02}": list(range(3)) for number in range(9)}


@pytest.mark.parametrize(("before", "after"), [(1, 4), (4, 1), (3, 7), (7, 2)])
def test_another_factor_repeats_and_loses_nothing(stage: Stage, before: int, after: int) -> None:
    stage.source()
    write(stage, 9, range(3))
    order = Order()
    first = stage.start(on_batch(order, name="order", parallelization_factor=before, batch_size=2))
    for _ in range(9):
        first._scheduler.step()  # type: ignore[attr-defined]
    first.stop()
    write(stage, 9, range(3, 6))
    stage.run(on_batch(order, name="order", parallelization_factor=after, batch_size=2))
    assert order.versions == {f"i{number:02}": list(range(6)) for number in range(9)}


def test_the_shards_position_is_that_of_its_last_lane(stage: Stage) -> None:
    stage.source()
    write(stage, 9, range(3))

    def fail_once_behind(event: dict[str, Any], context: Context) -> None:
        if "i03" in ids_of(event):
            raise ValueError("held up")

    dispatcher = stage.start(
        on_batch(
            fail_once_behind,
            parallelization_factor=5,
            batch_size=1,
            maximum_retry_attempts=-1,
        )
    )
    for _ in range(60):
        dispatcher._scheduler.step()  # type: ignore[attr-defined]
    dispatcher._around.keeper.flush()
    (number,) = stage.streams.shards.by_number
    lanes = stage.database.store.read(lambda reader: read_lanes(reader, "fail_once_behind", number))
    positions = stage.database.store.read(lambda reader: read_positions(reader, "fail_once_behind"))
    assert len(lanes) == 5
    assert positions[number] == min(lanes) < max(lanes)


def test_exactly_once_in_lanes(stage: Stage) -> None:
    stage.source()
    stage.create("counts")
    write(stage, 9, range(4))

    def count(change: RecordChange, context: Context) -> None:
        context.transaction.update("counts", {"id": "all"}, "ADD seen :one", values={":one": 1})

    stage.run(on_change(count, parallelization_factor=4, batch_size=3))
    assert [each["seen"] for each in stage.all("counts")] == [36]


@given(
    keys=st.dictionaries(
        st.sampled_from(["id", "NewImage", "OldImage", "SequenceNumber", "Keys"]),
        st.text(max_size=5),
        min_size=1,
        max_size=2,
    ),
    lanes=st.integers(2, 10),
)
def test_all_records_of_an_item_are_in_one_lane(keys: dict[str, str], lanes: int) -> None:
    """Whatever its keys are called, and whatever images the record has."""
    stage = Stage()
    try:
        names = list(keys)
        stage.create(
            "odd",
            partition=names[0],
            sort=names[1] if len(names) > 1 else None,
            stream="NEW_AND_OLD_IMAGES",
        )
        key = {name: {"S": f"k{text}"} for name, text in keys.items()}
        stage.put({**key, "OldImage2": {"S": "x"}, "count": {"N": "1"}}, "odd")
        stage.put({**key, "NewImage2": {"S": ',"NewImage":'}}, "odd")
        stage.delete(key, "odd")
        (shard,) = stage.streams.shards.all()
        records = stage.streams.read(shard, shard.start_seq, 10).records
        assert [record.event_name for record in records] == ["INSERT", "MODIFY", "REMOVE"]
        assert len({lane_of(record, lanes) for record in records}) == 1
    finally:
        stage.close()
