"""A server of its own for the tests of this folder, with a table of things."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pelton.engine import Database
from pelton.server import Server
from pelton.streams import Streams

THINGS = {
    "TableName": "things",
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "BillingMode": "PAY_PER_REQUEST",
}


@pytest.fixture(scope="package")
def database() -> Iterator[Database]:
    database = Database(":memory:")
    Streams(database)
    database.call("CreateTable", THINGS)
    yield database
    database.close()


@pytest.fixture(scope="package")
def server(database: Database) -> Iterator[Server]:
    with Server(database, port=0) as server:
        yield server


@pytest.fixture(scope="package")
def url(server: Server) -> str:
    return server.url
