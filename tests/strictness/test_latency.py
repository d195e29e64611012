"""Answers that are held back; no test waits for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from queue import Queue

import pytest

from pelton.engine import Strictness
from pelton.server import Server
from tests.conftest import client_of
from tests.region import Region, S
from tests.server.raw import RawClient, post
from tests.server.test_protocol import put

Held = tuple[float, Callable[[], None]]


@pytest.fixture
def held() -> Queue[Held]:
    """The seconds and the answers that the server was about to hold back."""
    return Queue()


@pytest.fixture
def url(region: Region, held: Queue[Held]) -> Iterator[str]:
    region.create()

    def call_later(seconds: float, call: Callable[[], None]) -> None:
        held.put((seconds, call))

    with Server(region.database, port=0, call_later=call_later) as server:
        yield server.url


def delays(url: str, held: Queue[Held], count: int) -> list[float]:
    """The seconds that so many requests are held back for."""
    seconds = []
    with RawClient(url) as client:
        for _ in range(count):
            client.send(post())
            delay, answer = held.get(timeout=30)
            seconds.append(delay)
            answer()
            assert client.receive().status == 200
    return seconds


def test_an_answer_waits_for_its_time(region: Region, url: str, held: Queue[Held]) -> None:
    region.database.strictness = Strictness(latency_ms=20)
    with RawClient(url) as client:
        client.send(put("a"))
        seconds, answer = held.get(timeout=30)
        assert seconds == 0.02
        assert region.get({"id": S("a")}) == {"id": S("a")}  # The work is done, unlike the answer.
        answer()
        assert client.receive().status == 200


def test_an_error_waits_too(region: Region, url: str, held: Queue[Held]) -> None:
    region.database.strictness = Strictness(latency_ms=20)
    with RawClient(url) as client:
        client.send(post(b"{}", "DynamoDB_20120810.GetItem"))
        held.get(timeout=30)[1]()
        assert client.receive().status == 400


def test_a_range_is_drawn_from_as_the_seed_says(
    region: Region, url: str, held: Queue[Held]
) -> None:
    region.database.strictness = Strictness(latency_ms=(5, 50))
    first = delays(url, held, 20)
    assert min(first) >= 0.005
    assert max(first) <= 0.05
    assert len(set(first)) > 5
    region.database.strictness = Strictness(latency_ms=(5, 50))
    assert delays(url, held, 20) == first
    region.database.strictness = Strictness(latency_ms=(5, 50), seed=1)
    assert delays(url, held, 20) != first


def test_without_latency_nothing_is_held_back(region: Region, url: str, held: Queue[Held]) -> None:
    region.database.strictness = Strictness(throttles=True)
    with RawClient(url) as client:
        client.send(post())
        assert client.receive().status == 200
    assert held.empty()


def test_the_servers_own_clock_holds_answers_back(region: Region) -> None:
    region.database.strictness = Strictness(latency_ms=1)
    with Server(region.database, port=0) as server:
        client = client_of("dynamodb", server.url)
        assert client.list_tables()["TableNames"] == []
        client.close()
