"""Requests that no SDK would send: each gets an answer, and the server goes on."""

from __future__ import annotations

from typing import Any

import pytest

from tests.server.raw import SIGNED, Reply, exchange, post

from .shop import Shop

FUNCTIONS = "/2015-03-31/functions"
MAPPINGS = "/2015-03-31/event-source-mappings"
SIGNED_FOR_LAMBDA = SIGNED["Authorization"].replace("/dynamodb/", "/lambda/")


def ask(url: str, method: str, path: str, body: bytes = b"", **headers: str | None) -> Reply:
    wanted = {"authorization": SIGNED_FOR_LAMBDA, **headers}
    return exchange(url, post(body, None, path=path, method=method, **wanted))


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("POST", MAPPINGS, b"{", 400, "SerializationException"),
        ("POST", MAPPINGS, b"[]", 400, "SerializationException"),
        ("POST", MAPPINGS, b"\xff", 400, "SerializationException"),
        ("POST", MAPPINGS, b'{"FunctionName": 7}', 400, "SerializationException"),
        (
            "POST",
            MAPPINGS,
            b'{"FunctionName": "a", "BatchSize": "x"}',
            400,
            "SerializationException",
        ),
        (
            "POST",
            MAPPINGS,
            b'{"FunctionName": "a", "FilterCriteria": []}',
            400,
            "SerializationException",
        ),
        (
            "POST",
            MAPPINGS,
            b'{"FunctionName": "a", "FilterCriteria": {"Filters": [null]}}',
            400,
            "ValidationException",
        ),
        ("POST", MAPPINGS, b'{"x": ' + b"[" * 500 + b"]" * 500 + b"}", 400, "ValidationException"),
        ("POST", MAPPINGS, b"", 400, "ValidationException"),
        ("PUT", f"{MAPPINGS}/%00%ff", b"{}", 400, "ValidationException"),
        ("GET", f"{MAPPINGS}/x", b"", 400, "ValidationException"),
        ("GET", f"{FUNCTIONS}?MaxItems=x", b"", 400, "SerializationException"),
        ("GET", f"{FUNCTIONS}?MaxItems=99999999999", b"", 400, "SerializationException"),
        ("GET", f"{FUNCTIONS}?Marker=none", b"", 400, "InvalidParameterValueException"),
        ("GET", f"{FUNCTIONS}?%ff=%ff&&=", b"", 200, None),
        ("GET", f"{FUNCTIONS}/", b"", 200, None),
        ("GET", f"{FUNCTIONS}/a%2Fb", b"", 400, "ValidationException"),
        ("GET", f"{FUNCTIONS}/echo/unknown", b"", 404, "UnknownOperationException"),
        ("GET", "/2015-03-31/", b"", 404, "UnknownOperationException"),
        ("PATCH", FUNCTIONS, b"", 404, "UnknownOperationException"),
        ("GET", "/2017-03-31/tags/x", b"", 400, "ValidationException"),
        ("POST", f"{FUNCTIONS}/echo/invocations", b"\xff", 400, "InvalidRequestContentException"),
        ("GET", "/health", b"", 200, None),
    ],
)
def test_a_strange_request_gets_an_answer(
    url: str, method: str, path: str, body: bytes, status: int, code: str | None
) -> None:
    reply = ask(url, method, path, body)
    assert (reply.status, reply.headers.get("x-amzn-errortype")) == (status, code)
    assert ask(url, "GET", FUNCTIONS).status == 200


def test_a_client_context_that_is_none_is_refused(url: str) -> None:
    path = f"{FUNCTIONS}/echo/invocations"
    for context in ("%%%", "e30", "W10=", "eyJhIjo="):
        reply = ask(url, "POST", path, b"{}", x_amz_client_context=context)
        assert reply.headers.get("x-amzn-errortype") == "InvalidRequestContentException"
    assert ask(url, "POST", path, b"{}", x_amz_client_context="e30=").status == 200


def test_a_request_is_signed_for_lambda(url: str) -> None:
    unsigned = ask(url, "GET", FUNCTIONS, authorization=None)
    assert (unsigned.status, unsigned.headers["x-amzn-errortype"]) == (
        403,
        "MissingAuthenticationTokenException",
    )
    other = ask(url, "GET", FUNCTIONS, authorization=SIGNED["Authorization"])
    assert (other.status, other.json["message"]) == (
        403,
        "Credential should be scoped to correct service: 'lambda'. ",
    )


def test_web_pages_of_other_places_call_no_function(url: str, shop: Shop) -> None:
    path = f"{FUNCTIONS}/book/invocations"
    reply = ask(url, "POST", path, b'{"id": "x"}', origin="https://elsewhere.example.com")
    assert (reply.status, reply.headers["x-amzn-errortype"]) == (403, "AccessDeniedException")
    assert shop.orders.get({"id": "x"}) is None
    asked = ask(url, "OPTIONS", path, origin="https://elsewhere.example.com")
    assert asked.status == 404
    assert "access-control-allow-origin" not in asked.headers


def test_every_reply_has_a_request_id_of_its_own(url: str) -> None:
    replies: list[Any] = [ask(url, "GET", FUNCTIONS) for _ in range(3)]
    ids = {reply.headers["x-amzn-requestid"] for reply in replies}
    assert {len(each) for each in ids} == {36}
    assert len(ids) == 3
