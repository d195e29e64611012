"""Lambda's API over HTTP, as an ASGI application beside the wire protocol of DynamoDB."""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
import uuid
from collections.abc import Callable
from typing import Any

from ..credentials import region_signed_for
from ..http import Receive, Scope, Send, receive_body
from ..origins import Origins
from ..regions import Regions
from .errors import LambdaError, present_error
from .region import LambdaRegions
from .reply import Reply
from .routes import find_route
from .service import answer

Headers = dict[bytes, bytes]


class LambdaApp:
    """Answers requests for some regions, each on a thread of its own: functions may take long."""

    def __init__(
        self,
        regions: Regions,
        lambda_regions: LambdaRegions,
        origins: Origins,
        random_source: random.Random | None = None,
    ) -> None:
        self._regions = regions
        self._lambda_regions = lambda_regions
        self._origins = origins
        self._random_bits = (random_source or random.Random()).getrandbits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: Headers = dict(scope["headers"])
        if scope["method"] == "OPTIONS":
            granted = self._origins.preflight_headers(headers)
            await _send(send, 200 if granted else 404, list(granted), b"")
            return
        body = await receive_body(headers.get(b"content-length", b""), receive)
        if body is None:
            return  # The client has gone.
        request_id = str(uuid.UUID(int=self._random_bits(128), version=4))
        try:
            reply = await self._answer(scope, headers, body, request_id)
        except Exception as error:
            status, code, text = present_error(error, request_id)
            reply = Reply(status, text, [("x-amzn-errortype", code)])
        more = self._origins.headers_for(headers[b"origin"]) if b"origin" in headers else ()
        own = [(name.encode(), value.encode("latin-1")) for name, value in reply.headers]
        known = [(b"x-amzn-requestid", request_id.encode()), *own, *more]
        await _send(send, reply.status, known, reply.body)

    async def _answer(self, scope: Scope, headers: Headers, body: bytes, request_id: str) -> Reply:
        query: bytes = scope["query_string"]
        database = self._regions.database_for(region_signed_for(headers, query, "lambda"))
        if b"origin" in headers:
            self._origins.check(headers[b"origin"])
        path = scope["raw_path"].decode("latin-1")
        route = find_route(scope["method"], path)
        if route is None:
            raise LambdaError("UnknownOperationException", "")
        region = self._lambda_regions.region_of(database)
        return await _on_thread(
            lambda: answer(
                region,
                route,
                headers=headers,
                query=query,
                body=body,
                request_id=request_id,
            )
        )


async def _send(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    if status != 204:
        headers.append((b"content-type", b"application/json"))
        headers.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _on_thread(work: Callable[[], Reply]) -> asyncio.Future[Reply]:
    """What `work` returns or raises. A daemon thread: a function that hangs must not keep the
    process from its end, as a pool's would.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Reply] = loop.create_future()

    def tell(set_it: Callable[[Any], None], what: Any) -> None:
        if not future.done():
            set_it(what)

    def run() -> None:
        outcome: tuple[Callable[[Any], None], Any]
        try:
            outcome = future.set_result, work()
        except Exception as error:
            outcome = future.set_exception, error
        with contextlib.suppress(RuntimeError):  # The loop is closed: nobody waits any more.
            loop.call_soon_threadsafe(tell, *outcome)

    threading.Thread(target=run, name="pelton-lambda", daemon=True).start()
    return future
