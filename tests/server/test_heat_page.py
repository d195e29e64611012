"""The page that tells how hot a table is in the serving process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pelton.engine import Database, ManualClock
from pelton.server import Server

from .raw import Reply, exchange, post

TABLE = {
    "TableName": "things",
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "BillingMode": "PAY_PER_REQUEST",
}


@pytest.fixture
def url() -> Iterator[str]:
    """A server of two regions, of which one has a table, hot for ten seconds."""
    clock = ManualClock()
    databases = {
        name: Database(":memory:", region=name, clock=clock) for name in ("us-east-1", "eu-west-1")
    }
    database = databases["eu-west-1"]
    database.call("CreateTable", TABLE)
    for _ in range(20):
        database.call("PutItem", {"TableName": "things", "Item": {"id": {"S": "a"}}})
    clock.advance(seconds=10)
    with Server(databases, port=0) as server:
        yield server.url
    for each in databases.values():
        each.close()


def get(url: str, query: str) -> Reply:
    return exchange(url, post(b"", None, method="GET", path=f"/pelton/heat?{query}"))


def test_the_regions_that_have_the_table_tell_its_heat(url: str) -> None:
    told = get(url, "table=things").json
    assert list(told) == ["eu-west-1"]
    heat = told["eu-west-1"]
    assert (heat["table_name"], heat["seconds"]) == ("things", 10)
    assert heat["write_units_per_second"] == 2
    assert sum(each["write_units_per_second"] for each in heat["partitions"]) == 2
    (hottest,) = heat["hottest_writes"]
    assert (hottest["value"], hottest["share"]) == ({"S": "a"}, 1)
    assert get(url, "table=things&region=eu-west-1&seconds=5").json["eu-west-1"]["seconds"] == 5


def test_what_cannot_be_told_is_refused(url: str) -> None:
    assert get(url, "table=others").json == {"error": "this server has no table 'others'"}
    assert get(url, "table=things&region=us-east-1").status == 404
    assert get(url, "table=things&region=mars").json == {
        "error": "this server serves no region 'mars'"
    }
    reply = get(url, "table=things&seconds=0")
    assert (reply.status, reply.json) == (400, {"error": "seconds must be more than 0, not 0.0"})
    assert get(url, "").status == 422
