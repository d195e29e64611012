"""A region whose switches a test sets, and the same region behind a server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.config import Config

from pelton.engine import ManualClock
from pelton.server import Server
from tests.conftest import client_of
from tests.region import Region


class SteppingClock(ManualClock):
    """A clock that goes on by itself each time it is asked: time passes while a client retries."""

    step_ms = 0

    def now_ms(self) -> int:
        self._now_ms += self.step_ms
        return super().now_ms()


@pytest.fixture
def clock() -> SteppingClock:
    return SteppingClock()


@pytest.fixture
def region(clock: SteppingClock) -> Iterator[Region]:
    region = Region(clock=clock)
    yield region
    region.close()


@pytest.fixture
def new_client(region: Region) -> Iterator[Callable[..., Any]]:
    """Makes boto3 clients of the region; those that try again do so by boto3's defaults."""
    clients: list[Any] = []
    with Server(region.database, port=0) as server:

        def make(*, tries_again: bool = False) -> Any:
            more = {"config": Config(read_timeout=60)} if tries_again else {}
            client = client_of("dynamodb", server.url, **more)
            clients.append(client)
            return client

        yield make
        for client in clients:
            client.close()
