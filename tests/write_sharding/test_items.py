"""Single items of a table with write shards, through the face and beneath it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

import pelton
from pelton.server import Server
from tests.conftest import client_of
from tests.write_sharding.orders import TOPIC, order, orders_of, stored_keys

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient


def test_items_are_spread_in_the_file_and_whole_through_the_table(
    app: pelton.App, orders: pelton.Table
) -> None:
    for seq in range(100):
        assert orders.put(order(seq, price=1000 - seq, customer="ada")) is None
    assert stored_keys(app) == {f"{TOPIC}#{number}" for number in range(10)}
    assert orders.get(order(7)) == order(7, price=993, customer="ada")
    assert orders.get(order(100)) is None
    assert [each["seq"] for each in orders.query("topic = :d", values={":d": TOPIC})] == list(
        range(100)
    )
    assert {each["topic"] for each in orders.scan()} == {TOPIC}
    assert {each["topic"] for each in orders.scan(index="of-customer")} == {TOPIC}
    assert orders.describe()["ItemCount"] == 100


def test_writes_give_original_keys_back(orders: pelton.Table) -> None:
    orders.put(order(1, price=5))
    assert orders.put(order(1, price=6), returns="ALL_OLD") == order(1, price=5)
    changed = orders.update(order(1), "ADD price :n", values={":n": 4}, returns="ALL_NEW")
    assert changed == order(1, price=10)
    returned = orders.update(order(1), "ADD price :n", values={":n": 1}, returns="UPDATED_NEW")
    assert returned == {"price": 11}
    assert orders.delete(order(1), returns="ALL_OLD") == order(1, price=11)
    assert orders.delete(order(1), returns="ALL_OLD") is None


def test_a_condition_on_the_key_may_ask_whether_it_exists(orders: pelton.Table) -> None:
    new = "attribute_not_exists(#k)"
    orders.put(order(1), condition=new, names={"#k": "topic"})
    with pytest.raises(pelton.ConditionalCheckFailedException):
        orders.put(order(1), condition=new, names={"#k": "topic"})
    orders.update(
        order(1), "SET note = :n", condition="attribute_exists(topic)", values={":n": "x"}
    )
    with pytest.raises(pelton.ConditionalCheckFailedException):
        orders.delete(order(2), condition="attribute_exists(topic) AND attribute_exists(note)")


@pytest.mark.parametrize(
    "ask",
    [
        lambda table: table.put(order(1), condition="topic = :d", values={":d": TOPIC}),
        lambda table: table.put(order(1), condition="attribute_exists(x) OR size(topic) > :n"),
        lambda table: table.delete(order(1), condition="#k IN (:d)", names={"#k": "topic"}),
        lambda table: table.update(order(1), "SET copied = topic"),
        lambda table: table.update(order(1), "SET copied = if_not_exists(topic, :d)"),
        lambda table: list(table.scan(filter="begins_with(topic, :d)", values={":d": TOPIC})),
        lambda table: list(table.query("customer = :c", filter="topic = :d", index="of-customer")),
    ],
)
def test_an_expression_may_not_ask_for_the_value_of_the_key(
    orders: pelton.Table, ask: Callable[[pelton.Table], Any]
) -> None:
    with pytest.raises(ValueError, match="may ask whether 'topic' exists, not for its value"):
        ask(orders)
    assert list(orders.scan()) == []


@pytest.mark.parametrize(
    "key",
    [
        {"seq": 1},
        {"topic": TOPIC},
        {"topic": "", "seq": 1},
        {"topic": 5, "seq": 1},
        order(1, more=1),
    ]
    + [{"topic": TOPIC, "seq": "1"}, {"topic": TOPIC, "seq": [1]}],
)
@pytest.mark.parametrize("verb", ["get", "delete", "put"])
def test_a_wrong_key_is_refused_in_the_words_for_other_tables(
    app: pelton.App, orders: pelton.Table, verb: str, key: dict[str, Any]
) -> None:
    plain = orders_of(app, "plain")
    refusals = []
    for table in (orders, plain):
        if verb == "put" and "more" in key:
            key = {"topic": TOPIC, "seq": 1, "price": "not a number"}
        with pytest.raises(pelton.ValidationException) as caught:
            getattr(table, verb)(key)
        refusals.append(str(caught.value))
    assert refusals[0] == refusals[1]


@pytest.mark.parametrize(
    "query",
    [
        {"key_condition": "seq = :n", "values": {":n": 1}},
        {"key_condition": "topic > :d", "values": {":d": TOPIC}},
        {"key_condition": "topic = :d", "values": {":d": 5}},
        {"key_condition": "topic = :d AND", "values": {":d": TOPIC}},
        {"key_condition": "topic = :d", "values": {":d": TOPIC, ":e": TOPIC}},
        {"key_condition": "topic = :d", "values": {":d": TOPIC}, "filter": "seq > :d"},
        {"key_condition": "topic = :d", "values": {":d": TOPIC}, "filter": "note >"},
        {"key_condition": "topic = :d", "values": {":d": TOPIC}, "projection": "seq, seq"},
        {"key_condition": "topic = :d", "values": {":d": TOPIC}, "index": "unknown"},
        {"key_condition": "topic = :d", "values": {":d": TOPIC}, "limit": 0},
        {"key_condition": "topic = :d AND seq > :d", "values": {":d": TOPIC}},
    ],
)
def test_a_wrong_query_is_refused_in_the_words_for_other_tables(
    app: pelton.App, orders: pelton.Table, query: dict[str, Any]
) -> None:
    refusals = []
    for table in (orders, orders_of(app, "plain")):
        with pytest.raises(pelton.ValidationException) as caught:
            list(table.query(**query))
        refusals.append(str(caught.value))
    assert refusals[0] == refusals[1]


def test_other_clients_see_stored_keys_and_can_compute_them(
    app: pelton.App, orders: pelton.Table
) -> None:
    for seq in range(20):
        orders.put(order(seq))
    with Server(app.database, port=0) as server:
        client: DynamoDBClient = client_of("dynamodb", server.url)
        key = f"{TOPIC}#{int(hashlib.sha256(b'7').hexdigest()[:16], 16) % 10}"
        found = client.get_item(TableName="orders", Key={"topic": {"S": key}, "seq": {"N": "7"}})
        assert found["Item"] == {"topic": {"S": key}, "seq": {"N": "7"}}
        assert orders.stored_key(order(7)) == orders.stored_item(order(7)) == order(7, topic=key)
        assert orders.original({"topic": key, "seq": 7}) == order(7)
        client.put_item(
            TableName="orders", Item={"topic": {"S": key}, "seq": {"N": "7"}, "note": {"S": "x"}}
        )
        assert orders.get(order(7)) == order(7, note="x")
        arn = client.describe_table(TableName="orders")["Table"]["TableArn"]
        tags = client.list_tags_of_resource(ResourceArn=arn)["Tags"]
        assert tags == [{"Key": "pelton:write-shards", "Value": "10 by sort_key"}]
        client.close()


def test_an_item_put_elsewhere_without_a_shard_is_shown_as_it_is(
    app: pelton.App, orders: pelton.Table
) -> None:
    app.call("PutItem", {"TableName": "orders", "Item": {"topic": {"S": "a#b"}, "seq": {"N": "1"}}})
    assert list(orders.scan()) == [{"topic": "a#b", "seq": 1}]
