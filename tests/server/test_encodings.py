"""Compressed bodies: what clients may send, and what they get when they ask for it."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest

from pelton.engine.errors import SerializationException
from pelton.server.encodings import BodyTooLarge, chosen_encoding, decompress

from .raw import RawClient, Reply, exchange, post
from .test_protocol import GET_ITEM, PUT_ITEM, name_in, put

DECOMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.decompress,
    "deflate": zlib.decompress,
}

CHOICES: dict[bytes, bytes | None] = {
    b"identity": None,
    b"": None,
    b"br": None,
    b"x-gzip": None,
    b"gzip": b"gzip",
    b"deflate": b"deflate",
    b"gzip, deflate": b"gzip",
    b"br, identity, deflate, gzip": b"deflate",
    b"GZIP, identity": b"gzip",
    b"dog, gzip ,, cat": b"gzip",
    b"gzip;q=0.8, deflate;q=0.5": b"gzip",
    b"deflate;q=0.5, gzip;q=0.2": b"deflate",
    b"br, gzip;q=0, deflate; q = 0.5 , identity;q=0": b"deflate",
    b"*": b"gzip",
    b"*, deflate;q=0.5": b"gzip",
    b"*, deflate": b"deflate",
    b"*, identity": b"gzip",
    b"*, gzip;q=0.5": b"deflate",
    b"*;q=0": None,
    b"*;q=0.5,identity": b"gzip",
    b"gzip;q=0.5,identity;q=0.8": b"gzip",
    b"br;q=0.8,identity;q=0.5,*;q=0": None,
    b"gzip ;q=0": None,
    b"identity;q=0": None,
    # Malformed, and read so by AWS.
    b'"gzip"': None,
    b"gzip br": None,
    b"gzip:q=1": None,
    b"deflate;q=0.5, gzip;q=31": b"gzip",
    b"gzip;q=31,deflate;q=51": b"gzip",
    b"deflate;q=0.5, gzip;q=1;q=0.2": b"gzip",
    b"deflate;q=0.5,gzip;q=0.": b"deflate",
    b"deflate;q=0.5,gzip;q=0.x": b"gzip",
    b"deflate;q=-0.5,gzip;q=0.2": b"gzip",
    b"gzip;q= 0;q=1": None,
    b"gzip;q =0;q=1": b"gzip",
    b"gzip;nq=0;q=1": None,
    b"gzip;q=0, gzip;q=1, gzip;q=0": b"gzip",
    b"br,identity;q=0.5,gzip;q=0.0001": b"gzip",
    b"gzip;q=nan": b"gzip",
}


@pytest.mark.parametrize("accepted", CHOICES)
def test_the_encoding_is_chosen_as_aws_chooses_it(accepted: bytes) -> None:
    assert chosen_encoding(accepted) == CHOICES[accepted]


def get(name: str, accept_encoding: str | None = None) -> bytes:
    key = {"TableName": "things", "Key": {"id": {"S": name}}}
    return post(json.dumps(key).encode(), GET_ITEM, accept_encoding=accept_encoding)


def check_crc(reply: Reply) -> None:
    assert reply.headers["x-amz-crc32"] == str(zlib.crc32(reply.body))


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_large_answer_is_compressed_for_those_who_ask(url: str, encoding: str) -> None:
    with RawClient(url) as client:
        client.send(put("wide", text={"S": "x" * 5000}) + put("narrow", text={"S": "x" * 2000}))
        assert [client.receive().status for _ in range(2)] == [200, 200]
        client.send(get("wide", accept_encoding=encoding) + get("narrow", accept_encoding=encoding))
        wide, narrow = client.receive(), client.receive()
        client.send(get("wide") + get("wide", accept_encoding="identity"))
        plain = [client.receive(), client.receive()]
    assert wide.headers["content-encoding"] == encoding
    assert len(wide.body) < 500
    check_crc(wide)
    for reply in (narrow, *plain):
        assert "content-encoding" not in reply.headers
        check_crc(reply)
    assert DECOMPRESS[encoding](wide.body) == plain[0].body == plain[1].body
    assert len(narrow.json["Item"]["text"]["S"]) == 2000


def test_the_way_through_uvicorn_compresses_too(url: str) -> None:
    with RawClient(url) as client:
        client.send(put("there", text={"S": "x" * 5000}))
        assert client.receive().status == 200
        client.send(post(b"", method="GET"))
        assert client.receive().status == 200
        client.send(get("there", accept_encoding="gzip"))
        reply = client.receive()
    check_crc(reply)
    assert json.loads(gzip.decompress(reply.body))["Item"]["id"] == {"S": "there"}


@pytest.mark.parametrize("accepted", ["identity", "gzip"])
def test_boto3_finds_the_checksum_right_whatever_it_accepts(url: str, accepted: str) -> None:
    client = boto3.client(
        "dynamodb",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="a",
        aws_secret_access_key="b",
    )
    sent: list[str] = []
    encodings: list[str | None] = []

    def accept(request: AWSPreparedRequest, **_: Any) -> None:
        request.headers["Accept-Encoding"] = accepted
        sent.append(request.url)

    def decode(response_dict: Any, **_: Any) -> None:
        encodings.append(response_dict["headers"].get("content-encoding"))
        if encodings[-1] == "gzip":
            response_dict["body"] = gzip.decompress(response_dict["body"])

    client.meta.events.register("before-send.dynamodb", accept)
    client.meta.events.register("before-parse.dynamodb", decode)
    item: Any = {"id": {"S": "checked"}, "text": {"S": "y" * 6000}}
    client.put_item(TableName="things", Item=item)
    assert client.get_item(TableName="things", Key={"id": {"S": "checked"}})["Item"] == item
    # A wrong checksum makes boto3 ask again.
    assert len(sent) == 2
    assert encodings == [None, "gzip" if accepted == "gzip" else None]


PUT = b'{"TableName": "things", "Item": {"id": {"S": "%s"}}}'


@pytest.mark.parametrize(
    ("encoding", "compressed"),
    [
        ("gzip", gzip.compress(PUT % b"sent")),
        ("GZIP ", gzip.compress(PUT % b"sent")),
        ("gzip", gzip.compress(PUT[:10]) + gzip.compress((PUT % b"sent")[10:])),
        ("deflate", zlib.compress(PUT % b"sent")),
        ("identity", PUT % b"sent"),
    ],
    ids=["gzip", "in capitals", "two parts", "deflate", "identity"],
)
def test_a_request_may_be_compressed(url: str, encoding: str, compressed: bytes) -> None:
    with RawClient(url) as client:
        client.send(post(PUT % b"gone", "DynamoDB_20120810.DeleteItem"))
        client.receive()
        client.send(post(compressed, PUT_ITEM, content_encoding=encoding))
        assert client.receive().json == {}
        client.send(get("sent"))
        assert name_in(client.receive()) == "sent"


BROKEN = {
    "nothing": ("gzip", b""),
    "no gzip": ("gzip", b"{}"),
    "half of gzip": ("gzip", gzip.compress(b"{}")[:-1]),
    "gzip and more": ("gzip", gzip.compress(b"{}") + b"junk"),
    "more parts of gzip than anyone makes": ("gzip", gzip.compress(b" ") * 1000),
    "no deflate": ("deflate", b"{}"),
    "half of deflate": ("deflate", zlib.compress(b"{}")[:-1]),
    "deflate and more": ("deflate", zlib.compress(b"{") + zlib.compress(b"}")),
    "one in the other": ("gzip", zlib.compress(b"{}")),
    "another": ("br", b"{}"),
    "several": ("gzip, deflate", b"{}"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_cannot_be_decompressed_is_refused(url: str, name: str) -> None:
    encoding, body = BROKEN[name]
    with pytest.raises(SerializationException):
        decompress(encoding.encode(), body)
    reply = exchange(url, post(body, content_encoding=encoding))
    assert (reply.status, reply.json["__type"].rpartition("#")[2]) == (
        400,
        "SerializationException",
    )


@pytest.mark.parametrize("compress", [gzip.compress, zlib.compress])
def test_a_bomb_is_refused_before_it_is_whole(url: str, compress: Callable[[bytes], bytes]) -> None:
    encoding = "gzip" if compress is gzip.compress else "deflate"
    bomb = compress(bytes(64 * 1024 * 1024))
    with pytest.raises(BodyTooLarge):
        decompress(encoding.encode(), bomb)
    assert exchange(url, post(bomb, content_encoding=encoding)).status == 413


def test_a_bomb_in_parts_is_refused_too() -> None:
    with pytest.raises(BodyTooLarge):
        decompress(b"gzip", gzip.compress(bytes(9 * 1024 * 1024)) * 2)
