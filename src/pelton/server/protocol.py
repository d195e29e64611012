"""The short way from a socket to the service, without ASGI, for `POST /` over HTTP/1.1.

A request that goes through uvicorn's ASGI protocol costs 46 us before anything is done for it
(a task, an event, two writes); this way it is 13 us, measured on the same core. Whatever is no
`POST /` is handed to uvicorn with its connection, so that nothing else of HTTP is spoken here.
"""

from __future__ import annotations

import asyncio
import http
from collections import deque
from typing import TYPE_CHECKING, Any
from zlib import crc32

import httptools

from .service import PLAIN, Exchange
from .wire import BODY_BYTES_MAX

if TYPE_CHECKING:
    from .connections import Connections

HEAD_BYTES_MAX = 16 * 1024
"""The most bytes a request's head, or what follows its body, may take. Source: observed at AWS.

While it comes in it is counted in pieces, without the first one of them.
"""

NOT_HTTP = "Invalid HTTP request received."

LINGER_SECONDS = 1.0
"""How long a refused client may go on sending; closing at once would take the reply from it."""

_STATUS_LINES = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode()
    for status in http.HTTPStatus
}

_START = b"POST /"


class Connection(asyncio.Protocol):
    """One client's connection: takes requests apart and answers them one at a time, in order."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._service = connections.service
        self._transport: Any = None
        self._parser: Any = httptools.HttpRequestParser(self)
        self._exchange: ConnectionExchange | None = None
        """The request that is being answered."""
        self._waiting: deque[tuple[dict[bytes, bytes], bytes, bytes, bool]] = deque()
        """Whole requests that came in one piece with the one before them."""
        self._unparsed = b""
        """What came behind the request that is being answered."""
        self._is_in_message = False
        self._has_head = False
        self._bodiless_bytes: int | None = None
        """What came of the request since its start or since its body last grew."""
        self._measures_heads = False
        """Whether a head may be too large: one that came whole in a small piece is not."""
        self._is_write_paused = False
        self._is_read_paused = False
        self._is_advancing = False
        self._is_refused = False
        """Whether nothing of what comes in is looked at any more."""
        self._closes_next = False
        """Whether the connection ends with the next reply."""
        self._stays_line = b""
        """The header that says that it stays, for who asked: clients of HTTP/1.0 wait for it."""
        self._was_active = True

    # --- the transport -------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._connections.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._connections.discard(self)
        self._waiting.clear()
        self._parser = None  # It refers to this object: together they would wait for the collector.

    def eof_received(self) -> bool:
        """Whether the connection stays: a client may end its side and wait for its answer."""
        self._closes_next = True
        return self._exchange is not None

    def pause_writing(self) -> None:
        # A client that does not read its answers gets no further requests answered either.
        self._is_write_paused = self._is_read_paused = True
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._is_write_paused = False
        self._advance()

    def data_received(self, data: bytes) -> None:
        if self._is_refused:
            return
        if not self._is_in_message:
            if self._exchange is not None or self._is_write_paused:
                self._unparsed += data
                self._is_read_paused = True
                self._transport.pause_reading()
                return
            if self._unparsed:
                data, self._unparsed = self._unparsed + data, b""
            if data[:6] != _START or data[6:7] not in (b" ", b"?"):
                self._begin_otherwise(data)
                return
            if len(data) > HEAD_BYTES_MAX:
                self._measures_heads = True
        else:
            self._measures_heads = True
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._decline_upgrade(data[upgrade.args[0] :])
            return
        except httptools.HttpParserError:
            self._refuse(400, NOT_HTTP.encode())
        if self._is_in_message:
            # The piece that a request begins in may hold whole requests before it: not counted.
            counted = self._bodiless_bytes
            self._bodiless_bytes = 0 if counted is None else counted + len(data)
            if self._bodiless_bytes > HEAD_BYTES_MAX:
                self._refuse(400, NOT_HTTP.encode())
        if self._waiting:
            self._is_read_paused = True
            self._transport.pause_reading()

    def _begin_otherwise(self, data: bytes) -> None:
        """Deals with bytes between requests that do not start as `POST /` does."""
        data = data.lstrip(b"\r\n")
        if data[:6] == _START and data[6:7] in (b" ", b"?"):
            self.data_received(data)
        elif len(data) <= 6 and _START.startswith(data):
            self._unparsed = data  # Too little to tell yet.
        else:
            self._connections.hand_over(self, self._transport, data)

    def _decline_upgrade(self, rest: bytes) -> None:
        """Goes on in HTTP/1.1 where the client offered another protocol, as Java's does h2c.

        The parser has taken what follows the head for the other protocol's, so it gets the head
        once more, without the offer.
        """
        self._parser = httptools.HttpRequestParser(self)
        lines = [b"POST %s HTTP/1.1" % self._url]
        for name, value in self._headers.items():
            if name not in (b"connection", b"upgrade"):
                lines.append(b"%s: %s" % (name, value))
        self._is_in_message = False
        self.data_received(b"\r\n".join([*lines, b"", rest]))

    def _refuse(self, status: int, body: bytes) -> None:
        """Says why this connection ends, unless the reply to an earlier request is still due."""
        if self._is_refused:
            return
        self._is_refused = self._closes_next = True
        if self._exchange is None and not self._transport.is_closing():
            self._exchange = exchange = ConnectionExchange(self)
            exchange.content_type = PLAIN
            exchange.reply(status, body)

    # --- the parser ----------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        self._is_in_message = True
        self._has_head = False
        self._bodiless_bytes = None
        self._url = b""
        self._headers: dict[bytes, bytes] = {}
        self._body: list[bytes] = []
        self._body_bytes = 0

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._has_head:  # What comes behind a body in chunks is no header any more.
            self._headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        self._has_head = True
        headers = self._headers
        if self._measures_heads and self._head_bytes() > HEAD_BYTES_MAX:
            self._refuse(400, NOT_HTTP.encode())
        elif int(headers.get(b"content-length", 0)) > BODY_BYTES_MAX:
            self._refuse(413, b"")
        elif b"expect" in headers and self._exchange is None:
            if headers[b"expect"].lower() == b"100-continue":
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _head_bytes(self) -> int:
        fields = self._headers.items()
        return len(self._url) + sum(len(name) + len(value) for name, value in fields)

    def on_body(self, body: bytes) -> None:
        if self._is_refused:
            return
        self._body.append(body)
        self._body_bytes += len(body)
        self._bodiless_bytes = None
        if self._body_bytes > BODY_BYTES_MAX:
            self._body.clear()
            self._refuse(413, b"")

    def on_message_complete(self) -> None:
        self._is_in_message = False
        self._was_active = True
        if self._is_refused:
            return
        if b"upgrade" in self._headers and self._parser.should_upgrade():
            return  # It comes once more, with its body.
        path, _, query = self._url.partition(b"?")
        if path != b"/" or self._parser.get_method() != b"POST":
            # In one piece behind a `POST /`, it cannot be handed over any more. The client sees the
            # connection end without an answer and asks again, as HTTP tells it to.
            self._refuse_silently()
            return
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        request = (self._headers, query, body, self._parser.should_keep_alive())
        if self._exchange is None and not self._is_write_paused and not self._waiting:
            self._start(*request)
        else:
            self._waiting.append(request)

    def _refuse_silently(self) -> None:
        self._is_refused = self._closes_next = True
        if self._exchange is None and not self._waiting:
            self._transport.close()

    # --- requests and replies ------------------------------------------------------------------

    def _start(
        self, headers: dict[bytes, bytes], query: bytes, body: bytes, keeps_alive: bool
    ) -> None:
        if not keeps_alive:
            self._closes_next = True
        self._stays_line = b"connection: keep-alive\r\n" if b"connection" in headers else b""
        self._exchange = exchange = ConnectionExchange(self)
        self._service.answer(headers, query, body, exchange)

    def send_reply(self, exchange: ConnectionExchange, status: int, body: bytes) -> None:
        """Writes the reply to the request under way, and goes on to the next."""
        if exchange is not self._exchange:
            return  # It has been answered: what failed came after that.
        transport = self._transport
        self._exchange = None
        if transport.is_closing():
            return
        more = b"connection: close\r\n" if self._closes_next else self._stays_line
        if exchange.more_headers:
            more += b"".join(b"%s: %s\r\n" % each for each in exchange.more_headers)
        head = (
            b"%sdate: %s\r\nx-amzn-requestid: %s\r\nx-amz-crc32: %d\r\ncontent-type: %s\r\n"
            b"content-length: %d\r\n%s\r\n"
        ) % (
            _STATUS_LINES[status],
            self._connections.date,
            exchange.request_id,
            crc32(body),
            exchange.content_type,
            len(body),
            more,
        )
        # One write: two would be two system calls, and two packets to wake the client for.
        transport.write(head + body)
        if self._closes_next:
            self._end()
        elif self._waiting or self._is_read_paused:
            self._advance()

    def _end(self) -> None:
        if self._is_refused:
            asyncio.get_running_loop().call_later(LINGER_SECONDS, self._transport.close)
        else:
            self._transport.close()

    def _advance(self) -> None:
        """Goes on with what has waited, until some of it has to wait again."""
        if self._is_advancing:
            return  # Called from within the loop below, by a reply that came at once.
        self._is_advancing = True
        try:
            while self._waiting and self._can_start():
                self._start(*self._waiting.popleft())
        finally:
            self._is_advancing = False
        if self._can_start():
            self._is_read_paused = False
            self._transport.resume_reading()
            if self._unparsed and not self._is_in_message:
                self.data_received(b"")

    def _can_start(self) -> bool:
        is_free = self._exchange is None and not self._is_write_paused
        return is_free and not self._transport.is_closing()

    # --- the server ----------------------------------------------------------------------------

    def shutdown(self) -> None:
        """Ends the connection, after the reply where a request has begun. uvicorn calls this."""
        if self._exchange is None and not (self._is_in_message and self._has_head):
            self._transport.close()
        else:
            self._closes_next = True

    def close_if_idle(self) -> None:
        """Ends the connection if no whole request came since this was last called."""
        if not self._was_active and self._exchange is None:
            self._transport.close()
        self._was_active = False


class ConnectionExchange(Exchange):
    """An exchange whose reply goes to a connection."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection._service)
        self._connection = connection

    def reply(self, status: int, body: bytes) -> None:
        self._connection.send_reply(self, status, body)
