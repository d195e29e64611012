"""A table with write shards answers as one without."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

import pelton
from tests.write_sharding.orders import orders_of

if TYPE_CHECKING:
    pass


KEYS = st.builds(
    lambda topic, seq: {"topic": topic, "seq": seq},
    st.sampled_from(["a", "b", "a#1"]),
    st.integers(0, 12),
)
PRICES = st.integers(0, 5)
WRITES = st.one_of(
    st.tuples(st.just("put"), KEYS, PRICES),
    st.tuples(st.just("update"), KEYS, PRICES),
    st.tuples(st.just("delete"), KEYS, PRICES),
    st.tuples(st.just("batch"), KEYS, PRICES),
)
SORTS = st.sampled_from(["seq", "price"])
RANGES = st.sampled_from(
    ["", " AND #s > :low", " AND #s <= :low", " AND #s BETWEEN :low AND :high"]
)
FILTERS = st.sampled_from([None, "price > :t", "attribute_not_exists(price)", "updated = :yes"])
QUERIES = st.fixed_dictionaries(
    {
        "index": st.sampled_from([None, "by-price", "of-topic-by-price"]),
        "topic": st.sampled_from(["a", "b", "a#1", "none"]),
        "range": RANGES,
        "low": st.integers(0, 6),
        "width": st.integers(0, 6),
        "filter": FILTERS,
        "reverse": st.booleans(),
        "limit": st.one_of(st.none(), st.integers(1, 9)),
        "projection": st.sampled_from([None, "#d", "updated, price"]),
    }
)


def written(table: pelton.Table, write: tuple[str, dict[str, Any], int]) -> Any:
    verb, key, price = write
    if verb == "put":
        item = {**key, "price": price} if price else key
        return table.put(item, returns="ALL_OLD")
    if verb == "update":
        expression = "ADD price :t SET updated = :yes"
        given = {":t": price, ":yes": True}
        return table.update(key, expression, values=given, returns="ALL_NEW")
    if verb == "delete":
        return table.delete(key, returns="ALL_OLD")
    with table.batch() as batch:
        batch.put({**key, "price": price})
        batch.delete({**key, "seq": price})
    return None


def query_of(wanted: dict[str, Any]) -> dict[str, Any]:
    """The arguments of `Table.query` with those names and values that its expressions speak of."""
    index, filter = wanted["index"], wanted["filter"]
    if index is not None and "price" in (filter or ""):
        filter = None  # a filter may not speak of the key that is queried
    text = "#d = :topic" + wanted["range"]
    said = " ".join(each for each in (text, filter, wanted["projection"]) if each).split()
    low = wanted["low"]
    names = {"#d": "topic", "#s": "seq" if index is None else "price"}
    values = {":topic": wanted["topic"], ":low": low, ":high": low + wanted["width"]}
    values |= {":t": 2, ":yes": True}
    return {
        "key_condition": text,
        "filter": filter,
        **{name: wanted[name] for name in ("index", "reverse", "limit", "projection")},
        "names": {name: each for name, each in names.items() if name in said},
        "values": {name: each for name, each in values.items() if name in said},
    }


@settings(max_examples=60, deadline=None)
@given(
    st.lists(WRITES, max_size=40),
    st.lists(QUERIES, min_size=1, max_size=8),
    st.sampled_from([2, 3, 10]),
)
def test_a_table_with_write_shards_answers_as_one_without(
    writes: list[tuple[str, dict[str, Any], int]], queries: list[dict[str, Any]], count: int
) -> None:
    with pelton.App(":memory:") as app:
        plain, spread = orders_of(app, "plain"), orders_of(app, "spread", write_shards=count)
        for write in writes:
            assert written(spread, write) == written(plain, write)
            assert spread.get(write[1]) == plain.get(write[1])
        for wanted in map(query_of, queries):
            assert list(spread.query(**wanted)) == list(plain.query(**wanted))
        assert by_key(spread.scan()) == by_key(plain.scan())


def by_key(items: Iterator[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(items, key=lambda item: (item["topic"], item["seq"]))
