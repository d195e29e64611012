"""Apps for tables with write shards."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import pelton
from tests.write_sharding.orders import orders_of


@pytest.fixture
def app() -> Iterator[pelton.App]:
    with pelton.App(":memory:", clock=pelton.ManualClock()) as opened:
        yield opened


@pytest.fixture
def orders(app: pelton.App) -> pelton.Table:
    return orders_of(app, write_shards=10)
