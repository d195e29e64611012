"""A shop with functions of every kind, served with Lambda's API, and boto3's client for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from pelton import App
from pelton.server import Server
from tests.conftest import client_of

from .shop import Shop


@pytest.fixture
def shop() -> Iterator[Shop]:
    app = App()
    shop = Shop(app)
    with app:
        yield shop


@pytest.fixture
def url(shop: Shop) -> Iterator[str]:
    with Server(shop.app.database, port=0, apps=[shop.app]) as server:
        yield server.url


@pytest.fixture
def functions(url: str) -> Iterator[Any]:
    """boto3's client of Lambda; it does not look at requests itself, so that pelton has to."""
    from botocore.config import Config

    config = Config(retries={"total_max_attempts": 1}, parameter_validation=False)
    client = client_of("lambda", url, config=config)
    yield client
    client.close()
