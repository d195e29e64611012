"""The ASGI application of the wire protocol: the only module here that speaks HTTP."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import urlsplit
from zlib import crc32

from pelton.engine import Database
from pelton.engine.errors import SerializationException, UnknownOperationException

from .credentials import region_signed_for
from .errors import AccessDeniedException, present_error
from .mailbox import Completion, Mailbox
from .regions import Regions
from .wire import (
    BODY_BYTES_MAX,
    BodyTooLarge,
    decompress_gzip,
    parse_request,
    present_answer,
    present_stored,
    targets_of,
)

log = logging.getLogger("pelton.server")

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = Mapping[bytes, bytes]

JSON_1_0 = b"application/x-amz-json-1.0"
CONTENT_TYPES = {JSON_1_0: JSON_1_0, b"application/json": b"application/json"}
LOOPBACK_NAMES = frozenset({"127.0.0.1", "::1", "localhost"})

NOT_THE_PROTOCOL = b"<UnknownOperationException/>\n"
"""AWS's answer, with status 404, to what is no request of its protocol."""


class WireApp:
    """Answers `POST /` as DynamoDB and `GET /` as its health check; `pages` answers other paths.

    `random_source` gives the request ids.
    """

    def __init__(
        self, regions: Regions, pages: ASGIApp, random_source: random.Random | None = None
    ) -> None:
        self._regions = regions
        self._pages = pages
        self._random_bits = (random_source or random.Random()).getrandbits
        self._targets = targets_of(regions.operations())
        self._mailbox: Mailbox | None = None
        healthy = f"healthy: dynamodb.{regions.default_region}.amazonaws.com "
        self._healthy = healthy.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        if scope["path"] != "/":
            await self._pages(scope, receive, send)
        elif scope["method"] == "POST":
            await self._answer_post(scope, receive, send)
        elif scope["method"] in ("GET", "HEAD"):
            await self._send(send, 200, self._healthy, b"text/plain", self._request_id())
        else:
            await self._send(send, 404, NOT_THE_PROTOCOL, b"text/plain", self._request_id())

    async def _answer_post(self, scope: Scope, receive: Receive, send: Send) -> None:
        message = await receive()
        body = message.get("body")
        request_id = self._request_id()
        if message.get("more_body"):
            body = await _receive_rest(body or b"", scope, receive)
            if body is not None and len(body) > BODY_BYTES_MAX:
                await self._refuse_size(send, request_id)
                return
        if body is None:
            return  # The client has gone.
        headers = dict(scope["headers"])
        content_type = headers.get(b"content-type", b"")
        if content_type != JSON_1_0:
            content_type = CONTENT_TYPES.get(content_type.partition(b";")[0].strip(), b"")
            if not content_type and body:
                await self._send(send, 404, NOT_THE_PROTOCOL, b"text/plain", request_id)
                return
        try:
            database, operation, request = self._read(scope, headers, body)
            completion = Completion(self._mailbox or self._open_mailbox())
            database.submit(operation, request, completion, present=present_stored)
            if not completion.is_here:
                await completion.wait()
            if completion.error is not None:
                raise completion.error
            status, answer = 200, present_answer(completion.answer)
        except BodyTooLarge:
            await self._refuse_size(send, request_id)
            return
        except Exception as error:
            status, answer = present_error(error, request_id)
        await self._send(send, status, answer, content_type or JSON_1_0, request_id)

    def _read(
        self, scope: Scope, headers: Headers, body: bytes
    ) -> tuple[Database, str, dict[str, Any]]:
        """What a request asks of whom, checked in the order AWS checks it."""
        if b"content-encoding" in headers:
            body = _decode(headers[b"content-encoding"], body)
        request = parse_request(body) if body else None
        target = headers.get(b"x-amz-target", b"")
        operation = self._targets.get(target)
        if operation is None:
            raise _unknown_operation(target)
        region = region_signed_for(headers, scope["query_string"])
        if b"origin" in headers:
            _check_origin(headers[b"origin"])
        if request is None:
            raise SerializationException("")
        return self._regions.database_for(region), operation, request

    def _open_mailbox(self) -> Mailbox:
        self._mailbox = Mailbox(asyncio.get_running_loop())
        return self._mailbox

    def _request_id(self) -> bytes:
        # 52 characters as AWS's ids have; hexadecimal, for it is the cheapest to make.
        return b"%052X" % self._random_bits(208)

    async def _refuse_size(self, send: Send, request_id: bytes) -> None:
        await self._send(send, 413, b"", b"text/plain", request_id, closes=True)

    async def _send(
        self,
        send: Send,
        status: int,
        body: bytes,
        content_type: bytes,
        request_id: bytes,
        *,
        closes: bool = False,
    ) -> None:
        headers = [
            (b"x-amzn-requestid", request_id),
            (b"x-amz-crc32", b"%d" % crc32(body)),
            (b"content-type", content_type),
            (b"content-length", b"%d" % len(body)),
        ]
        if closes:
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


async def _receive_rest(body: bytes, scope: Scope, receive: Receive) -> bytes | None:
    """The whole body that starts with `body`, cut off soon after 16 MB; None if the client went.

    A body that announces more than 16 MB is given back as too long without waiting for it.
    """
    announced = dict(scope["headers"]).get(b"content-length", b"0")
    if announced.isdigit() and int(announced) > BODY_BYTES_MAX:
        return bytes(BODY_BYTES_MAX + 1)
    pieces, size, more = [body], len(body), True
    while more and size <= BODY_BYTES_MAX:
        message = await receive()
        piece = message.get("body")
        if piece is None:
            return None
        pieces.append(piece)
        size += len(piece)
        more = message.get("more_body", False)
    return b"".join(pieces)


def _decode(encoding: bytes, body: bytes) -> bytes:
    name = encoding.strip().lower()
    if name == b"gzip":
        return decompress_gzip(body)
    if name in (b"", b"identity"):
        return body
    raise SerializationException(
        f"Content-Encoding {encoding.decode('latin-1')} is not supported: send gzip or none"
    )


def _unknown_operation(target: bytes) -> UnknownOperationException:
    """AWS's bare error, or a word about what the API has and pelton does not have yet."""
    from pelton.engine.model import operations

    if target in targets_of(operations()):
        name = target.decode().partition(".")[2]
        return UnknownOperationException(f"pelton does not support {name} yet")
    return UnknownOperationException("")


def _check_origin(origin: bytes) -> None:
    # Browsers name the page's origin in every POST. Without this, a page from anywhere that makes
    # its own host name resolve to this machine could read and write the tables.
    try:
        host = urlsplit(origin.decode("latin-1")).hostname
    except ValueError:
        host = None
    if host not in LOOPBACK_NAMES:
        raise AccessDeniedException(
            f"Requests from web pages of {origin.decode('latin-1')} are refused: only pages of "
            "this machine may use this server."
        )
