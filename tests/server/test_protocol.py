"""HTTP as clients speak it: connections that stay, pieces, chunks, pipelines, other pages."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .raw import RawClient, Reply, exchange, post

GET_ITEM = "DynamoDB_20120810.GetItem"
PUT_ITEM = "DynamoDB_20120810.PutItem"


def put(name: str, **more: Any) -> bytes:
    item = {"id": {"S": name}, **more}
    return post(json.dumps({"TableName": "things", "Item": item}).encode(), PUT_ITEM)


def get(name: str) -> bytes:
    key = {"id": {"S": name}}
    return post(json.dumps({"TableName": "things", "Key": key}).encode(), GET_ITEM)


def name_in(reply: Reply) -> str:
    name: str = reply.json["Item"]["id"]["S"]
    return name


def test_a_connection_takes_many_requests(url: str) -> None:
    with RawClient(url) as client:
        ids = set()
        for name in ("a", "b", "c"):
            client.send(put(name))
            assert client.receive().json == {}
            client.send(get(name))
            reply = client.receive()
            assert name_in(reply) == name
            ids.add(reply.headers["x-amzn-requestid"])
        assert len(ids) == 3


def test_the_reply_has_a_date_and_a_length(url: str) -> None:
    reply = exchange(url, post())
    assert reply.headers["date"].endswith("GMT")
    assert int(reply.headers["content-length"]) == len(reply.body)
    assert "connection" not in reply.headers


def test_a_request_may_come_byte_by_byte(url: str) -> None:
    with RawClient(url) as client:
        client.socket.setsockopt(6, 1, 1)  # TCP_NODELAY: every byte is a packet.
        for byte in put("slow"):
            client.send(bytes([byte]))
        assert client.receive().status == 200


def test_a_large_body_comes_in_many_pieces(url: str) -> None:
    text = "x" * 300_000
    with RawClient(url) as client:
        client.send(put("large", text={"S": text}))
        assert client.receive().status == 200
        client.send(get("large"))
        assert client.receive().json["Item"]["text"]["S"] == text


def test_a_body_may_come_in_chunks(url: str) -> None:
    body = b'{"TableName": "things", "Item": {"id": {"S": "chunked"}}}'
    chunks = b"".join(b"%x\r\n%s\r\n" % (7, body[at : at + 7]) for at in range(0, len(body) - 7, 7))
    rest = body[len(body) - len(body) % 7 or -7 :]
    chunks += b"%x\r\n%s\r\n0\r\n\r\n" % (len(rest), rest)
    head = post(b"", PUT_ITEM, content_length=None, transfer_encoding="chunked")
    with RawClient(url) as client:
        client.send(head + chunks)
        assert client.receive().status == 200
        client.send(get("chunked"))
        assert name_in(client.receive()) == "chunked"


def test_pipelined_requests_are_answered_in_order(url: str) -> None:
    names = [f"pipe-{number}" for number in range(50)]
    with RawClient(url) as client:
        # Reads are answered at once and writes after their commit: neither may overtake.
        client.send(b"".join(put(name) + get(name) for name in names))
        for name in names:
            assert client.receive().json == {}
            assert name_in(client.receive()) == name


def test_a_connection_goes_on_after_pipelined_writes(url: str) -> None:
    with RawClient(url) as client:
        for number in range(3):
            # In one piece, with a write at its end: nothing is answered while it is taken apart.
            client.send(put(f"on-{number}") + put("between") + put("end"))
            for _ in range(3):
                assert client.receive().json == {}
        client.send(get("on-2"))
        assert name_in(client.receive()) == "on-2"


def test_pipelined_writes_are_all_answered_after_the_client_ended_its_side(url: str) -> None:
    with RawClient(url) as client:
        client.send(put("one") + put("two") + put("three"))
        client.socket.shutdown(1)
        for _ in range(3):
            assert client.receive().json == {}
        assert client.is_closed_by_server()


def test_what_follows_chunks_changes_no_header(url: str) -> None:
    head = post(b"", PUT_ITEM, content_length=None, transfer_encoding="chunked")
    body = b'{"TableName": "things", "Item": {"id": {"S": "trailed"}}}'
    trailer = b"X-Amz-Target: DynamoDB_20120810.DeleteTable\r\nX-Checksum: 1\r\n"
    with RawClient(url) as client:
        client.send(head + b"%x\r\n%s\r\n0\r\n%s\r\n" % (len(body), body, trailer))
        assert client.receive().json == {}
        client.send(get("trailed"))
        assert name_in(client.receive()) == "trailed"


def test_more_pipelined_reads_than_a_stack_is_deep(url: str) -> None:
    with RawClient(url) as client:
        client.send(put("p") + get("p") * 3000)
        assert client.receive().json == {}
        for _ in range(3000):
            assert name_in(client.receive()) == "p"


def test_a_client_that_reads_late_gets_everything(url: str) -> None:
    with RawClient(url) as client:
        client.send(put("big", text={"S": "x" * 380_000}))
        assert client.receive().status == 200
        client.send(get("big") * 60)  # 23 MB of answers before the first is read.
        for _ in range(60):
            assert name_in(client.receive()) == "big"
        client.send(get("p"))
        assert client.receive().status == 200


def test_the_connection_ends_when_the_client_says_so(url: str) -> None:
    with RawClient(url) as client:
        client.send(put("last").replace(b"Host:", b"Connection: close\r\nHost:"))
        reply = client.receive()
        assert reply.status == 200
        assert reply.headers["connection"] == "close"
        assert client.is_closed_by_server()


def test_http_1_0_ends_the_connection(url: str) -> None:
    with RawClient(url) as client:
        client.send(put("old").replace(b"HTTP/1.1", b"HTTP/1.0"))
        assert client.receive().status == 200
        assert client.is_closed_by_server()


def test_http_1_0_keeps_the_connection_for_who_asks(url: str) -> None:
    asking = put("old").replace(b"HTTP/1.1\r\n", b"HTTP/1.0\r\nConnection: Keep-Alive\r\n")
    with RawClient(url) as client:
        for _ in range(3):
            client.send(asking)
            reply = client.receive()
            assert (reply.status, reply.headers["connection"]) == (200, "keep-alive")
        client.send(put("new"))
        assert "connection" not in client.receive().headers


def test_a_client_may_end_its_side_and_wait(url: str) -> None:
    with RawClient(url) as client:
        client.send(put("half"))
        client.socket.shutdown(1)
        assert client.receive().json == {}
        assert client.is_closed_by_server()


def test_a_client_that_expects_to_be_told_to_go_on_is_told(url: str) -> None:
    body = b'{"Limit": 1}'
    request = post(body, expect="100-continue")
    with RawClient(url) as client:
        client.send(request[: -len(body)])
        assert client.receive(has_body=False).status == 100
        client.send(body)
        assert client.receive().status == 200


def test_an_offer_of_http_2_is_not_taken_up(url: str) -> None:
    offer = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\nHost:"
    offering = put("offering").replace(b"Host:", offer)
    with RawClient(url) as client:
        client.send(offering)
        assert client.receive().json == {}
        client.send(offering + get("offering"))
        assert client.receive().json == {}
        assert name_in(client.receive()) == "offering"
        head, _, body = offering.partition(b"\r\n\r\n")
        client.send(head + b"\r\n\r\n")
        client.send(body)
        assert client.receive().json == {}


def test_empty_lines_between_requests_are_skipped(url: str) -> None:
    with RawClient(url) as client:
        client.send(b"\r\n" + post())
        assert client.receive().status == 200
        client.send(b"\r\n\r\n" + post())
        assert client.receive().status == 200


def test_a_request_of_no_type_and_no_body_is_answered_in_plain_json(url: str) -> None:
    reply = exchange(url, b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n")
    assert (reply.status, reply.headers["content-type"]) == (400, "application/json")
    assert reply.json == {"__type": "com.amazon.coral.service#UnknownOperationException"}


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8"])
def test_plain_json_is_answered_in_plain_json(url: str, content_type: str) -> None:
    reply = exchange(url, post(content_type=content_type))
    assert reply.status == 200
    assert reply.headers["content-type"] == "application/json"


def test_a_signature_in_the_query_string(url: str) -> None:
    query = (
        "/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=a%2F20260101%2Fus-east-1%2Fdynamodb"
        "%2Faws4_request&X-Amz-Signature=c&X-Amz-SignedHeaders=host&X-Amz-Date=20260101T000000Z"
    )
    assert exchange(url, post(path=query, authorization=None, x_amz_date=None)).status == 200


def test_pages_of_this_machine_may_use_the_server(url: str) -> None:
    assert exchange(url, post(origin="http://localhost:3000")).status == 200


def test_the_health_check_of_aws(url: str) -> None:
    reply = exchange(url, post(b"", method="GET"))
    assert reply.status == 200
    assert reply.body == b"healthy: dynamodb.us-east-1.amazonaws.com "
    assert reply.headers["x-amz-crc32"] == "3128867991"
    assert exchange(url, post(b"", method="HEAD")).body == b""


def test_health(url: str) -> None:
    reply = exchange(url, post(b"", method="GET", path="/health"))
    assert reply.status == 200
    told = reply.json
    assert told.pop("uptime_seconds") > 0
    assert told == {"live": True, "ready": True, "version": "0.1.0", "regions": ["us-east-1"]}


def test_a_page_that_is_not_there(url: str) -> None:
    assert exchange(url, post(path="/nothing")).status == 404


def test_one_connection_serves_pages_and_the_protocol(url: str) -> None:
    health = post(b"", method="GET", path="/health")
    with RawClient(url) as client:
        client.send(put("mixed"))
        assert client.receive().json == {}
        client.send(health)
        assert client.receive().json["live"]
        # From here on the connection is uvicorn's.
        client.send(get("mixed"))
        assert name_in(client.receive()) == "mixed"
        client.send(put("mixed-2"))
        assert client.receive().json == {}
        client.send(post(b"hi"))
        assert client.receive().status == 400
        client.send(post(method="PUT"))
        assert client.receive().status == 404
        client.send(post(b"", content_length=str(16 * 1024 * 1024 + 1)))
        assert client.receive().status == 413


def test_a_page_asked_for_in_one_piece_behind_a_write_is_left_to_a_retry(url: str) -> None:
    with RawClient(url) as client:
        client.send(put("first") + post(b"", method="GET", path="/health"))
        assert client.receive().json == {}
        assert client.is_closed_by_server()
