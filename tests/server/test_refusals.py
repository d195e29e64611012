"""Malformed requests over raw sockets: AWS's error for each, and never a 500."""

from __future__ import annotations

import gzip
import random
import zlib

import pytest

from .raw import SIGNED, RawClient, exchange, post

SERVICE = "com.amazon.coral.service#"
UNKNOWN = b"<UnknownOperationException/>\n"
MISSING_TOKEN = (
    SERVICE + "MissingAuthenticationTokenException",
    "Request is missing Authentication Token",
)
LIST = "DynamoDB_20120810.ListTables"
DATED = "AWS4-HMAC-SHA256 Credential={}, SignedHeaders=host, Signature=abc"

ERRORS: dict[str, tuple[bytes, int, str, str | None]] = {
    "no JSON": (post(b"hi"), 400, SERVICE + "SerializationException", None),
    "half of JSON": (post(b'{"TableName": "x'), 400, SERVICE + "SerializationException", None),
    "not UTF-8": (post(b'{"TableName": "\xff"}'), 400, SERVICE + "SerializationException", None),
    "NaN": (post(b'{"Limit": NaN}'), 400, SERVICE + "SerializationException", None),
    "JSON deeper than any stack": (
        post(b"[" * 100_000 + b"]" * 100_000),
        400,
        SERVICE + "SerializationException",
        None,
    ),
    "a list": (
        post(b"[]"),
        400,
        SERVICE + "SerializationException",
        "Start of list found where not expected",
    ),
    "a string": (
        post(b'"x"'),
        400,
        SERVICE + "SerializationException",
        "Unexpected value type in payload",
    ),
    "no body": (post(b""), 400, SERVICE + "SerializationException", None),
    "no target": (post(target=None), 400, SERVICE + "UnknownOperationException", None),
    "an empty target": (post(target=""), 400, SERVICE + "UnknownOperationException", None),
    "no such service": (
        post(target="DynamoDB_20110101.ListTables"),
        400,
        SERVICE + "UnknownOperationException",
        None,
    ),
    "no such operation": (
        post(target="DynamoDB_20120810.ListTable"),
        400,
        SERVICE + "UnknownOperationException",
        None,
    ),
    "a stream's operation of the table service": (
        post(target="DynamoDB_20120810.GetRecords"),
        400,
        SERVICE + "UnknownOperationException",
        None,
    ),
    "a target that is no text": (
        post(target="DynamoDB_20120810.\xff"),
        400,
        SERVICE + "UnknownOperationException",
        None,
    ),
    "an operation that is still to come": (
        post(target="DynamoDB_20120810.CreateBackup"),
        400,
        SERVICE + "UnknownOperationException",
        "pelton does not support CreateBackup yet",
    ),
    "no signature": (post(authorization=None), 400, *MISSING_TOKEN),
    "half a scheme": (post(authorization="AWS4"), 400, *MISSING_TOKEN),
    "another scheme": (post(authorization="Basic abc"), 400, *MISSING_TOKEN),
    "a signature without its parts": (
        post(authorization="AWS4-", x_amz_date=None),
        400,
        SERVICE + "IncompleteSignatureException",
        "Authorization header requires 'Credential' parameter. "
        "Authorization header requires 'Signature' parameter. "
        "Authorization header requires 'SignedHeaders' parameter. "
        "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. "
        "Authorization=AWS4-",
    ),
    "a signature without signed headers": (
        post(authorization="AWS4- Signature=b, Credential=a"),
        400,
        SERVICE + "IncompleteSignatureException",
        "Authorization header requires 'SignedHeaders' parameter. "
        "Authorization=AWS4- Signature=b, Credential=a",
    ),
    "a signature without a date": (
        post(x_amz_date=None),
        400,
        SERVICE + "IncompleteSignatureException",
        "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. "
        f"Authorization={SIGNED['Authorization']}",
    ),
    "another algorithm": (
        post(authorization="AWS4-HMAC-SHA1 Credential=a, SignedHeaders=b, Signature=c"),
        400,
        SERVICE + "IncompleteSignatureException",
        "Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA1' (only AWS4-HMAC-SHA256 for now). ",
    ),
    "a short credential": (
        post(authorization=DATED.format("a/b/c/d")),
        400,
        SERVICE + "IncompleteSignatureException",
        "Credential must have exactly 5 slash-delimited elements, e.g. "
        "keyid/date/region/service/term, got 'a/b/c/d'",
    ),
    "another service's credential": (
        post(authorization=DATED.format("a/20260101/us-east-1/s3/aws4")),
        400,
        SERVICE + "InvalidSignatureException",
        "Credential should be scoped to correct service: 'dynamodb'. Credential should be scoped "
        "with a valid terminator: 'aws4_request', not 'aws4'. ",
    ),
    "signed twice": (
        post(path="/?X-Amz-Algorithm=AWS4-HMAC-SHA256"),
        400,
        SERVICE + "InvalidSignatureException",
        "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.",
    ),
    "a query string with half a signature": (
        post(
            path="/?X-Amz-Algorithm=a&X-Amz-Credential=b&X-Amz-Signature=c&X-Amz-Date=d",
            authorization=None,
        ),
        400,
        SERVICE + "IncompleteSignatureException",
        "AWS query-string parameters must include 'X-Amz-SignedHeaders'. "
        "Re-examine the query-string parameters.",
    ),
    "a page of another site": (
        post(origin="http://evil.example"),
        400,
        SERVICE + "AccessDeniedException",
        "Requests from web pages of http://evil.example are refused: only pages of this machine "
        "may use this server.",
    ),
    "an encoding nobody knows": (
        post(content_encoding="br"),
        400,
        SERVICE + "SerializationException",
        "Content-Encoding br is not supported: send gzip, deflate or none",
    ),
    "a wrong type in the request": (
        post(b'{"Limit": "x"}'),
        400,
        SERVICE + "SerializationException",
        "STRING_VALUE cannot be converted to Integer",
    ),
    "a value out of its range": (
        post(b'{"Limit": 101}'),
        400,
        "com.amazon.coral.validate#ValidationException",
        "1 validation error detected: Value '101' at 'limit' failed to satisfy constraint: Member "
        "must have value less than or equal to 100",
    ),
    "a table that is not there": (
        post(b'{"TableName": "nothing"}', "DynamoDB_20120810.DescribeTable"),
        400,
        "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException",
        "Requested resource not found: Table: nothing not found",
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_a_malformed_request_gets_the_error_of_aws(url: str, name: str) -> None:
    request, status, kind, message = ERRORS[name]
    reply = exchange(url, request)
    member = "Message" if kind.endswith("SerializationException") else "message"
    expected = {"__type": kind} if message is None else {"__type": kind, member: message}
    assert (reply.status, reply.json) == (status, expected)
    assert reply.headers["content-type"] == "application/x-amz-json-1.0"
    assert reply.headers["x-amz-crc32"] == str(zlib.crc32(reply.body))
    assert len(reply.headers["x-amzn-requestid"]) == 52
    assert reply.headers["x-amzn-requestid"].isalnum()


NOT_THE_PROTOCOL = {
    "no content type": post(content_type=None),
    "another content type": post(content_type="text/html"),
    "JSON 1.1": post(content_type="application/x-amz-json-1.1"),
    "nearly JSON": post(content_type="application/jsonasdf"),
    "PUT": post(method="PUT"),
    "DELETE": post(method="DELETE"),
    "OPTIONS": post(b"", method="OPTIONS"),
}


@pytest.mark.parametrize("name", NOT_THE_PROTOCOL)
def test_what_is_not_the_protocol_gets_a_404(url: str, name: str) -> None:
    reply = exchange(url, NOT_THE_PROTOCOL[name])
    assert (reply.status, reply.body) == (404, UNKNOWN)
    assert reply.headers["x-amz-crc32"] == "3552371480"


NOT_HTTP = {
    "noise": bytes(range(256)) * 4,
    "a length that is no number": post(content_length="x"),
    "two lengths": post(content_length="2\r\nContent-Length: 3"),
    "a length and chunks": post(transfer_encoding="chunked"),
    "a negative length": post(content_length="-1"),
    "a header without a colon": b"POST / HTTP/1.1\r\nHost 127.0.0.1\r\n\r\n",
    "another protocol": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100),
}


@pytest.mark.parametrize("name", NOT_HTTP)
def test_what_is_not_http_ends_the_connection(url: str, name: str) -> None:
    with RawClient(url) as client:
        client.send(NOT_HTTP[name])
        assert client.receive().status == 400
        assert client.is_closed_by_server()


@pytest.mark.parametrize(
    "request_",
    [
        post(b"", content_length=str(16 * 1024 * 1024 + 1)),
        post(b"", content_length="9" * 18),
        post(gzip.compress(b" " * (16 * 1024 * 1024 + 1)), content_encoding="gzip"),
    ],
    ids=["announced", "announced as absurd", "zipped"],
)
def test_a_body_of_more_than_16_mb_is_refused(url: str, request_: bytes) -> None:
    assert exchange(url, request_).status == 413


def test_a_body_in_chunks_is_refused_when_it_passes_16_mb(url: str) -> None:
    megabyte = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
    with RawClient(url) as client:
        client.send(post(b"", content_length=None, transfer_encoding="chunked"))
        for _ in range(17):
            client.send(megabyte)
        reply = client.receive()
        assert reply.status == 413
        assert reply.headers["connection"] == "close"


PAGES = [b"POST / HTTP/1.1\r\n", b"GET /health HTTP/1.1\r\n", b"GET / HTTP/1.1\r\n"]


@pytest.mark.parametrize("line", PAGES)
def test_endless_headers_are_refused(url: str, line: bytes) -> None:
    with RawClient(url) as client:
        client.send(line)
        # More than the limit and the piece that the request begins in, which is not counted.
        client.send(b"X: " + b"x" * 1_000_000)
        assert client.receive().status == 400
        assert client.is_closed_by_server()


@pytest.mark.parametrize("path", ["/", "/health"])
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_a_head_of_more_than_16_kb_is_refused(url: str, method: str, path: str) -> None:
    def status(x: str) -> int:
        return exchange(url, post(method=method, path=path, x=x)).status

    assert status("x" * 15_000) != 400
    assert status("x" * 16_385) == 400
    assert exchange(url, post(method=method, path=f"{path}?{'x' * 16_385}")).status == 400


def test_a_large_head_is_refused_in_any_pieces(url: str) -> None:
    whole = post(x="x" * 16_385)
    for at in (10, 8_000, 16_000, len(whole) - 3):
        with RawClient(url) as client:
            client.socket.setsockopt(6, 1, 1)  # TCP_NODELAY: a piece is a packet.
            client.send(whole[:at])
            client.send(whole[at:])
            assert client.receive().status == 400


def test_a_large_body_leaves_the_head_its_room(url: str) -> None:
    with RawClient(url) as client:
        for _ in range(2):
            client.send(post(b'{"Limit": 1}' + b" " * 1_000_000, x="x" * 15_000))
            assert client.receive().status == 200


def test_a_large_head_of_a_page_behind_others_is_refused(url: str) -> None:
    with RawClient(url) as client:
        for _ in range(2):
            client.send(post(b"", method="GET", path="/health"))
            assert client.receive().status == 200
        client.send(post(b"", method="GET", path="/health", x="x" * 16_385))
        assert client.receive().status == 400
        assert client.is_closed_by_server()


def test_endless_lines_behind_chunks_are_refused(url: str) -> None:
    with RawClient(url) as client:
        client.send(post(b"", content_length=None, transfer_encoding="chunked"))
        client.send(b"2\r\n{}\r\n0\r\n")
        client.send(b"X: " + b"x" * 1_000_000 + b"\r\n")
        assert client.receive().status == 400


def test_any_bytes_at_all_give_no_500(url: str) -> None:
    source = random.Random(7)
    whole = post(b'{"TableName": "things", "Key": {"id": {"S": "x"}}}', "DynamoDB_20120810.GetItem")
    for _ in range(300):
        damaged = bytearray(whole)
        for _ in range(source.randrange(1, 6)):
            damaged[source.randrange(len(damaged))] = source.randrange(256)
        with RawClient(url) as client:
            client.send(bytes(damaged))
            client.socket.shutdown(1)  # What is still missing will not come.
            try:
                assert client.receive().status < 500
            except ConnectionError:
                pass  # The server waited for more, or could not read what came.
    assert exchange(url, post()).status == 200
