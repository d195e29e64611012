"""Handlers controlled through the app that runs them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

import pelton
from pelton.handlers.errors import NotCaughtUpError, UnknownMappingError

SECONDS_MAX = 60.0


@pytest.fixture
def app() -> Iterator[pelton.App]:
    with_tables = pelton.App()
    with_tables.table("orders", partition_key="id", stream="NEW_AND_OLD_IMAGES")
    yield with_tables
    with_tables.close()


def test_pause_rewind_skip_resume(app: pelton.App) -> None:
    orders = app.table("orders", partition_key="id")
    ids: list[str] = []

    @app.on_insert("orders")
    def note(item: dict[str, Any], context: Any) -> None:
        ids.append(item["id"])

    app.start()
    orders.put({"id": "a"})
    app.drain(SECONDS_MAX)
    mapping = app.mapping("note")
    mapping.pause()
    assert mapping.is_paused
    orders.put({"id": "b"})
    app.drain(SECONDS_MAX)
    assert ids == ["a"]
    mapping.resume()
    app.drain(SECONDS_MAX)
    assert ids == ["a", "b"]
    assert sum(each.records for each in mapping.rewind(dry_run=True)) == 2
    mapping.rewind()
    app.drain(SECONDS_MAX)
    assert sorted(ids) == ["a", "a", "b", "b"]
    mapping.pause()
    orders.put({"id": "c"})
    assert sum(each.records for each in mapping.skip()) == 1
    mapping.resume()
    app.drain(SECONDS_MAX)
    assert sorted(ids) == ["a", "a", "b", "b"]


def test_a_pause_waits_for_the_call_that_runs(app: pelton.App) -> None:
    begun, may_end, ids = threading.Event(), threading.Event(), []

    @app.on_insert("orders")
    def slow(item: dict[str, Any], context: Any) -> None:
        begun.set()
        assert may_end.wait(SECONDS_MAX)
        ids.append(item["id"])

    app.start()
    app.table("orders", partition_key="id").put({"id": "a"})
    assert begun.wait(SECONDS_MAX)
    threading.Timer(0.01, may_end.set).start()
    app.mapping("slow").pause()
    assert ids == ["a"], "the call has ended when the pause begins"
    app.mapping("slow").resume()
    app.drain(SECONDS_MAX)
    assert ids == ["a"], "and it counted"


def test_a_handler_may_pause_itself(app: pelton.App) -> None:
    ids = []

    @app.on_insert("orders")
    def once(item: dict[str, Any], context: Any) -> None:
        ids.append(item["id"])
        app.mapping("once").pause()

    app.start()
    orders = app.table("orders", partition_key="id")
    orders.put({"id": "a"})
    app.drain(SECONDS_MAX)
    orders.put({"id": "b"})
    app.drain(SECONDS_MAX)
    assert ids == ["a"]
    assert app.mapping("once").is_paused


def test_a_version_is_rebuilt_beside_the_old_one_and_takes_its_place(app: pelton.App) -> None:
    orders = app.table("orders", partition_key="id")
    for number in range(3):
        orders.put({"id": f"{number}"})
    totals = {version: app.table(f"totals{version}", partition_key="id") for version in (1, 2)}

    @app.on_change("orders", name="totals")
    def first(change: Any, context: Any) -> None:
        context.transaction.update(totals[1], {"id": "all"}, "ADD n :one", values={":one": 1})

    @app.on_change("orders", name="totals", version="2", start="beginning", enabled=False)
    def second(change: Any, context: Any) -> None:
        context.transaction.update(totals[2], {"id": "all"}, "ADD n :two", values={":two": 2})

    app.start()
    app.drain(SECONDS_MAX)
    with pytest.raises(UnknownMappingError):
        app.mapping("totals@2").replace("totals")
    app.dispatcher.replace(
        pelton.handlers.EventSourceMapping(
            app.dispatcher.mappings["totals@2"].handler,
            "orders",
            version="2",
            start="beginning",
        )
    )
    app.drain(SECONDS_MAX)
    app.mapping("totals@2").pause()
    orders.put({"id": "later"})
    app.drain(SECONDS_MAX)
    with pytest.raises(NotCaughtUpError):
        app.mapping("totals@2").replace("totals")
    app.mapping("totals@2").resume()
    app.drain(SECONDS_MAX)
    app.mapping("totals@2").replace("totals")
    orders.put({"id": "last"})
    app.drain(SECONDS_MAX)
    assert totals[1].get({"id": "all"}) == {"id": "all", "n": 4}
    assert totals[2].get({"id": "all"}) == {"id": "all", "n": 10}
    assert set(app.stats()) == {"totals@2"}
    with pytest.raises(UnknownMappingError):
        app.mapping("totals").pause()


def test_forgetting_begins_anew(app: pelton.App) -> None:
    ids: list[str] = []

    @app.on_insert("orders")
    def note(item: dict[str, Any], context: Any) -> None:
        ids.append(item["id"])

    app.start()
    app.table("orders", partition_key="id").put({"id": "a"})
    app.drain(SECONDS_MAX)
    app.mapping("note").forget()
    app.drain(SECONDS_MAX)
    assert ids == ["a", "a"]
