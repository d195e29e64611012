"""DynamoDB Local 1.25.1 and pelton, each served on a port of its own, in memory."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from benchmarks.servers import dynamodb_local_in_memory

from pelton.engine import Database
from pelton.server import Server
from pelton.streams import Streams

from .operations import table_requests
from .side import Side


class Sides(NamedTuple):
    local: Side
    pelton: Side


@pytest.fixture(scope="session")
def local_url() -> Iterator[str]:
    if shutil.which("java") is None:
        pytest.skip("DynamoDB Local needs java, which is not here")
    with dynamodb_local_in_memory() as url:
        yield url


@pytest.fixture
def sides(local_url: str) -> Iterator[Sides]:
    """Both servers with the tables of this package, empty."""
    database = Database(":memory:")
    Streams(database)
    with Server(database, port=0) as server:
        sides = Sides(Side(local_url), Side(server.url))
        for request in table_requests():
            for side in sides:
                assert "error" not in side.answer(request)
        yield sides
        for request in table_requests():
            sides.local.dynamodb.delete_table(TableName=request.members["TableName"])
        for side in sides:
            side.close()
    database.close()
