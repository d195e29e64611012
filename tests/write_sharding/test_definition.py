"""Which tables can have write shards, and that they keep them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import pelton
from pelton import WriteShards
from tests.write_sharding.orders import orders_of

if TYPE_CHECKING:
    pass


def test_a_table_keeps_its_write_shards_with_it(app: pelton.App, orders: pelton.Table) -> None:
    assert orders_of(app, write_shards=WriteShards(10)).write_shards == orders.write_shards
    for other, asked in (
        (None, "none"),
        (20, "20 by sort_key"),
        (WriteShards(10, by="random"), "10 by random"),
        (WriteShards(10, separator="."), "10 by sort_key behind ."),
    ):
        with pytest.raises(
            ValueError, match=f"exists with write shards 10 by sort_key, not {asked}:"
        ):
            orders_of(app, write_shards=other)
    orders_of(app, "plain")
    with pytest.raises(ValueError, match="exists with write shards none, not 10 by sort_key"):
        orders_of(app, "plain", write_shards=10)


def test_any_name_of_an_attribute_may_be_kept(app: pelton.App) -> None:
    shards = WriteShards(3, by="who did it? #1 ö~", separator=" / ")
    for _ in range(2):
        table = app.table("odd", partition_key="a", sort_key="b", write_shards=shards)
    table.put({"a": "x", "b": "y", shards.by: "me"})
    assert table.get({"a": "x", "b": "y"}) == {"a": "x", "b": "y", shards.by: "me"}


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"partition_key": ("n", int), "sort_key": "s"}, "only str keys can have write shards"),
        ({"partition_key": "p"}, "one item a key"),
        (
            {"partition_key": "p", "sort_key": "s", "write_shards": WriteShards(2, by="p")},
            "its key",
        ),
        (
            {
                "partition_key": "p",
                "sort_key": "s",
                "indexes": [pelton.Index("i", partition_key="x", sort_key="p")],
            },
            "index 'i' cannot have 'p' beside other attributes",
        ),
        (
            {
                "partition_key": "p",
                "sort_key": "s",
                "indexes": [pelton.Index("i", partition_key=["p", "x"])],
            },
            "index 'i' cannot have 'p' beside other attributes",
        ),
    ],
)
def test_a_table_whose_keys_cannot_be_spread_is_refused(
    app: pelton.App, keys: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        app.table("refused", **{"write_shards": 10, **keys})
    assert app.call("ListTables", {})["TableNames"] == []


def test_an_index_made_elsewhere_with_the_key_in_it_is_not_queried(
    app: pelton.App, orders: pelton.Table
) -> None:
    key_schema = [
        {"AttributeName": "customer", "KeyType": "HASH"},
        {"AttributeName": "topic", "KeyType": "RANGE"},
    ]
    created = {
        "IndexName": "foreign",
        "KeySchema": key_schema,
        "Projection": {"ProjectionType": "ALL"},
    }
    definitions = [{"AttributeName": name, "AttributeType": "S"} for name in ("customer", "topic")]
    app.call(
        "UpdateTable",
        {
            "TableName": "orders",
            "AttributeDefinitions": definitions,
            "GlobalSecondaryIndexUpdates": [{"Create": created}],
        },
    )
    with pytest.raises(ValueError, match="index 'foreign' cannot be queried here"):
        list(orders.query("customer = :c", values={":c": "ada"}, index="foreign"))
