"""A server's life: where it listens, what it does when it ends, and when things go wrong."""

from __future__ import annotations

import asyncio
import gc
import logging
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from pelton.engine import Database
from pelton.engine.errors import DynamoDBError, StoreFullError
from pelton.server import Server, ServerError

from .conftest import THINGS
from .raw import RawClient, exchange, post
from .test_protocol import put

DATED = (
    "AWS4-HMAC-SHA256 Credential=a/20260101/{}/dynamodb/aws4_request, SignedHeaders=b, Signature=c"
)


@pytest.fixture
def own_database() -> Iterator[Database]:
    """A database that a test may break."""
    database = Database(":memory:")
    database.call("CreateTable", THINGS)
    yield database
    database.close()


class Gate:
    """Holds the writer of a database until it is opened."""

    def __init__(self, database: Database) -> None:
        self._entered, self._opened = threading.Event(), threading.Event()
        database.store.write(self._hold, lambda *outcome: None, alone=True)
        assert self._entered.wait(30)

    def _hold(self, transaction: Any) -> None:
        self._entered.set()
        assert self._opened.wait(30)

    def open(self) -> None:
        self._opened.set()


def test_a_free_port_is_found_and_told(database: Database) -> None:
    with Server(database, port=0) as server:
        assert server.port > 0
        assert server.url == f"http://127.0.0.1:{server.port}"


def test_a_port_in_use_is_refused(database: Database, server: Server) -> None:
    with pytest.raises(ServerError, match=f"port {server.port}.*--port 0"):
        Server(database, port=server.port)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.com", ""])
def test_other_machines_are_kept_out_unless_told_otherwise(database: Database, host: str) -> None:
    with pytest.raises(ServerError, match="--allow-remote"):
        Server(database, host=host, port=0)


def test_other_machines_are_let_in_when_told_so(database: Database) -> None:
    with Server(database, host="0.0.0.0", port=0, allow_remote=True) as server:
        assert exchange(f"http://127.0.0.1:{server.port}", post()).status == 200


def test_a_server_that_never_started_lets_go_of_its_port(database: Database) -> None:
    server = Server(database, port=0)
    server.stop()
    with Server(database, port=server.port) as another:
        assert another.port == server.port


def test_what_has_begun_is_answered_before_the_end(own_database: Database) -> None:
    server = Server(own_database, port=0)
    server.start()
    gate = Gate(own_database)
    with (
        RawClient(server.url) as writing,
        RawClient(server.url) as idle,
        ThreadPoolExecutor() as pool,
    ):
        idle.send(post())
        assert idle.receive().status == 200
        writing.send(put("begun"))
        assert exchange(server.url, post()).status == 200  # So the write has been read too.
        stopped = pool.submit(server.stop)
        assert idle.is_closed_by_server()
        assert not stopped.done()
        gate.open()
        reply = writing.receive()
        assert (reply.status, reply.json) == (200, {})
        assert writing.is_closed_by_server()
        stopped.result(30)
    with pytest.raises(ConnectionError):
        socket.create_connection(("127.0.0.1", server.port), timeout=5)


def test_a_request_that_is_coming_in_is_answered_before_the_end(own_database: Database) -> None:
    server = Server(own_database, port=0)
    server.start()
    with RawClient(server.url) as client, ThreadPoolExecutor() as pool:
        client.send(post(b"{}", expect="100-continue")[:-2])
        assert client.receive(has_body=False).status == 100  # So the head has been read.
        stopped = pool.submit(server.stop)
        with pytest.raises(ConnectionError):
            while True:  # Until it accepts no more.
                socket.create_connection(("127.0.0.1", server.port), timeout=5).close()
        client.send(b"{}")
        assert client.receive().status == 200
        stopped.result(30)


def end_idle_connections(server: Server) -> None:
    """What the server does once a minute."""
    running = server._uvicorn
    assert running is not None
    connections = running._connections

    async def end() -> None:
        connections.close_idle()

    asyncio.run_coroutine_threadsafe(end(), running._loop).result(30)


def test_a_server_that_nobody_asks_goes_on(database: Database) -> None:
    with Server(database, port=0) as server:
        end_idle_connections(server)
        assert exchange(server.url, post()).status == 200


@pytest.mark.parametrize("start", [b"", b"POS", b"GE", post()[:-10], b"GET /health HTTP/1.1\r\nX:"])
def test_a_client_that_never_ends_its_request_is_let_go(database: Database, start: bytes) -> None:
    with Server(database, port=0) as server:
        with RawClient(server.url) as silent, RawClient(server.url) as page:
            page.send(post(b"", method="GET", path="/health"))
            assert page.receive().status == 200
            silent.send(start)
            assert exchange(server.url, post()).status == 200  # So the start has been read too.
            end_idle_connections(server)
            page.send(post(b"", method="GET", path="/health"))
            assert page.receive().status == 200
            end_idle_connections(server)
            assert silent.is_closed_by_server()
            page.send(post())
            assert page.receive().status == 200


def test_a_client_that_leaves_harms_nobody(own_database: Database) -> None:
    with Server(own_database, port=0) as server:
        gate = Gate(own_database)
        with RawClient(server.url) as leaving, RawClient(server.url) as staying:
            leaving.send(put("left"))
            staying.send(post())
            assert staying.receive().status == 200
            leaving.socket.close()
            staying.send(put("stayed"))
            gate.open()
            assert staying.receive().json == {}
    assert own_database.call("Scan", {"TableName": "things"})["Count"] == 2


REFUSED = [
    post(b'{"TableName": "things", "Key": {"no": {"S": "x"}}}', "DynamoDB_20120810.GetItem"),
    post(b'{"TableName": "things", "Item": {"no": {"S": "x"}}}', "DynamoDB_20120810.PutItem"),
    post(
        b'{"TableName": "things", "Item": {"id": {"S": "x"}}, '
        b'"ConditionExpression": "attribute_exists(id)"}',
        "DynamoDB_20120810.PutItem",
    ),
]


def errors_alive() -> list[DynamoDBError]:
    return [each for each in gc.get_objects() if isinstance(each, DynamoDBError)]


@pytest.mark.parametrize("request_", REFUSED, ids=["a read", "a write", "a condition"])
def test_refusals_leave_nothing_for_the_collector(own_database: Database, request_: bytes) -> None:
    # What they leave holds the items they saw: a gigabyte of it came together between two runs.
    with Server(own_database, port=0) as server, RawClient(server.url) as client:
        client.send(request_ + put("last"))
        assert (client.receive().status, client.receive().status) == (400, 200)
        gc.collect()
        known = errors_alive()  # Of other tests.
        gc.disable()
        try:
            for _ in range(20):
                client.send(request_ + put("last"))
                assert (client.receive().status, client.receive().status) == (400, 200)
            kept = [each for each in errors_alive() if not any(each is old for old in known)]
        finally:
            gc.enable()
    assert len(kept) <= 1


def test_many_writers_at_once_all_get_their_answer(own_database: Database) -> None:
    def write(server: Server, writer: int) -> int:
        with RawClient(server.url) as client:
            for number in range(50):
                client.send(put(f"{writer}-{number}"))
                assert client.receive().json == {}
        return 50

    with Server(own_database, port=0) as server, ThreadPoolExecutor(16) as pool:
        done = list(pool.map(lambda writer: write(server, writer), range(16)))
    assert sum(done) == 800
    assert own_database.call("Scan", {"TableName": "things", "Select": "COUNT"})["Count"] == 800


@pytest.mark.parametrize("faulty", ["prepare", "submit"])
def test_a_fault_of_ours_is_logged_and_told_without_details(
    own_database: Database,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    faulty: str,
) -> None:
    def fail(*arguments: Any, **settings: Any) -> None:
        raise ZeroDivisionError("a secret of ours")

    monkeypatch.setattr(own_database, faulty, fail)
    with Server(own_database, port=0) as server, caplog.at_level(logging.ERROR):
        reply = exchange(server.url, post())
    assert reply.status == 500
    assert reply.json == {
        "__type": "com.amazonaws.dynamodb.v20120810#InternalServerError",
        "message": "Internal server error",
    }
    assert "a secret of ours" in caplog.text
    assert reply.headers["x-amzn-requestid"] in caplog.text


def test_a_store_that_is_full_says_so(
    own_database: Database, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: Any) -> None:
        raise StoreFullError("the disk is full; make room and try again")

    monkeypatch.setattr(own_database, "prepare", fail)
    with Server(own_database, port=0) as server:
        reply = exchange(server.url, post())
    assert reply.status == 500
    assert reply.json["message"] == "the disk is full; make room and try again"


def test_a_closed_store_is_not_ready(own_database: Database) -> None:
    with Server(own_database, port=0) as server:
        own_database.close()
        reply = exchange(server.url, post(b"", method="GET", path="/health"))
        assert (reply.status, reply.json["ready"]) == (503, False)
        assert exchange(server.url, post()).status == 500


def test_one_database_answers_for_every_region(url: str) -> None:
    for region in ("us-east-1", "eu-central-1", "mars-1"):
        assert exchange(url, post(authorization=DATED.format(region))).status == 200


def test_the_region_of_the_signature_picks_the_database(own_database: Database) -> None:
    europe = Database(":memory:", region="eu-west-1")
    databases = {"us-east-1": own_database, "eu-west-1": europe}
    with Server(databases, port=0) as server:

        def tables(region: str) -> Any:
            return exchange(server.url, post(authorization=DATED.format(region))).json

        assert tables("us-east-1") == {"TableNames": ["things"]}
        assert tables("eu-west-1") == {"TableNames": []}
        assert tables("mars-1") == {
            "__type": "com.amazon.coral.service#InvalidSignatureException",
            "message": "Credential should be scoped to a valid region, not 'mars-1'. This server "
            "serves eu-west-1, us-east-1.",
        }
    europe.close()


def test_request_ids_come_from_the_source_that_is_given(database: Database) -> None:
    import random

    def first_id() -> str:
        with Server(database, port=0, random_source=random.Random(1)) as server:
            return exchange(server.url, post()).headers["x-amzn-requestid"]

    assert first_id() == first_id()
