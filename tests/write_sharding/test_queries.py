"""Queries of all write shards as one, in order."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

import pelton
from tests.write_sharding.orders import TOPIC, order, reads

if TYPE_CHECKING:
    pass


def test_the_first_items_of_a_query_cost_few_reads(
    app: pelton.App, orders: pelton.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    with orders.batch() as batch:
        for seq in range(500):
            batch.put(order(seq))
    seen = reads(app, monkeypatch)
    found = orders.query("topic = :d", values={":d": TOPIC}, limit=20)
    assert [each["seq"] for each in found] == list(range(20))
    assert sum(count for _, count in seen) <= 70
    seen.clear()
    found = orders.query("topic = :d", values={":d": TOPIC}, limit=20, reverse=True)
    assert [each["seq"] for each in found] == list(range(499, 479, -1))
    assert sum(count for _, count in seen) <= 70


def test_a_query_that_names_the_sort_key_asks_one_shard(
    app: pelton.App, orders: pelton.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders.put(order(3))
    seen = reads(app, monkeypatch)
    found = orders.query("topic = :d AND :n = seq", values={":d": TOPIC, ":n": Decimal("3.0")})
    assert list(found) == [order(3)]
    assert len(seen) == 1


def test_pages_of_all_shards_come_in_one_order(app: pelton.App, orders: pelton.Table) -> None:
    text = "x" * 60_000
    with orders.batch() as batch:
        for seq in range(200):  # 12 MB: more than one page of 1 MB in each of the shards
            batch.put(order(seq, body=text, price=seq % 3))
    condition, values = "topic = :d AND seq >= :n", {":d": TOPIC, ":n": 5, ":t": 1}
    found = orders.query(condition, filter="price = :t", values=values, reverse=True)
    assert [each["seq"] for each in found] == [seq for seq in range(199, 4, -1) if seq % 3 == 1]


def test_a_projection_shows_what_it_names_and_no_more(orders: pelton.Table) -> None:
    for seq in range(20):
        orders.put(order(seq, price=20 - seq, box={"width": seq}))
    ask: dict[str, Any] = {"key_condition": "topic = :d", "values": {":d": TOPIC}}
    found = list(orders.query(**ask, projection="box.width"))
    assert found == [{"box": {"width": seq}} for seq in range(20)]
    found = list(orders.query(**ask, projection="#k, price", names={"#k": "topic"}, limit=2))
    assert found == [{"topic": TOPIC, "price": 20}, {"topic": TOPIC, "price": 19}]
    found = list(orders.query(**ask, projection="seq", index="of-topic-by-price", limit=2))
    assert found == [{"seq": 19}, {"seq": 18}]


def test_one_placeholder_may_stand_for_the_key_and_for_more(app: pelton.App) -> None:
    table = app.table("same", partition_key="one", sort_key="two", write_shards=7)
    table.put({"one": "x", "two": "x", "three": "x"})
    table.put({"one": "x", "two": "y", "three": "y"})
    names = {"#a": "one", "#b": "two", "#c": "three"}
    found = table.query("#a = :v AND #b >= :v", filter="#c = :v", names=names, values={":v": "x"})
    assert list(found) == [{"one": "x", "two": "x", "three": "x"}]


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (int, [Decimal("-1E+30"), -20, -3, 0, Decimal("0.5"), 3, 20, 100, Decimal("1E+30")]),
        (str, ["10", "9", "A", "a", "aa", "ä", "\uffff", "\U0001f600"]),
        (bytes, [b"\x00", b"\x00\x00", b"\x00\xff", b"\x01", b"a", b"\xff"]),
    ],
)
def test_the_order_is_that_of_the_sort_key_s_type(
    app: pelton.App, kind: type, values: list[Any]
) -> None:
    table = app.table("sorted", partition_key="id", sort_key=("seq", kind), write_shards=5)
    for value in reversed(values):
        table.put({"id": "x", "seq": value})
    found = [each["seq"] for each in table.query("id = :x", values={":x": "x"})]
    assert found == values


def test_an_index_with_another_partition_key_is_asked_once(
    app: pelton.App, orders: pelton.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seq in range(30):
        orders.put(order(seq, price=30 - seq, customer="ada" if seq % 2 else "bob"))
    seen = reads(app, monkeypatch)
    found = orders.query("customer = :c", index="of-customer", values={":c": "ada"}, limit=3)
    assert list(found) == [order(seq, price=30 - seq, customer="ada") for seq in (29, 27, 25)]
    assert len(seen) == 1


def test_callers_that_await_are_answered_the_same(orders: pelton.Table) -> None:
    async def story() -> None:
        await asyncio.gather(*(orders.aio.put(order(seq, price=seq % 3)) for seq in range(60)))
        assert await orders.aio.get(order(7)) == order(7, price=1)
        found = orders.aio.query("topic = :d", values={":d": TOPIC}, limit=7, reverse=True)
        assert [each["seq"] async for each in found] == list(range(59, 52, -1))
        found = orders.aio.query(
            "topic = :d", values={":d": TOPIC, ":t": 2}, filter="price = :t", projection="seq"
        )
        assert [each async for each in found] == [{"seq": seq} for seq in range(2, 60, 3)]
        async with orders.aio.batch() as batch:
            for seq in range(60):
                await batch.delete(order(seq))
        assert [each async for each in orders.aio.scan()] == []

    asyncio.run(story())
