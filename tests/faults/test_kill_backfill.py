"""kill -9 while an index is being filled: whoever opens the file next goes on with it."""

from __future__ import annotations

from pathlib import Path

from tests.consistency import index_faults
from tests.region import N, Region, S, definitions, index

from .load import Connection
from .process import Process

COUNT = 10_000
"""Fifty chunks: more than a server gets through before the kill."""


def fill(path: Path) -> None:
    region = Region(path, durability="OFF")
    region.create()
    for first in range(0, COUNT, 25):
        requests = [
            {"PutRequest": {"Item": {"id": S(str(number)), "team": S(f"t{number % 50}")}}}
            for number in range(first, first + 25)
        ]
        region.call("BatchWriteItem", RequestItems={"things": requests})
    region.close()


def test_a_server_killed_while_it_fills_an_index_leaves_it_to_the_next(tmp_path: Path) -> None:
    path = tmp_path / "things.db"
    fill(path)
    standing = 0
    with Process(path, "serve", str(path), "--port", "0") as process:
        connection = Connection(process.wait_until_it_serves())
        told = connection.call(
            "UpdateTable",
            {
                "TableName": "things",
                "AttributeDefinitions": definitions(["team"], {}),
                "GlobalSecondaryIndexUpdates": [{"Create": index("by-team", "team")}],
            },
        )
        (described,) = told["TableDescription"]["GlobalSecondaryIndexes"]
        assert described["IndexStatus"] == "CREATING"
        for number in range(5):
            item = {"id": S(f"new {number}"), "team": S("t0"), "n": N(number)}
            connection.call("PutItem", {"TableName": "things", "Item": item})
            standing += 1
        process.kill()
        connection.close()
    with Process(path, "serve", str(path), "--port", "0") as process:
        process.wait_until_it_serves()
        process.kill()
    region = Region(path, durability="OFF")
    region.settle()
    (described,) = region.global_indexes()
    assert (described["IndexStatus"], described["ItemCount"]) == ("ACTIVE", COUNT + standing)
    assert index_faults(region, "things") == []
    region.close()
