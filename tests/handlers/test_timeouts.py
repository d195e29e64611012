"""Timeouts: who waits for a call goes on when its time is up, and nothing it still does counts.

A call that is to time out waits for an event that is set at the end of its test, so how fast the
machine is decides nothing.
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from pelton.handlers import Context
from pelton.handlers.errors import TaskTimedOutError
from pelton.handlers.timeouts import HUNG_MAX, Watch
from tests.handlers.stage import Stage, on_batch, on_insert

SECONDS = 0.05
SECONDS_MAX = 60.0
IN_AWS_WORDS = re.compile(
    r"2023-11-14T22:13:20\.000Z [0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12} "
    r"Task timed out after 0\.05 seconds"
)


class Release(threading.Event):
    """What hanging calls wait for, and how many of them have come to their end."""

    def __init__(self) -> None:
        super().__init__()
        self.left: list[str] = []
        self.came_back = threading.Semaphore(0)

    def hang(self, who: str) -> None:
        assert self.wait(SECONDS_MAX)
        self.left.append(who)
        self.came_back.release()


@pytest.fixture
def release() -> Iterator[Release]:
    release = Release()
    yield release
    release.set()


def test_a_hanging_call_fails_in_the_words_of_aws(stage: Stage, release: Release) -> None:
    def count(event: dict[str, Any], context: Context) -> None:
        context.transaction.put("totals", {"id": "early"})
        release.hang("count")

    stage.source()
    stage.create("totals")
    stage.save(id="a")
    dispatcher = stage.run(on_batch(count, timeout_seconds=SECONDS, maximum_retry_attempts=0))
    (letter,) = stage.all("pelton.dead-letters")
    assert letter["error_type"] == "TaskTimedOutError"
    assert IN_AWS_WORDS.fullmatch(letter["error_message"])
    assert "in hang" in letter["traceback"], "it is told where the call hangs"
    assert stage.all("totals") == []
    assert dispatcher.stats()["count"].failures == 1
    assert issubclass(TaskTimedOutError, TimeoutError)


def test_nothing_that_a_call_does_behind_its_time_counts(stage: Stage, release: Release) -> None:
    refusals: list[str] = []

    def count(item: dict[str, Any], context: Context) -> None:
        add = {":one": 1}
        context.transaction.update("totals", {"id": "all"}, "ADD n :one", values=add)
        if item["id"] == "b" and context.attempt == 1:
            release.hang("b")
            try:
                context.transaction.update("totals", {"id": "all"}, "ADD n :one", values=add)
            except RuntimeError as error:
                refusals.append(str(error))
            release.came_back.release()

    stage.source()
    stage.create("totals")
    for name in "abcd":
        stage.save(id=name)
    dispatcher = stage.run(on_insert(count, timeout_seconds=SECONDS))
    assert stage.load("totals", id="all") == {"id": "all", "n": 4}
    assert dispatcher.stats()["count"].failures == 1
    release.set()
    for _ in range(2):
        assert release.came_back.acquire(timeout=SECONDS_MAX)
    assert refusals == ["this transaction is over: it ends when its handler returns"]
    assert stage.load("totals", id="all") == {"id": "all", "n": 4}


def test_each_record_has_the_time_for_itself(stage: Stage) -> None:
    remaining: list[int] = []

    def note(item: dict[str, Any], context: Context) -> None:
        remaining.append(context.get_remaining_time_in_millis())
        stage.clock.advance(seconds=0.2)

    stage.source()
    for name in "abc":
        stage.save(id=name)
    stage.run(on_insert(note, timeout_seconds=900))
    assert remaining == [900_000] * 3


def test_a_coroutine_is_cancelled(stage: Stage) -> None:
    ends: list[str] = []

    async def note(item: dict[str, Any], context: Context) -> None:
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            ends.append("cancelled")
            raise

    stage.source()
    stage.save(id="a")
    dispatcher = stage.run(on_insert(note, timeout_seconds=SECONDS, maximum_retry_attempts=1))
    assert ends == ["cancelled"] * 2
    (letter,) = stage.all("pelton.dead-letters")
    assert letter["error_message"].endswith("Task timed out after 0.05 seconds")
    assert "get_running_loop().create_future()" in letter["traceback"]
    assert dispatcher.stats()["note"].failures == 2


def test_a_coroutine_that_will_not_be_cancelled_has_timed_out_all_the_same(stage: Stage) -> None:
    async def note(item: dict[str, Any], context: Context) -> None:
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            context.transaction.put("totals", {"id": "late"})

    stage.source()
    stage.create("totals")
    stage.save(id="a")
    stage.run(on_insert(note, timeout_seconds=SECONDS, maximum_retry_attempts=0))
    (letter,) = stage.all("pelton.dead-letters")
    assert letter["error_type"] == "TaskTimedOutError"
    assert stage.all("totals") == []


def test_a_timeout_of_the_handlers_own_is_its_own(stage: Stage) -> None:
    async def note(item: dict[str, Any], context: Context) -> None:
        raise TimeoutError("of mine")

    stage.source()
    stage.save(id="a")
    stage.run(on_insert(note, timeout_seconds=900, maximum_retry_attempts=0))
    (letter,) = stage.all("pelton.dead-letters")
    assert (letter["error_type"], letter["error_message"]) == ("TimeoutError", "of mine")


def test_a_coroutine_that_blocks_its_loop_leaves_it_to_others(
    stage: Stage, release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pelton.handlers.calling.CANCEL_SECONDS", SECONDS)

    async def block(item: dict[str, Any], context: Context) -> None:
        release.hang("block")

    async def note(item: dict[str, Any], context: Context) -> None:
        context.transaction.put("totals", {"id": item["id"]})

    stage.source()
    stage.create("totals")
    stage.save(id="a")
    stage.run(on_insert(block, timeout_seconds=SECONDS, maximum_retry_attempts=0), on_insert(note))
    (letter,) = stage.all("pelton.dead-letters")
    assert letter["handler_name"] == "block"
    assert stage.all("totals") == [{"id": "a"}]


def test_what_a_handler_raises_and_returns_comes_through(stage: Stage) -> None:
    def note(event: dict[str, Any], context: Context) -> dict[str, Any]:
        if context.attempt == 1:
            raise ConnectionError("once")
        context.transaction.put("totals", {"id": "all", "n": len(event["Records"])})
        return {}

    stage.source()
    stage.create("totals")
    stage.save(id="a")
    dispatcher = stage.run(on_batch(note, timeout_seconds=900))
    assert stage.load("totals", id="all") == {"id": "all", "n": 1}
    assert dispatcher.stats()["note"].last_error == "ConnectionError: once"


def test_calls_that_hang_are_bounded_and_then_the_records_wait(
    stage: Stage, release: Release
) -> None:
    hanging = True

    def note(item: dict[str, Any], context: Context) -> None:
        if hanging:
            release.hang(item["id"])

    stage.source()
    stage.save(id="a")
    before = threading.active_count()
    options: dict[str, Any] = {"timeout_seconds": 0.001, "maximum_retry_attempts": -1}
    dispatcher = stage.start(on_insert(note, **options))
    with pytest.raises(TimeoutError, match="failed 10 times, will retry"):
        dispatcher.drain(3_600)  # of the stage's clock
    assert dispatcher.hung_calls() == {"note": HUNG_MAX}
    assert threading.active_count() <= before + HUNG_MAX
    assert dispatcher.stats()["note"].failures == HUNG_MAX
    hanging = False
    release.set()
    for _ in range(HUNG_MAX):
        assert release.came_back.acquire(timeout=SECONDS_MAX)
    dispatcher.drain()
    assert dispatcher.stats()["note"].records == 1


def test_threads_are_used_again(stage: Stage) -> None:
    threads: set[threading.Thread] = set()

    def note(item: dict[str, Any], context: Context) -> None:
        threads.add(threading.current_thread())

    stage.source()
    for number in range(5):
        stage.save(id=str(number))
    stage.run(on_insert(note, timeout_seconds=900, batch_size=1))
    assert len(threads) <= 2
    assert threading.current_thread() not in threads


def test_without_a_timeout_a_call_changes_no_thread(stage: Stage) -> None:
    threads: list[threading.Thread] = []

    def note(item: dict[str, Any], context: Context) -> None:
        threads.append(threading.current_thread())

    stage.source()
    stage.save(id="a")
    stage.run(on_insert(note))
    assert threads == [threading.current_thread()]


def test_an_app_goes_on_beside_calls_that_hang(stage: Stage, release: Release) -> None:
    def hang(item: dict[str, Any], context: Context) -> None:
        release.hang(item["id"])

    def note(item: dict[str, Any], context: Context) -> None:
        context.transaction.put("totals", {"id": item["id"]})

    stage.source()
    stage.create("totals")
    stage.save(id="a")
    dispatcher = stage.threaded(
        on_insert(hang, timeout_seconds=SECONDS, maximum_retry_attempts=0), on_insert(note)
    )
    dispatcher.drain(SECONDS_MAX)
    assert stage.all("totals") == [{"id": "a"}]
    assert dispatcher.hung_calls() == {"hang": 1}
    dispatcher.stop()  # does not wait for what hangs
    assert release.left == []


def test_a_watch_ends_once() -> None:
    seconds = 0.0
    watch = Watch(1.0, lambda: seconds)
    seconds = 5.0
    assert not watch.wait(0.0, 1.0 - 1.0)
    assert watch.is_over
    assert not watch.end()
    watch = Watch(1.0, lambda: seconds)
    assert watch.end()
    assert watch.wait(0.0, None)
