"""Shards that do not follow from the key: drawn, or following from another attribute."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

import pelton
from pelton import WriteShards
from tests.write_sharding.orders import TOPIC, fact, reads, stored_keys

if TYPE_CHECKING:
    pass


@pytest.fixture
def facts(app: pelton.App) -> pelton.Table:
    shards = WriteShards(10, by="random")
    return app.table("facts", partition_key="topic", sort_key="seq", write_shards=shards)


def test_a_random_shard_is_drawn_for_a_put_and_found_for_all_else(
    app: pelton.App, facts: pelton.Table
) -> None:
    names = [f"{number:02d}" for number in range(60)]
    with facts.batch() as batch:
        for name in names[:50]:
            batch.put(fact(name))
    for name in names[50:]:
        facts.put(fact(name))
    assert len(stored_keys(app, "facts")) > 5
    assert [each["seq"] for each in facts.query("topic = :d", values={":d": TOPIC})] == names
    assert facts.get(fact("17")) == fact("17")
    assert facts.get(fact("17"), projection="nothing") == {}
    assert facts.get(fact("none")) is None
    changed = facts.update(fact("17"), "SET note = :n", values={":n": "x"}, returns="ALL_NEW")
    assert changed == facts.get(fact("17")) == fact("17", note="x")
    assert facts.delete(fact("17"), returns="ALL_OLD") == fact("17", note="x")
    assert facts.delete(fact("17"), returns="ALL_OLD") is None
    with pytest.raises(pelton.ConditionalCheckFailedException):
        facts.delete(fact("17"), condition="attribute_exists(seq)")


def test_callers_that_await_find_random_shards_too(facts: pelton.Table) -> None:
    async def story() -> None:
        await asyncio.gather(*(facts.aio.put(fact(str(number))) for number in range(20)))
        assert await facts.aio.get(fact("3")) == fact("3")
        await facts.aio.update(fact("3"), "SET note = :n", values={":n": "x"})
        assert await facts.aio.delete(fact("3"), returns="ALL_OLD") == fact("3", note="x")
        assert await facts.aio.get(fact("3")) is None
        with pytest.raises(LookupError, match="put it first"):
            await facts.aio.update(fact("3"), "SET note = :n", values={":n": "x"})

    asyncio.run(story())


def test_a_write_finds_an_item_that_reads_may_not_see_yet(
    app: pelton.App, facts: pelton.Table
) -> None:
    app.strictness = pelton.Strictness(stale_ms=60_000)
    facts.put(fact("1"))
    assert facts.get(fact("1")) is None
    facts.update(fact("1"), "SET note = :n", values={":n": "x"})
    assert facts.get(fact("1"), consistent=True) == fact("1", note="x")
    assert facts.delete(fact("1"), returns="ALL_OLD") == fact("1", note="x")


def test_what_a_shard_that_is_not_known_cannot_do_is_refused(facts: pelton.Table) -> None:
    with pytest.raises(LookupError, match="put it first; there is none with .*'seq': '1'"):
        facts.update(fact("1"), "SET note = :n", values={":n": "x"})
    with pytest.raises(ValueError, match="its write shard is drawn at random"):
        facts.put(fact("1"), condition="attribute_not_exists(topic)")
    with pytest.raises(ValueError, match="drawn at random; use the table's own"):
        facts.batch().delete(fact("1"))
    with pytest.raises(ValueError, match="drawn at random; use the table's own"):
        facts.stored_key(fact("1"))


def test_a_key_that_stands_in_two_shards_is_told_of(app: pelton.App, facts: pelton.Table) -> None:
    for key in (f"{TOPIC}#3", f"{TOPIC}#7"):
        app.call(
            "PutItem", {"TableName": "facts", "Item": {"topic": {"S": key}, "seq": {"S": "1"}}}
        )
    told = "hold.* an item of one key: {'topic': 'launch', 'seq': '1'}"
    with pytest.raises(pelton.PeltonError, match=f"shards 3 and 7 of 'facts' {told}"):
        facts.get(fact("1"))
    with pytest.raises(pelton.PeltonError, match="shards 3 and 7"):
        facts.delete(fact("1"))
    with pytest.raises(pelton.PeltonError, match=f"two write shards {told}"):
        list(facts.query("topic = :d", values={":d": TOPIC}))


@pytest.fixture
def visits(app: pelton.App) -> pelton.Table:
    shards = WriteShards(10, by="visitor", separator=".")
    return app.table("visits", partition_key="topic", sort_key="seq", write_shards=shards)


def test_a_shard_may_follow_from_another_attribute(
    app: pelton.App, visits: pelton.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(30):
        visits.put(fact(f"{number:02d}", visitor=f"v{number % 20}"))
    for item in app.call("Scan", {"TableName": "visits"})["Items"]:
        stored = visits.write_shards.calculated(TOPIC, item["visitor"]["S"])  # type: ignore[union-attr]
        assert item["topic"] == {"S": stored}
    found = visits.query("topic = :d", values={":d": TOPIC}, limit=3)
    assert [each["seq"] for each in found] == ["00", "01", "02"]
    seen = reads(app, monkeypatch)
    assert visits.get(fact("05", visitor="v5")) == fact("05", visitor="v5")
    assert len(seen) == 1
    assert visits.get(fact("05")) == fact("05", visitor="v5")
    assert len(seen) == 11
    visits.update(fact("05"), "SET note = :n", values={":n": "x"})
    visits.update(fact("05", visitor="v5"), "SET more = :n", values={":n": "y"})
    assert visits.get(fact("05")) == fact("05", visitor="v5", note="x", more="y")
    with pytest.raises(LookupError, match="put it first"):
        visits.update(fact("05", visitor="v1"), "SET note = :n", values={":n": "x"})
    with visits.batch() as batch:
        batch.delete(fact("05", visitor="v5"))
    assert visits.get(fact("05")) is None


def test_what_a_shard_follows_from_must_be_there_and_stay(visits: pelton.Table) -> None:
    with pytest.raises(ValueError, match="follows from its 'visitor'.* this item has none"):
        visits.put(fact("1"))
    with pytest.raises(ValueError, match="this item has none"):
        visits.put(fact("1", visitor=["list"]))
    visits.put(fact("1", visitor="v1"))
    for expression in ("SET visitor = :v", "SET note = :v REMOVE #v"):
        names = {"#v": "visitor"} if "#v" in expression else None
        with pytest.raises(ValueError, match="cannot change 'visitor'"):
            visits.update(fact("1"), expression, names=names, values={":v": "v2"})
    with pytest.raises(ValueError, match="give its 'visitor' with the key"):
        visits.batch().delete(fact("1"))
