"""The app: tables declared, handlers registered, started, drained, stopped and started again."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

import pelton

BOTH = "NEW_AND_OLD_IMAGES"


def test_handlers_of_every_kind_get_what_they_ask_for() -> None:
    app = pelton.App()
    users = app.table("users", partition_key="user_id", stream="NEW_AND_OLD_IMAGES")
    calls: list[tuple[str, Any]] = []

    @app.on_insert(users)
    def inserted(item: pelton.Item, context: pelton.Context) -> None:
        calls.append(("insert", item))

    @app.on_modify(users)
    def modified(change: pelton.RecordChange, context: pelton.Context) -> None:
        calls.append(("modify", (change.old, change.new)))

    @app.on_remove(users)
    def removed(item: pelton.Item, context: pelton.Context) -> None:
        calls.append(("remove", item))

    @app.on_change(users)
    def changed(change: pelton.RecordChange, context: pelton.Context) -> None:
        calls.append(("change", (change.event, change.keys)))

    @app.on_stream(users)
    def streamed(event: dict[str, Any], context: pelton.Context) -> None:
        calls.extend(("stream", each["eventName"]) for each in event["Records"])

    with app:
        users.put({"user_id": "u1", "n": 1})
        users.put({"user_id": "u1", "n": 2})
        users.delete({"user_id": "u1"})
        app.drain()

    by_kind = {kind: [got for each, got in calls if each == kind] for kind, _ in calls}
    first, second = {"user_id": "u1", "n": 1}, {"user_id": "u1", "n": 2}
    assert by_kind == {
        "insert": [first],
        "modify": [(first, second)],
        "remove": [second],
        "change": [(event, {"user_id": "u1"}) for event in ("INSERT", "MODIFY", "REMOVE")],
        "stream": ["INSERT", "MODIFY", "REMOVE"],
    }


def test_decorators_give_the_function_back_unchanged() -> None:
    app = pelton.App()
    app.table("users", partition_key="user_id", stream="NEW_AND_OLD_IMAGES")

    def function(event: Any, context: Any) -> str:
        return "called"

    assert app.on_stream("users", batch_size=5)(function) is function
    assert function(None, None) == "called"
    app.close()


def test_positions_are_kept_under_the_name_of_the_handler(tmp_path: Path) -> None:
    seen: list[str] = []

    def open_app() -> tuple[pelton.App, pelton.Table]:
        app = pelton.App(tmp_path / "shop.db")
        users = app.table("users", partition_key="user_id", stream="NEW_AND_OLD_IMAGES")

        @app.on_insert(users, name="greeter")
        def greet(user: pelton.Item, context: pelton.Context) -> None:
            seen.append(user["user_id"])

        return app, users

    for user_id in ("u1", "u2"):
        app, users = open_app()
        with app:
            users.put({"user_id": user_id})
            app.drain()
    assert seen == ["u1", "u2"]


def test_an_app_can_be_stopped_and_started_again() -> None:
    app = pelton.App()
    users = app.table("users", partition_key="user_id", stream="NEW_IMAGE")
    seen: list[str] = []
    app.on_insert(users, name="greeter")(lambda user, context: seen.append(user["user_id"]))
    with app:
        app.stop()
        users.put({"user_id": "u1"})
        assert seen == []
        app.start()
        app.drain()
        assert seen == ["u1"]


def test_a_handlers_transaction_derives_a_table_with_handlers_of_its_own() -> None:
    app = pelton.App()
    orders = app.table("orders", partition_key="order_id", stream="NEW_AND_OLD_IMAGES")
    totals = app.table("totals", partition_key="customer", stream="NEW_AND_OLD_IMAGES")
    announced: list[int] = []

    @app.on_insert(orders)
    def total(order: pelton.Item, context: pelton.Context) -> None:
        key = {"customer": order["customer"]}
        context.transaction.update(totals, key, "ADD amount :a", values={":a": order["amount"]})

    @app.on_change(totals)
    def announce(change: pelton.RecordChange, context: pelton.Context) -> None:
        assert change.new is not None
        announced.append(change.new["amount"])

    with app:
        for number in range(20):
            orders.put({"order_id": str(number), "customer": "Ada", "amount": 5})
        app.drain()
        assert totals.get({"customer": "Ada"}) == {"customer": "Ada", "amount": 100}
    assert announced == sorted(announced)
    assert announced[-1] == 100


def test_coroutine_handlers_run_on_the_loop_of_async_with() -> None:
    app = pelton.App()
    users = app.table("users", partition_key="user_id", stream="NEW_IMAGE")
    loops: list[asyncio.AbstractEventLoop] = []

    @app.on_insert(users)
    async def greet(user: pelton.Item, context: pelton.Context) -> None:
        await asyncio.sleep(0)
        loops.append(asyncio.get_running_loop())

    async def story() -> asyncio.AbstractEventLoop:
        async with app:
            await users.aio.put({"user_id": "u1"})
            await app.aio.drain()
            assert await app.aio.call("ListTables", {}) == {"TableNames": ["users"]}
        return asyncio.get_running_loop()

    loop = asyncio.run(story())
    assert loops == [loop]


def test_coroutine_handlers_run_without_a_loop_of_the_caller_too() -> None:
    app = pelton.App()
    users = app.table("users", partition_key="user_id", stream="NEW_IMAGE")
    threads: list[int] = []

    @app.on_insert(users)
    async def greet(user: pelton.Item, context: pelton.Context) -> None:
        await asyncio.sleep(0)
        threads.append(threading.get_ident())

    with app:
        users.put({"user_id": "u1"})
        app.drain()
    assert threads and threads[0] != threading.get_ident()


def test_stats_tell_what_each_handler_did() -> None:
    app = pelton.App()
    users = app.table("users", partition_key="user_id", stream="NEW_IMAGE")
    app.on_insert(users, name="greeter")(lambda user, context: None)
    with app:
        for number in range(10):
            users.put({"user_id": str(number)})
        app.drain()
        stats = app.stats()
    assert list(stats) == ["greeter"]
    assert stats["greeter"].records == 10
    assert stats["greeter"].dead_letters == 0


# --- declarations ------------------------------------------------------------------------------


def test_a_table_is_verified_when_it_exists(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    index = pelton.Index("by-email", partition_key="email", projection="KEYS_ONLY")
    for _ in range(2):
        app = pelton.App(path)
        app.table("users", partition_key="id", stream="NEW_IMAGE", indexes=[index])
        app.close()


@pytest.mark.parametrize(
    ("declaration", "message"),
    [
        ({"partition_key": "other"}, r"keys \['id \(S\)'\], not \['other \(S\)'\]"),
        ({"partition_key": ("id", int)}, r"keys \['id \(S\)'\], not \['id \(N\)'\]"),
        ({"partition_key": "id", "sort_key": "at"}, r"keys \['id \(S\)'\], not"),
        ({"partition_key": "id", "stream": BOTH}, "stream view KEYS_ONLY, not NEW_AND_OLD_IMAGES"),
        (
            {"partition_key": "id", "indexes": [pelton.Index("by-name", partition_key="name")]},
            "indexes {}, not {'by-name'",
        ),
    ],
)
def test_a_table_that_is_not_as_declared_is_refused(
    declaration: dict[str, Any], message: str
) -> None:
    app = pelton.App()
    app.table("users", partition_key="id", stream="KEYS_ONLY")
    with pytest.raises(ValueError, match=message):
        app.table("users", **declaration)
    app.close()


def test_an_index_may_have_several_attributes_in_its_keys() -> None:
    app = pelton.App()
    index = pelton.Index(
        "matches", partition_key=["cup", "area"], sort_key=[("round", int), "bracket"]
    )
    matches = app.table("matches", partition_key="id", indexes=[index])
    for number, bracket in enumerate(["upper", "lower"]):
        matches.put(
            {"id": str(number), "cup": "winter", "area": "east", "round": 9, "bracket": bracket}
        )
    found = matches.query(
        "cup = :c AND area = :a AND #r = :r",
        index="matches",
        names={"#r": "round"},
        values={":c": "winter", ":a": "east", ":r": 9},
    )
    assert [item["id"] for item in found] == ["1", "0"]
    app.table("matches", partition_key="id", indexes=[index])
    other = pelton.Index(
        "matches", partition_key=["cup", "area", ("round", int)], sort_key="bracket"
    )
    with pytest.raises(ValueError, match="indexes"):
        app.table("matches", partition_key="id", indexes=[other])
    app.close()


def test_an_existing_table_gets_the_stream_it_is_declared_with() -> None:
    app = pelton.App()
    app.table("users", partition_key="id")
    assert app.table("users", partition_key="id", stream="NEW_IMAGE").stream_arn is not None
    assert app.table("users", partition_key="id").stream_arn is not None
    app.close()


def test_keys_may_be_text_numbers_or_bytes_and_nothing_else() -> None:
    app = pelton.App()
    table = app.table("facts", partition_key=("id", bytes), sort_key=("at", "N"))
    table.put({"id": b"\x01", "at": 1.5})
    assert len(list(table.query("id = :id", values={":id": b"\x01"}))) == 1
    with pytest.raises(TypeError, match="a key is str, int, Decimal or bytes"):
        app.table("other", partition_key=("id", list))
    app.close()


@pytest.mark.parametrize(
    ("register", "stream", "message"),
    [
        ("on_insert", None, "has no stream"),
        ("on_stream", None, "has no stream"),
        ("on_insert", "OLD_IMAGE", "has a stream of OLD_IMAGE"),
        ("on_remove", "NEW_IMAGE", "has a stream of NEW_IMAGE"),
    ],
)
def test_a_handler_needs_a_stream_that_shows_its_images(
    register: str, stream: Any, message: str
) -> None:
    app = pelton.App()
    table = app.table("users", partition_key="id", stream=stream)
    with pytest.raises(ValueError, match=message):
        getattr(app, register)(table, name="greeter")(lambda event, context: None)
    app.close()


def test_two_handlers_of_one_name_are_refused() -> None:
    app = pelton.App()
    table = app.table("users", partition_key="id", stream="NEW_IMAGE")
    app.on_insert(table, name="greeter")(lambda user, context: None)
    with pytest.raises(ValueError, match="there is a handler 'greeter' already"):
        app.on_stream(table, name="greeter")(lambda event, context: None)
    app.close()


def test_handlers_are_registered_before_the_start() -> None:
    app = pelton.App()
    table = app.table("users", partition_key="id", stream="NEW_IMAGE")
    with app, pytest.raises(RuntimeError, match="before the app is started"):
        app.on_insert(table)(print)


def test_an_app_is_started_once_and_drained_only_when_started() -> None:
    app = pelton.App()
    with pytest.raises(RuntimeError, match="not started"):
        app.drain()
    with app, pytest.raises(RuntimeError, match="started already"):
        app.start()


def test_an_app_that_cannot_start_lets_go_of_its_file(tmp_path: Path) -> None:
    app = pelton.App(tmp_path / "shop.db")
    users = app.table("users", partition_key="id", stream="NEW_IMAGE")
    app.on_insert(users, name="greeter")(lambda user, context: None)
    app.call("UpdateTable", {"TableName": "users", "StreamSpecification": {"StreamEnabled": False}})
    app.table("users", partition_key="id", stream="OLD_IMAGE")
    with pytest.raises(ValueError, match="greeter"), app:
        pass
    with pytest.raises(pelton.PeltonError, match="closed"):
        app.call("ListTables", {})


def test_blocking_calls_are_refused_on_the_loop_of_the_handlers() -> None:
    app = pelton.App()

    async def story() -> None:
        async with app:
            for blocking in (app.stop, app.close, app.drain):
                with pytest.raises(RuntimeError, match="await app.aio"):
                    blocking()

    asyncio.run(story())


# --- the package -------------------------------------------------------------------------------


def test_the_package_gives_every_name_it_lists() -> None:
    assert all(getattr(pelton, name) is not None for name in pelton.__all__)
    assert set(pelton.__all__) <= set(dir(pelton))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = pelton.nothing
