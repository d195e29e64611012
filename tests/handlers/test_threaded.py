"""The dispatcher as apps run it: threads, a real clock, writers beside it."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from pelton.handlers import Context, RecordChange
from tests.handlers.stage import Stage, on_batch, on_change, on_insert

SECONDS_MAX = 60.0


def test_writers_and_handlers_at_once_lose_and_double_nothing(tmp_path: Path) -> None:
    stage = Stage(str(tmp_path / "shop.db"))
    stage.source("sales", write_units=4_000)
    stage.source("totals")
    stage.create("doubles")
    seen: list[str] = []
    attempts: dict[str, int] = {}

    def count(item: dict[str, Any], context: Context) -> None:
        attempts[item["id"]] = context.attempt
        if item["id"].endswith("7") and context.attempt == 1:
            raise ConnectionError("once")
        add = {":one": 1}
        context.transaction.update("totals", {"id": item["kind"]}, "ADD n :one", values=add)

    def double(event: dict[str, Any], context: Context) -> None:
        total = context.transaction.get("doubles", {"id": "all"}) or {"id": "all", "n": 0}
        total["n"] += 2 * len(event["Records"])
        context.transaction.put("doubles", total)

    async def note(change: RecordChange, context: Context) -> None:
        seen.append(change.keys["id"])

    def write(writer: int) -> None:
        for number in range(100):
            stage.save("sales", id=f"w{writer}-{number}", kind=str(number % 3))

    dispatcher = stage.threaded(
        on_insert(count, "sales"), on_batch(double, "sales"), on_change(note, "sales")
    )
    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    dispatcher.drain(SECONDS_MAX)
    assert {item["id"]: item["n"] for item in stage.all("totals")} == {"0": 136, "1": 132, "2": 132}
    assert stage.load("doubles", id="all") == {"id": "all", "n": 800}
    assert sorted(seen) == sorted(f"w{writer}-{n}" for writer in range(4) for n in range(100))
    assert {name for name, attempt in attempts.items() if attempt > 1} == {
        name for name in attempts if name.endswith("7")
    }
    stage.close()


def test_a_put_is_handled_without_anyone_asking(stage: Stage) -> None:
    handled = threading.Event()

    def note(item: dict[str, Any], context: Context) -> None:
        handled.set()

    stage.source()
    dispatcher = stage.threaded(on_insert(note))
    dispatcher.drain(SECONDS_MAX)
    stage.save(id="a")
    assert handled.wait(SECONDS_MAX)
    dispatcher.drain(SECONDS_MAX)
    stats = dispatcher.stats()["note"]
    assert stats.latency_p50_ms is not None and 0 < stats.latency_p50_ms <= SECONDS_MAX * 1000


def test_a_handler_that_drains_is_refused(stage: Stage) -> None:
    def note(item: dict[str, Any], context: Context) -> None:
        dispatcher.drain()

    stage.source()
    dispatcher = stage.threaded(on_insert(note, maximum_retry_attempts=0))
    stage.save(id="a")
    dispatcher.drain(SECONDS_MAX)
    error = dispatcher.stats()["note"].last_error
    assert error == "RuntimeError: a handler that waits for all handlers would wait for itself"


def test_stop_waits_for_the_call_that_runs(stage: Stage) -> None:
    entered, release = threading.Event(), threading.Event()
    done: list[str] = []

    def note(item: dict[str, Any], context: Context) -> None:
        entered.set()
        assert release.wait(SECONDS_MAX)
        context.transaction.put("notes", {"id": item["id"]})
        done.append(item["id"])

    stage.source()
    stage.create("notes")
    dispatcher = stage.threaded(on_insert(note))
    stage.save(id="a")
    assert entered.wait(SECONDS_MAX)
    stopping = threading.Thread(target=dispatcher.stop)
    stopping.start()
    release.set()
    stopping.join(SECONDS_MAX)
    assert done == ["a"]
    assert stage.load("notes", id="a") == {"id": "a"}
    stage.save(id="b")
    stage.run(on_insert(note))
    assert done == ["a", "b"]


def test_writes_of_another_process_are_handled(tmp_path: Path) -> None:
    # Two databases on one file are to each other what two processes are.
    stage, other = Stage(str(tmp_path / "shop.db")), Stage(str(tmp_path / "shop.db"))
    handled = threading.Event()

    def note(item: dict[str, Any], context: Context) -> None:
        handled.set()

    other.source()
    dispatcher = stage.threaded(on_insert(note))
    other.save(id="a")
    assert handled.wait(SECONDS_MAX)
    other.save(id="b")
    dispatcher.drain(SECONDS_MAX)
    assert dispatcher.stats()["note"].records == 2
    stage.close()
    other.close()


@pytest.mark.parametrize("is_async", [False, True])
def test_two_dispatchers_on_one_file_do_not_both_go_on(tmp_path: Path, is_async: bool) -> None:
    stage, other = Stage(str(tmp_path / "shop.db")), Stage(str(tmp_path / "shop.db"))

    def count(item: dict[str, Any], context: Context) -> None:
        add = {":one": 1}
        context.transaction.update("totals", {"id": "all"}, "ADD n :one", values=add)

    async def count_async(item: dict[str, Any], context: Context) -> None:
        count(item, context)

    function = count_async if is_async else count
    stage.source()
    stage.create("totals")
    zombie = stage.threaded(on_insert(function, name="count"))
    heir = other.threaded(on_insert(function, name="count"))
    for number in range(20):
        stage.save(id=f"i{number}")
    heir.drain(SECONDS_MAX)
    assert stage.load("totals", id="all") == {"id": "all", "n": 20}
    assert heir.stats()["count"].records == 20
    assert zombie.stats()["count"].records == 0
    stage.close()
    other.close()
