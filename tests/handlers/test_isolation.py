"""Handlers kept apart: how many calls run at once, and that slow ones cost the others nothing."""

from __future__ import annotations

import threading
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest

from pelton.handlers import Context
from pelton.handlers.worker import ShardWorker
from tests.handlers.stage import Stage, on_batch, on_insert

SECONDS_MAX = 240.0
"""Only what is broken takes as long, on a machine that has a lot else to do."""


class Gate:
    """Holds calls until it is opened, and knows how many are in it."""

    def __init__(self) -> None:
        self._opened = threading.Event()
        self._changed = threading.Condition()
        self.inside = 0
        self.most = 0
        self.passed = 0

    def pass_through(self) -> None:
        with self._changed:
            self.inside += 1
            self.most = max(self.most, self.inside)
            self._changed.notify_all()
        assert self._opened.wait(SECONDS_MAX)
        with self._changed:
            self.inside -= 1
            self.passed += 1

    def wait_for(self, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.inside >= count, SECONDS_MAX)

    def open(self) -> None:
        self._opened.set()


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.open()


@pytest.mark.parametrize("limit", [1, 3])
def test_so_many_calls_run_at_once_over_all_shards(
    stage: Stage, gate: Gate, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def note(event: dict[str, Any], context: Context) -> None:
        gate.pass_through()

    shards = _many_shards(stage, 8_000)
    parked = _count_parked(monkeypatch)
    dispatcher = stage.threaded(on_batch(note, concurrency_max=limit))
    gate.wait_for(limit)
    assert parked.wait_for(shards - limit)
    stats = dispatcher.stats()["note"]
    assert (stats.in_flight, stats.throttles) == (limit, shards - limit)
    gate.open()
    dispatcher.drain(SECONDS_MAX)
    assert gate.most == limit
    assert dispatcher.stats()["note"].records == 100


def test_without_a_limit_all_shards_are_called_at_once(stage: Stage, gate: Gate) -> None:
    def note(event: dict[str, Any], context: Context) -> None:
        gate.pass_through()

    shards = _many_shards(stage, 8_000)
    dispatcher = stage.threaded(on_batch(note))
    gate.wait_for(shards)
    assert dispatcher.stats()["note"].throttles == 0
    gate.open()
    dispatcher.drain(SECONDS_MAX)


def test_whoever_waits_for_a_slot_needs_no_thread(
    stage: Stage, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(event: dict[str, Any], context: Context) -> None:
        gate.pass_through()

    def quick(event: dict[str, Any], context: Context) -> None:
        done.append(len(event["Records"]))
        if sum(done) == 100:
            all_done.set()

    done: list[int] = []
    all_done = threading.Event()
    monkeypatch.setattr("pelton.handlers.threads.THREADS_MAX", 2)
    _many_shards(stage, 16_000)
    dispatcher = stage.threaded(on_batch(slow, concurrency_max=1), on_batch(quick))
    gate.wait_for(1)
    assert all_done.wait(SECONDS_MAX), "one thread of two is left to the other handler"
    gate.open()
    dispatcher.drain(SECONDS_MAX)
    assert gate.most == 1


@pytest.mark.parametrize("seed", range(5))
def test_a_limit_loses_and_doubles_nothing(stage: Stage, seed: int) -> None:
    def count(item: dict[str, Any], context: Context) -> None:
        if item["id"].endswith("7") and context.attempt < 3:
            raise ConnectionError("for now")
        total = context.transaction.get("totals", {"id": "all"}) or {"id": "all", "n": 0}
        context.transaction.put("totals", {"id": "all", "n": total["n"] + 1})

    stage.source(write_units=4_000)
    stage.create("totals")
    for number in range(60):
        stage.save(id=str(number))
    stage.run(on_insert(count, concurrency_max=2, batch_size=4), seed=seed)
    assert stage.load("totals", id="all") == {"id": "all", "n": 60}


def test_a_handler_that_is_removed_leaves_its_slots(stage: Stage) -> None:
    def note(event: dict[str, Any], context: Context) -> None:
        if context.attempt == 1:
            raise ConnectionError("once")

    stage.source(write_units=4_000)
    for number in range(20):
        stage.save(id=str(number))
    mapping = on_batch(note, concurrency_max=1)
    dispatcher = stage.start(mapping)
    with pytest.raises(TimeoutError):
        dispatcher.drain(0.0)
    dispatcher.replace(mapping)
    dispatcher.drain()
    assert dispatcher.stats()["note"].records == 20


# --- handlers that block -------------------------------------------------------------------------


def test_handlers_that_block_all_run(stage: Stage, gate: Gate) -> None:
    count = 200

    def block(event: dict[str, Any], context: Context) -> None:
        gate.pass_through()

    stage.source()
    stage.save(id="a")
    mappings = [on_batch(block, name=f"block-{number}") for number in range(count)]
    dispatcher = stage.threaded(*mappings)
    gate.wait_for(count)  # each of them has a thread, although all others block theirs
    gate.open()
    dispatcher.drain(SECONDS_MAX)
    assert (gate.most, gate.passed) == (count, count)


def test_a_slow_handler_holds_few_records_however_many_wait(stage: Stage, gate: Gate) -> None:
    def slow(event: dict[str, Any], context: Context) -> None:
        gate.pass_through()

    stage.source()
    stage.save(id="first")
    dispatcher = stage.threaded(on_batch(slow, batch_size=10))
    gate.wait_for(1)
    text = "x" * 1_000
    _write(stage, 0, 200, text)
    tracemalloc.start()
    try:
        _write(stage, 200, 1_200, text)
        held_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert dispatcher.stats()["slow"].polled_events <= 20
    assert held_bytes < 500_000, "1,000 records of 1,100 bytes wait, in the file only"
    gate.open()
    dispatcher.drain(SECONDS_MAX)
    assert dispatcher.stats()["slow"].records == 1_201


def _many_shards(stage: Stage, write_units: int) -> int:
    """How many shards there are, all with records, of a hundred items."""
    stage.source(write_units=write_units)
    for number in range(100):
        stage.save(id=str(number))
    shards = stage.streams.shards_of(stage.stream_arn())
    assert len(shards) >= 8
    assert all(stage.streams.read(shard, shard.start_seq, 1).records for shard in shards)
    return len(shards)


def _write(stage: Stage, first: int, end: int, text: str) -> None:
    for number in range(first, end):
        stage.save(id=str(number), text=text)


class _Parked:
    """Counts the workers that wait for a slot."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._workers: set[int] = set()

    def note(self, worker: ShardWorker, is_called: bool) -> None:
        if not is_called:
            with self._changed:
                self._workers.add(id(worker))
                self._changed.notify_all()

    def wait_for(self, count: int) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: len(self._workers) >= count, SECONDS_MAX)


def _count_parked(monkeypatch: pytest.MonkeyPatch) -> _Parked:
    parked, may_call = _Parked(), ShardWorker._may_call

    def told(worker: ShardWorker) -> bool:
        is_called = may_call(worker)
        parked.note(worker, is_called)
        return is_called

    monkeypatch.setattr(ShardWorker, "_may_call", told)
    return parked
