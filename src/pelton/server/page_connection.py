"""Connections for everything but the wire protocol's own requests: uvicorn's, with limits added."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from .protocol import HEAD_BYTES_MAX, LINGER_SECONDS, NOT_HTTP

if TYPE_CHECKING:
    from .connections import Connections


class PageConnection(HttpToolsProtocol):
    """uvicorn's own protocol, which limits neither a head's size nor how long it may take."""

    def __init__(self, connections: Connections) -> None:
        super().__init__(connections.config, connections.state, connections.app_state)
        self._all = connections
        self._bodiless_bytes = 0
        """What came of the request since its start or since its body last grew."""
        self._has_grown = False
        self._is_refused = False
        self._was_active = True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._all.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._all.discard(self)

    def data_received(self, data: bytes) -> None:
        if self._is_refused:
            return
        self._has_grown = False
        super().data_received(data)
        # As on the short way, the piece that a request begins in is not counted here, but its
        # head is measured when it is whole.
        self._bodiless_bytes = 0 if self._has_grown else self._bodiless_bytes + len(data)
        if self._bodiless_bytes > HEAD_BYTES_MAX:
            self.send_400_response(NOT_HTTP)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._has_grown = True

    def on_headers_complete(self) -> None:
        size_bytes = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if size_bytes > HEAD_BYTES_MAX:
            raise ValueError("the head is too large")  # The parser makes a 400 of it.
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        super().on_body(body)
        self._has_grown = True

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._has_grown = self._was_active = True

    def send_400_response(self, msg: str) -> None:
        """Says that this was no HTTP, unless the reply to an earlier request is still due."""
        if self._is_refused:
            return
        self._is_refused = True
        if self.cycle is None or self.cycle.response_complete:
            self.transport.write(
                b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\ncontent-length: %d\r\n"
                b"connection: close\r\n\r\n%s" % (len(msg), msg.encode())
            )
        asyncio.get_running_loop().call_later(LINGER_SECONDS, self.transport.close)

    def close_if_idle(self) -> None:
        """Ends the connection if no whole request came since this was last called."""
        if not self._was_active and (self.cycle is None or self.cycle.response_complete):
            self.transport.close()
        self._was_active = False
