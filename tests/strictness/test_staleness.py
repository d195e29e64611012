"""Reads of the past: what was there a moment ago, and nothing that never was."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from pelton.engine import Strictness
from tests.region import Item, N, Region, S, index

KEY = {"id": S("a"), "at": S("1")}
LOCAL = index("by-n", "id", "n", is_local=True, projection="KEYS_ONLY")


@pytest.fixture
def aged(region: Region) -> Region:
    """With an item that is older than any read looks back."""
    region.create(
        sort="at", types={"n": "N"}, shared=[index("by-kind", "kind", "n")], local=[LOCAL]
    )
    region.put({**KEY, "kind": S("k"), "n": N(1), "text": S("old")})
    region.clock.advance(seconds=10)
    return region


def change(region: Region) -> None:
    region.put({**KEY, "kind": S("k"), "n": N(2), "text": S("new")})


def reads(region: Region, **more: Any) -> dict[str, str | None]:
    """The item's text as each way to read it shows it; None where there is no item."""
    query = {
        "KeyConditionExpression": "id = :id",
        "ExpressionAttributeValues": {":id": S("a")},
        "TableName": "things",
        **more,
    }
    batch = region.call("BatchGetItem", RequestItems={"things": {"Keys": [KEY], **more}})
    statement = "SELECT * FROM things WHERE id = 'a' AND \"at\" = '1'"
    local = {**query, "IndexName": "by-n", "Select": "ALL_ATTRIBUTES"}
    found: dict[str, list[Item]] = {
        "GetItem": [item] if (item := region.get(KEY, **more)) else [],
        "BatchGetItem": batch["Responses"]["things"],
        "Query": region.call("Query", **query)["Items"],
        "Query of a local index": region.call("Query", **local)["Items"],
        "Scan": region.call("Scan", TableName="things", **more)["Items"],
        "ExecuteStatement": region.call("ExecuteStatement", Statement=statement, **more)["Items"],
    }
    texts = {way: [each["text"]["S"] for each in items] for way, items in found.items()}
    return {way: found[0] if found else None for way, found in texts.items()}


def test_reads_may_see_what_was_there_before(aged: Region) -> None:
    aged.database.strictness = Strictness(stale_ms=100)
    change(aged)
    assert set(reads(aged).values()) == {"old"}
    aged.clock.advance(seconds=0.1)
    assert set(reads(aged).values()) == {"new"}


def test_consistent_reads_always_see_the_latest(aged: Region) -> None:
    aged.database.strictness = Strictness(stale_ms=100)
    change(aged)
    assert set(reads(aged, ConsistentRead=True).values()) == {"new"}
    gets = [{"Get": {"TableName": "things", "Key": KEY}}]
    answer = aged.call("TransactGetItems", TransactItems=gets)
    assert answer["Responses"][0]["Item"]["text"] == S("new")
    statements = [
        {
            "Statement": "SELECT * FROM things WHERE id = 'a' AND \"at\" = '1'",
            "ConsistentRead": True,
        }
    ]
    answer = aged.call("BatchExecuteStatement", Statements=statements)
    assert answer["Responses"][0]["Item"]["text"] == S("new")


def test_an_item_that_was_not_there_is_not_seen_and_one_that_goes_still_is(aged: Region) -> None:
    aged.database.strictness = Strictness(stale_ms=100)
    other = {"id": S("b"), "at": S("1"), "text": S("other")}
    aged.put(other)
    assert aged.get({"id": S("b"), "at": S("1")}) is None
    aged.delete({"id": S("b"), "at": S("1")})
    aged.delete(KEY)
    assert set(reads(aged).values()) == {"old"}
    assert set(reads(aged, ConsistentRead=True).values()) == {None}
    aged.clock.advance(seconds=0.1)
    assert set(reads(aged).values()) == {None}


def test_writes_are_decided_by_the_latest(aged: Region) -> None:
    aged.database.strictness = Strictness(stale_ms=100, index_lag_ms=100)
    change(aged)
    answer = aged.update(KEY, "SET n = n + :one", values={":one": N(1)}, ReturnValues="UPDATED_NEW")
    assert answer["Attributes"] == {"n": N(3)}
    aged.delete(KEY, ConditionExpression="n = :n", ExpressionAttributeValues={":n": N(3)})


def test_the_probability_is_that_of_a_read(aged: Region) -> None:
    aged.database.strictness = Strictness(seed=2, stale_ms=1_000, stale_probability=0.5)
    change(aged)
    seen = [reads(aged)["GetItem"] for _ in range(40)]
    assert 5 < seen.count("old") < 35
    aged.database.strictness = Strictness(stale_ms=1_000, stale_probability=0.0)
    change(aged)
    assert set(reads(aged).values()) == {"new"}


def query_kind(region: Region, **more: Any) -> list[Item]:
    return region.items(
        "Query",
        TableName="things",
        IndexName="by-kind",
        KeyConditionExpression="kind = :kind",
        ExpressionAttributeValues={":kind": S("k")},
        **more,
    )


def test_a_global_index_sees_a_write_after_its_lag(aged: Region) -> None:
    aged.database.strictness = Strictness(index_lag_ms=100)
    change(aged)
    more = {"id": S("b"), "at": S("1"), "kind": S("k"), "n": N(0), "text": S("new")}
    aged.put(more)
    assert [each["text"] for each in query_kind(aged)] == [S("old")]
    assert aged.items("Scan", TableName="things", IndexName="by-kind") == query_kind(aged)
    assert set(reads(aged).values()) == {"new"}  # The table and its local index do not lag.
    aged.clock.advance(seconds=0.099)
    assert [each["text"] for each in query_kind(aged)] == [S("old")]
    aged.clock.advance(seconds=0.001)
    assert [each["n"] for each in query_kind(aged)] == [N(0), N(2)]


def test_handlers_and_transactions_lag_alike(aged: Region) -> None:
    aged.database.strictness = Strictness(index_lag_ms=100)
    put = {"TableName": "things", "Item": {**KEY, "kind": S("k"), "n": N(5), "text": S("new")}}
    aged.call("TransactWriteItems", TransactItems=[{"Put": put}])
    assert [each["n"] for each in query_kind(aged)] == [N(1)]


def test_what_was_undone_was_never_seen(aged: Region) -> None:
    aged.database.strictness = Strictness(stale_ms=100)
    item = {**KEY, "kind": S("k"), "n": N(2), "text": S("new")}
    _, put = aged.database.prepare("PutItem", {"TableName": "things", "Item": item})

    def write_and_fail(transaction: Any) -> None:
        transaction.create_space()
        raise OSError("after a write")

    aged.together(put, write_and_fail)  # The put is undone with the other, and done again.
    assert set(reads(aged).values()) == {"old"}
    aged.clock.advance(seconds=0.1)
    assert set(reads(aged).values()) == {"new"}


@pytest.mark.parametrize("seed", range(5))
def test_a_lagging_index_is_the_index_of_that_moment(region: Region, seed: int) -> None:
    """Held against what the index was at every moment, in order, by pages, in both directions."""
    luck = random.Random(seed)
    region.create(types={"n": "N"}, shared=[index("by-kind", "kind", "n")])
    region.database.strictness = Strictness(index_lag_ms=50)
    items: dict[str, Item] = {}
    states = [(region.clock.now_ms(), items)]
    for _ in range(150):
        name = luck.choice("abcdefgh")
        items = dict(items)
        if luck.random() < 0.3:
            items.pop(name, None)
            region.delete({"id": S(name)})
        else:
            item = {"id": S(name), "kind": S(luck.choice("kl")), "n": N(luck.randrange(5))}
            items[name] = item
            region.put(item)
        states.append((region.clock.now_ms(), items))
        region.clock.advance(seconds=luck.choice([0, 0, 0.001, 0.01, 0.03]))
        moment_ms = region.clock.now_ms() - 50
        then = next((state for at, state in reversed(states) if at <= moment_ms), {})
        expected = [item for item in then.values() if item["kind"] == S("k")]

        def place(item: Item) -> tuple[int, str]:
            return int(item["n"]["N"]), item["id"]["S"]

        expected.sort(key=place)
        limit = luck.randint(1, 4)
        assert query_kind(region, Limit=limit) == expected
        assert query_kind(region, Limit=limit, ScanIndexForward=False) == expected[::-1]
        scanned = region.items("Scan", TableName="things", IndexName="by-kind", Limit=limit)
        assert sorted(map(place, scanned)) == sorted(map(place, then.values()))


@pytest.mark.parametrize("seed", range(5))
def test_a_stale_read_is_a_state_that_was(region: Region, seed: int) -> None:
    luck = random.Random(seed)
    region.create(sort="at", types={"at": "N"})
    region.database.strictness = Strictness(seed=seed, stale_ms=30, stale_probability=0.7)
    states: dict[int, list[tuple[int, Item | None]]] = {at: [(0, None)] for at in range(5)}
    differed = 0
    for number in range(200):
        at = luck.randrange(5)
        key = {"id": S("p"), "at": N(at)}
        item: Item | None = None
        if luck.random() < 0.3:
            region.delete(key)
        else:
            item = {**key, "number": N(number)}
            region.put(item)
        now_ms = region.clock.now_ms()
        states[at].append((now_ms, item))
        region.clock.advance(seconds=luck.choice([0, 0.001, 0.01]))
        rows = region.call(
            "Query",
            TableName="things",
            KeyConditionExpression="id = :p",
            ExpressionAttributeValues={":p": S("p")},
        )["Items"]
        seen = {int(row["at"]["N"]): row for row in rows}
        assert list(seen) == sorted(seen)
        for place, known in states.items():
            past_ms = region.clock.now_ms() - 30
            since = max(i for i, (at_ms, _) in enumerate(known) if at_ms <= past_ms)
            assert seen.get(place) in [state for _, state in known[since:]]
            differed += seen.get(place) != known[-1][1]
    assert differed > 0


def test_a_boto3_client_reads_its_own_writes_only_when_it_asks_to(
    aged: Region, new_client: Callable[..., Any]
) -> None:
    aged.database.strictness = Strictness(stale_ms=100, index_lag_ms=100)
    client = new_client()
    key = {"id": {"S": "mine"}, "at": {"S": "1"}}
    client.put_item(TableName="things", Item={**key, "kind": {"S": "mine"}, "n": {"N": "1"}})
    assert "Item" not in client.get_item(TableName="things", Key=key)
    assert "Item" in client.get_item(TableName="things", Key=key, ConsistentRead=True)
    query = {
        "TableName": "things",
        "IndexName": "by-kind",
        "KeyConditionExpression": "kind = :kind",
        "ExpressionAttributeValues": {":kind": {"S": "mine"}},
    }
    assert client.query(**query)["Count"] == 0
    aged.clock.advance(seconds=0.1)
    assert "Item" in client.get_item(TableName="things", Key=key)
    assert client.query(**query)["Count"] == 1


def test_staleness_and_throttling_go_together(aged: Region) -> None:
    aged.database.strictness = Strictness(stale_ms=100, throttles=True)
    change(aged)
    assert aged.get(KEY) == {**KEY, "kind": S("k"), "n": N(1), "text": S("old")}
    aged.clock.advance(seconds=0.1)
    assert aged.get(KEY) == {**KEY, "kind": S("k"), "n": N(2), "text": S("new")}


def test_reads_of_the_past_beside_writes_see_what_was(region: Region) -> None:
    """Rows of a local index and their items are put together while both change."""
    region.create(sort="at", types={"n": "N"}, local=[LOCAL])
    region.database.strictness = Strictness(seed=5, stale_ms=5)
    query = {
        "TableName": "things",
        "IndexName": "by-n",
        "KeyConditionExpression": "id = :id",
        "ExpressionAttributeValues": {":id": S("a")},
        "Select": "ALL_ATTRIBUTES",
    }
    is_over = threading.Event()

    def read() -> int:
        count = 0
        while not is_over.is_set():
            for item in region.call("Query", **query)["Items"]:
                assert item["text"] == S(item["n"]["N"])  # As each was written.
                count += 1
        return count

    with ThreadPoolExecutor(2) as pool:
        readers = [pool.submit(read) for _ in range(2)]
        try:
            for number in range(400):
                region.clock.advance(seconds=0.001)
                if number % 3 == 2:
                    region.delete(KEY)
                else:
                    region.put({**KEY, "n": N(number), "text": S(str(number))})
        finally:
            is_over.set()
        for reader in readers:
            reader.result(30)
