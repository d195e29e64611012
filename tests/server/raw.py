"""Requests as bytes on a socket: for what no SDK would send."""

from __future__ import annotations

import json
import socket
from typing import Any, NamedTuple
from urllib.parse import urlsplit

SIGNED = {
    "Host": "127.0.0.1",
    "Content-Type": "application/x-amz-json-1.0",
    "X-Amz-Date": "20260101T000000Z",
    "Authorization": (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/us-east-1/dynamodb/aws4_request, "
        "SignedHeaders=host;x-amz-date, Signature=0123456789abcdef"
    ),
}


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class RawClient:
    """One connection; `send` bytes, `receive` replies in order."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        self.socket = socket.create_connection((parts.hostname, parts.port or 80), timeout=30)
        self._buffer = b""

    def __enter__(self) -> RawClient:
        return self

    def __exit__(self, *error: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def receive(self, *, has_body: bool = True) -> Reply:
        """The next reply. Raises ConnectionError when the server closed before it was whole."""
        while b"\r\n\r\n" not in self._buffer:
            self._read()
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        status_line, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (x.partition(": ") for x in lines)}
        length = int(headers.get("content-length", "0")) if has_body else 0
        while len(self._buffer) < length:
            self._read()
        body, self._buffer = self._buffer[:length], self._buffer[length:]
        return Reply(int(status_line.split(" ")[1]), headers, body)

    def is_closed_by_server(self) -> bool:
        """Whether the server ends the connection without sending anything more."""
        try:
            return self._buffer == b"" and self.socket.recv(1) == b""
        except ConnectionResetError:
            return True

    def _read(self) -> None:
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError("the server closed the connection")
        self._buffer += data


def post(
    body: bytes = b"{}",
    target: str | None = "DynamoDB_20120810.ListTables",
    *,
    path: str = "/",
    method: str = "POST",
    **changes: str | None,
) -> bytes:
    """A request; a header given as None is left out, `_` in a name stands for `-`."""
    headers: dict[str, str | None] = {**SIGNED, "Content-Length": str(len(body))}
    if target is not None:
        headers["X-Amz-Target"] = target
    for name, value in changes.items():
        headers["-".join(part.capitalize() for part in name.split("_"))] = value
    lines = [f"{name}: {value}" for name, value in headers.items() if value is not None]
    return "\r\n".join([f"{method} {path} HTTP/1.1", *lines, "", ""]).encode("latin-1") + body


def exchange(url: str, request: bytes) -> Reply:
    """The reply to one request on a connection of its own."""
    with RawClient(url) as client:
        client.send(request)
        return client.receive(has_body=not request.startswith(b"HEAD"))
