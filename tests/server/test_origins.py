"""Web pages as clients: what browsers ask, and what they are told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pelton.engine import Database
from pelton.server import Server, ServerError

from .raw import Reply, exchange, post

PAGE = "https://app.example.com"


@pytest.fixture(scope="module")
def open_url(database: Database) -> Iterator[str]:
    """A server that pages of one other place may use."""
    with Server(database, port=0, cors_origins=[PAGE, "http://other.example:3000"]) as server:
        yield server.url


def cors_headers(reply: Reply) -> dict[str, str]:
    return {
        name.removeprefix("access-control-"): value
        for name, value in reply.headers.items()
        if name.startswith("access-control-")
    }


def preflight(origin: str) -> bytes:
    return post(
        b"",
        None,
        method="OPTIONS",
        content_type=None,
        authorization=None,
        x_amz_date=None,
        origin=origin,
        access_control_request_method="POST",
        access_control_request_headers="authorization,content-type,x-amz-date,x-amz-target",
    )


def test_a_browser_is_told_that_a_page_may_send_requests(open_url: str) -> None:
    reply = exchange(open_url, preflight(PAGE))
    assert (reply.status, reply.body) == (200, b"")
    assert cors_headers(reply) == {
        "allow-origin": PAGE,
        "allow-methods": "POST",
        "allow-headers": "authorization,content-type,x-amz-date,x-amz-target",
        "expose-headers": "x-amzn-RequestId,x-amz-crc32,x-amzn-ErrorType,x-amzn-ErrorMessage,Date",
        "max-age": "172800",
    }
    assert reply.headers["vary"] == "origin"


@pytest.mark.parametrize(
    "request_",
    [
        post(origin=PAGE),
        post(b"hi", origin=PAGE),
        post(origin=PAGE, authorization=None),
        post(b"", method="GET", origin=PAGE),
    ],
    ids=["an answer", "no JSON", "unsigned", "the health check"],
)
def test_a_page_may_read_the_answer_and_the_error(open_url: str, request_: bytes) -> None:
    reply = exchange(open_url, request_)
    assert cors_headers(reply) == {
        "allow-origin": PAGE,
        "expose-headers": "x-amzn-RequestId,x-amz-crc32,x-amzn-ErrorType,x-amzn-ErrorMessage,Date",
    }


@pytest.mark.parametrize("origin", ["https://evil.example", "https://app.example.com.evil", ""])
def test_pages_of_other_places_get_nothing(open_url: str, origin: str) -> None:
    asked = exchange(open_url, preflight(origin))
    assert (asked.status, cors_headers(asked)) == (404, {})
    reply = exchange(open_url, post(origin=origin))
    assert (reply.status, cors_headers(reply)) == (400, {})
    assert reply.json["__type"].endswith("#AccessDeniedException")


def test_without_the_setting_no_page_is_told_anything(url: str) -> None:
    for origin in (PAGE, "http://localhost:3000"):
        asked = exchange(url, preflight(origin))
        assert (asked.status, cors_headers(asked)) == (404, {})
    reply = exchange(url, post(origin="http://localhost:3000"))
    assert (reply.status, cors_headers(reply)) == (200, {})


def test_all_pages_may_be_let_in(database: Database) -> None:
    with Server(database, port=0, cors_origins=["*"]) as server:
        assert cors_headers(exchange(server.url, preflight("null")))["allow-origin"] == "*"
        reply = exchange(server.url, post(origin=PAGE))
        assert (reply.status, cors_headers(reply)["allow-origin"]) == (200, "*")
        assert "vary" not in reply.headers
        assert cors_headers(exchange(server.url, post())) == {}


@pytest.mark.parametrize(
    "origin", ["app.example.com", "https://app.example.com/", "https://", "", "https://a b:x"]
)
def test_what_is_no_origin_is_refused_at_the_start(database: Database, origin: str) -> None:
    with pytest.raises(ServerError, match="is no origin: write it as a browser does"):
        Server(database, port=0, cors_origins=[origin])
