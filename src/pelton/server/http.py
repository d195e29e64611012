"""The server as an ASGI application: the wire protocol at `/`, pages at every other path.

`protocol.py` is a shorter way to the same service, which most requests take.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from .service import NOT_THE_PROTOCOL, PLAIN, Exchange, Service
from .wire import BODY_BYTES_MAX

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

LAMBDA_PATH = re.compile(r"/20\d\d-\d\d-\d\d/")
"""How every path of Lambda's API begins: with the day that its operation is of."""


class WireApp:
    """Answers `POST /` as DynamoDB and `GET /` as its health check.

    `functions` answers paths of Lambda's API where there is one, `pages` all others.
    """

    def __init__(self, service: Service, pages: ASGIApp, functions: ASGIApp | None = None) -> None:
        self._service = service
        self._pages = pages
        self._functions = functions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        if scope["path"] != "/":
            is_lambda = self._functions is not None and LAMBDA_PATH.match(scope["path"])
            pages = self._functions if is_lambda and self._functions else self._pages
            await pages(scope, receive, send)
            return
        exchange = _ASGIExchange(self._service)
        headers = dict(scope["headers"])
        is_cut_off = False
        if scope["method"] == "POST":
            body = await receive_body(headers.get(b"content-length", b""), receive)
            if body is None:
                return  # The client has gone.
            is_cut_off = len(body) > BODY_BYTES_MAX
            if is_cut_off:
                exchange.reply(413, b"")
            else:
                self._service.answer(headers, scope["query_string"], body, exchange)
        else:
            self._answer_otherwise(scope["method"], headers, exchange)
        status, body = await exchange.replied
        headers_out = exchange.headers(body)
        if is_cut_off:
            headers_out.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": status, "headers": headers_out})
        await send({"type": "http.response.body", "body": body})

    def _answer_otherwise(
        self, method: str, headers: dict[bytes, bytes], exchange: _ASGIExchange
    ) -> None:
        """Answers what is no `POST`: the health check, and browsers that ask what they may send."""
        exchange.content_type = PLAIN
        origins = self._service.origins
        if method == "OPTIONS":
            exchange.more_headers = origins.preflight_headers(headers)
            if exchange.more_headers:
                exchange.reply(200, b"")
                return
        elif b"origin" in headers:
            exchange.more_headers = origins.headers_for(headers[b"origin"])
        if method in ("GET", "HEAD"):
            exchange.reply(200, self._service.healthy)
        else:
            exchange.reply(404, NOT_THE_PROTOCOL)


class _ASGIExchange(Exchange):
    """An exchange whose reply a coroutine waits for."""

    __slots__ = ("replied",)

    def __init__(self, service: Service) -> None:
        super().__init__(service)
        self.replied: asyncio.Future[tuple[int, bytes]]
        self.replied = asyncio.get_running_loop().create_future()

    def reply(self, status: int, body: bytes) -> None:
        if not self.replied.done():
            self.replied.set_result((status, body))


async def receive_body(announced: bytes, receive: Receive) -> bytes | None:
    """A request's body, cut off soon after 16 MB; None if the client went.

    One that announces more than 16 MB comes back as too long without being waited for.
    """
    if announced.isdigit() and int(announced) > BODY_BYTES_MAX:
        return bytes(BODY_BYTES_MAX + 1)
    pieces: list[bytes] = []
    size, more = 0, True
    while more and size <= BODY_BYTES_MAX:
        message = await receive()
        piece = message.get("body")
        if piece is None:
            return None
        pieces.append(piece)
        size += len(piece)
        more = message.get("more_body", False)
    return b"".join(pieces)
