"""What tests over the wire share: one server a session, clients of it, tables that go away.

`pytest tests/wire --endpoint http://127.0.0.1:8000` runs them against another server, and
`--endpoint aws` against AWS, with the credentials and the region of the environment.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodbstreams import DynamoDBStreamsClient

    from tests.wire.tables import WireTable

CREDENTIALS = {
    "region_name": "us-east-1",
    "aws_access_key_id": "AKIDEXAMPLE",
    "aws_secret_access_key": "example",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--endpoint", help="the URL the wire tests talk to, or `aws`; pelton's own by default"
    )


@pytest.fixture(scope="session")
def endpoint(request: pytest.FixtureRequest) -> Iterator[str | None]:
    """The URL to talk to; None is AWS."""
    given: str | None = request.config.getoption("--endpoint")
    if given is not None:
        yield None if given == "aws" else given
        return
    from pelton.engine import Database
    from pelton.server import Server
    from pelton.streams import Streams

    database = Database(":memory:")
    Streams(database)
    with Server(database, port=0) as server:
        yield server.url
    database.close()


@pytest.fixture(scope="session")
def dynamodb(endpoint: str | None) -> Iterator[DynamoDBClient]:
    client = client_of("dynamodb", endpoint)
    yield client
    client.close()


@pytest.fixture(scope="session")
def dynamodbstreams(endpoint: str | None) -> Iterator[DynamoDBStreamsClient]:
    client = client_of("dynamodbstreams", endpoint)
    yield client
    client.close()


def client_of(service: Any, endpoint: str | None, **more: Any) -> Any:
    """A boto3 client that fails at once instead of trying again, unless `config` is given."""
    import boto3
    from botocore.config import Config

    settings: dict[str, Any] = {} if endpoint is None else {**CREDENTIALS, "endpoint_url": endpoint}
    settings["config"] = Config(retries={"total_max_attempts": 1}, read_timeout=60)
    return boto3.client(service, **{**settings, **more})


_numbers = itertools.count(1)


@pytest.fixture
def new_table(dynamodb: DynamoDBClient) -> Iterator[Callable[..., WireTable]]:
    """Makes tables by `WireTable.create`'s arguments; they are deleted after the test."""
    from tests.wire.tables import WireTable

    made: list[WireTable] = []

    def make(*args: Any, **settings: Any) -> WireTable:
        name = f"pelton-{os.getpid()}-{next(_numbers)}"
        table = WireTable.create(dynamodb, name, *args, **settings)
        made.append(table)
        return table

    yield make
    for table in made:
        table.drop()


@pytest.fixture
def table(new_table: Callable[..., WireTable]) -> WireTable:
    """A table of things with a string `id`."""
    return new_table("id")
