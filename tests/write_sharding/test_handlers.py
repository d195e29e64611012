"""Handlers of tables with write shards, and their transactions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

import pelton
from tests.write_sharding.orders import fact, order, orders_of

if TYPE_CHECKING:
    pass


def test_handlers_are_called_with_original_keys(app_file: Callable[[], pelton.App]) -> None:
    app = app_file()
    orders = orders_of(app, write_shards=10, stream="NEW_AND_OLD_IMAGES")
    seen: list[tuple[str, Any]] = []

    @app.on_insert(orders)
    def inserted(item: Any, context: Any) -> None:
        seen.append(("insert", item))

    @app.on_remove(orders)
    async def removed(item: Any, context: Any) -> None:
        seen.append(("remove", item))

    @app.on_modify(orders)
    async def modified(change: pelton.RecordChange, context: Any) -> None:
        seen.append(("modify", (change.keys, change.old, change.new, repr(change))))

    @app.on_change(orders, name="any")
    def changed(change: pelton.RecordChange, context: Any) -> None:
        seen.append((change.event, change.keys))

    @app.on_stream(orders)
    def streamed(event: Any, context: Any) -> None:
        for record in event["Records"]:
            seen.append(("stream", record["dynamodb"]["Keys"]["topic"]["S"]))

    with app:
        orders.put(order(1))
        app.drain(30)
        orders.put(order(1, note="x"))
        app.drain(30)
        orders.delete(order(1))
        app.drain(30)
    stored = orders.stored_key(order(1))["topic"]
    shown = f"<RecordChange MODIFY orders {order(1)}>"
    assert [each for each in seen if each[0] == "stream"] == [("stream", stored)] * 3
    assert [each for each in seen if each[0].isupper()] == [
        (event, order(1)) for event in ("INSERT", "MODIFY", "REMOVE")
    ]
    assert [each for each in seen if each[0] in ("insert", "modify", "remove")] == [
        ("insert", order(1)),
        ("modify", (order(1), order(1), order(1, note="x"), shown)),
        ("remove", order(1, note="x")),
    ]


def test_a_handler_s_transaction_writes_and_reads_original_keys(
    app_file: Callable[[], pelton.App],
) -> None:
    app = app_file()
    source = app.table("source", partition_key="id", stream="NEW_IMAGE")
    orders = orders_of(app, write_shards=10)
    found: list[Any] = []

    @app.on_insert(source)
    def derived(item: Any, context: pelton.Context) -> None:
        writes = context.transaction
        writes.put(orders, order(1, price=1))
        writes.update(orders, order(1), "ADD price :n", values={":n": item["n"]})
        writes.delete(orders, order(2))
        found.append((writes.get(orders, order(1)), writes.get(orders, order(2))))
        found.append(writes.get("orders", orders.stored_key(order(1))))

    with app:
        orders.put(order(2))
        source.put({"id": "x", "n": 5})
        app.drain(30)
        assert list(orders.scan()) == [order(1, price=6)]
        assert found == [(order(1, price=6), None), orders.stored_item(order(1, price=6))]


def test_a_handler_s_transaction_refuses_what_the_table_refuses(
    app_file: Callable[[], pelton.App],
) -> None:
    app = app_file()
    source = app.table("source", partition_key="id", stream="NEW_IMAGE")
    orders = orders_of(app, write_shards=10)
    shards = pelton.WriteShards(10, by="random")
    facts = app.table("facts", partition_key="topic", sort_key="seq", write_shards=shards)
    refused: list[str] = []

    @app.on_insert(source)
    def derived(item: Any, context: pelton.Context) -> None:
        writes = context.transaction
        attempts: list[Callable[[], None]] = [
            lambda: writes.update(orders, order(1), "SET copied = topic"),
            lambda: writes.update(orders, order(1), "SET copied = #k", names={"#k": "topic"}),
            lambda: writes.update(facts, fact("1"), "SET note = :n", values={":n": 1}),
            lambda: writes.delete(facts, fact("1")),
        ]
        for write in attempts:
            with pytest.raises(ValueError, match="write shard|look for its item") as caught:
                write()
            refused.append(str(caught.value))
        writes.put(facts, fact("1"))

    with app:
        source.put({"id": "x"})
        app.drain(30)
        assert len(refused) == 4
        assert facts.get(fact("1")) == fact("1")


@pytest.fixture
def app_file() -> Iterator[Callable[[], pelton.App]]:
    """Makes an app that is not started, as handlers want it; it is closed after the test."""
    made: list[pelton.App] = []

    def make() -> pelton.App:
        made.append(pelton.App(":memory:"))
        return made[-1]

    yield make
    for each in made:
        each.close()
