"""The limit on what the items of one partition key may take in a table with local indexes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pelton.engine import Database
from pelton.engine.item_collections import COLLECTION_BYTES_MAX
from tests.consistency import index_faults
from tests.region import Answer, Item, N, Region, S, index

LIMIT_BYTES = 2_000
TABLE = {"TableName": "things"}
EXCEEDED = ("ItemCollectionSizeLimitExceededException", "Collection size exceeded.")


def create(region: Region, projection: str = "ALL") -> None:
    region.create(
        "things",
        "id",
        "seq",
        types={"seq": "N", "score": "N"},
        local=[index("by-score", "id", "score", is_local=True, projection=projection)],
    )


@pytest.fixture
def small(region: Region) -> Iterator[Region]:
    """A region whose item collections may take 2,000 bytes."""
    region.database.writer.collection_bytes_max = LIMIT_BYTES
    create(region)
    yield region
    assert index_faults(region, "things") == []


def thing(seq: int, size_bytes: int, owner: str = "a", **more: Any) -> Item:
    """An item of a size; with a score it is that size in the index too."""
    item: Item = {"id": S(owner), "seq": N(seq), **more, "t": S("")}
    empty = 2 + len(owner) + 3 + 2 + sum(7 for _ in more) + 1
    return {**item, "t": S("x" * (size_bytes - empty))}


def key(seq: int, owner: str = "a") -> Item:
    return {"id": S(owner), "seq": N(seq)}


def test_the_limit_is_that_of_aws() -> None:
    assert COLLECTION_BYTES_MAX == 10 * 1024**3
    database = Database()
    assert database.writer.collection_bytes_max == COLLECTION_BYTES_MAX
    database.close()
    database = Database(collection_bytes_max=7)
    assert database.writer.collection_bytes_max == 7
    database.close()


def test_a_collection_grows_to_the_limit_and_not_beyond(small: Region) -> None:
    small.put(thing(1, 1_200))
    small.put(thing(2, 800))
    assert small.refusal("PutItem", **TABLE, Item=thing(3, 100)) == EXCEEDED
    assert small.get(key(3)) is None
    small.put(thing(3, 100, "b"))
    # What does not grow it may go on.
    small.put(thing(2, 800, v=N(1)))
    small.put(thing(2, 300))
    small.put(thing(3, 500))
    assert small.refusal("PutItem", **TABLE, Item=thing(4, 100)) == EXCEEDED
    small.delete(key(1))
    small.put(thing(4, 100))


def test_entries_of_local_indexes_count(small: Region) -> None:
    small.put(thing(1, 900, score=N(1)))
    # The entry is as large as the item.
    assert small.refusal("PutItem", **TABLE, Item=thing(2, 201)) == EXCEEDED
    small.put(thing(2, 200))
    assert (
        small.refusal(
            "UpdateItem",
            **TABLE,
            Key=key(2),
            UpdateExpression="SET score = :s",
            ExpressionAttributeValues={":s": N(1)},
        )
        == EXCEEDED
    )
    small.update(key(1), "REMOVE score")
    small.update(key(2), "SET score = :s", values={":s": N(1)})


def test_what_is_too_large_already_may_shrink(small: Region) -> None:
    small.database.writer.collection_bytes_max = 100_000
    small.put(thing(1, 5_000))
    small.put(thing(2, 5_000))
    small.database.writer.collection_bytes_max = LIMIT_BYTES
    small.put(thing(1, 4_000))
    assert small.refusal("PutItem", **TABLE, Item=thing(1, 4_500)) == EXCEEDED
    small.delete(key(2))
    small.delete(key(1))
    small.put(thing(1, LIMIT_BYTES))


def test_a_table_without_a_local_index_has_no_limit(region: Region) -> None:
    region.database.writer.collection_bytes_max = LIMIT_BYTES
    region.create(
        "things", "id", "seq", types={"seq": "N"}, shared=[index("by-t", "id", projection="ALL")]
    )
    for seq in range(5):
        region.put(thing(seq, 1_000))
    assert region.database.catalog.table("things").collection_space is None


# --- requests of many writes -----------------------------------------------------------------


def put(seq: int, size_bytes: int, owner: str = "a") -> Answer:
    return {"Put": {**TABLE, "Item": thing(seq, size_bytes, owner)}}


def test_a_transaction_is_cancelled_whole(small: Region) -> None:
    small.put(thing(1, 1_000))
    code, message = small.refusal(
        "TransactWriteItems", TransactItems=[put(2, 900), put(1, 100, "b"), put(3, 200)]
    )
    assert (code, message) == (
        "TransactionCanceledException",
        "Transaction cancelled, please refer cancellation reasons for specific reasons "
        "[None, None, ItemCollectionSizeLimitExceeded]",
    )
    assert small.get(key(2)) is None
    assert small.get(key(1, "b")) is None
    small.call("TransactWriteItems", TransactItems=[put(2, 900), put(3, 100)])


def test_a_batch_is_refused_whole(small: Region) -> None:
    requests = [{"PutRequest": {"Item": thing(seq, 800)}} for seq in range(3)]
    assert small.refusal("BatchWriteItem", RequestItems={"things": requests}) == EXCEEDED
    assert small.items("Scan", **TABLE) == []


def test_a_batch_of_statements_tells_it_of_the_statement(small: Region) -> None:
    small.put(thing(1, 1_900))
    statements = [
        {
            "Statement": "INSERT INTO things VALUE {'id': ?, 'seq': ?, 't': ?}",
            "Parameters": [S(owner), N(2), S("x" * 200)],
        }
        for owner in "ab"
    ]
    refused, done = small.call("BatchExecuteStatement", Statements=statements)["Responses"]
    assert refused["Error"] == {
        "Code": "ItemCollectionSizeLimitExceeded",
        "Message": "Collection size exceeded.",
    }
    assert "Error" not in done
    assert small.get(key(2)) is None
    assert small.get(key(2, "b")) is not None


def test_one_that_grows_too_large_does_not_touch_what_commits_with_it(small: Region) -> None:
    works = [
        small.database.prepare("PutItem", {**TABLE, "Item": thing(seq, 800)})[1] for seq in range(4)
    ]
    errors = small.together(*works)
    assert [type(error).__name__ for error in errors] == [
        "NoneType",
        "NoneType",
        EXCEEDED[0],
        EXCEEDED[0],
    ]


# --- what is told, and what stays ------------------------------------------------------------


def test_the_metrics_tell_the_size_that_counts(region: Region) -> None:
    create(region)
    space = region.database.catalog.table("things").collection_space
    assert space is not None
    region.put(thing(1, 100))

    def metrics() -> list[float]:
        answer = region.put(thing(1, 100), ReturnItemCollectionMetrics="SIZE")
        told: list[float] = answer["ItemCollectionMetrics"]["SizeEstimateRangeGB"]
        return told

    assert metrics() == [0.0, 1.0]
    # As if there were 3.5 GB of others.
    row = region.database.store.read(
        lambda reader: next(iter(reader.scan(space, token_low=-(2**63), token_high=2**63 - 1)))
    )
    region.database.write(
        lambda transaction: transaction.put(
            space, row.token, row.pk, b"", row.size + 7 * 1024**3 // 2, b""
        )
    )
    assert metrics() == [3.0, 4.0]


@pytest.mark.parametrize("projection", ["ALL", "KEYS_ONLY"])
def test_sizes_outlive_a_restart(tmp_path: Path, projection: str) -> None:
    region = Region(tmp_path / "x.db", durability="OFF")
    create(region, projection)
    for seq in range(20):
        region.put(thing(seq, 100 + seq, "ab"[seq % 2], score=N(seq)))
    region.close()
    again = Region(tmp_path / "x.db", durability="OFF")
    assert index_faults(again, "things") == []
    again.delete(key(0))
    assert index_faults(again, "things") == []
    again.call("DeleteTable", **TABLE)
    create(again, projection)
    assert index_faults(again, "things") == []
    again.close()
