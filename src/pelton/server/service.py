"""The wire protocol itself: from a request's headers and body to its answer. Knows no sockets."""

from __future__ import annotations

import random
import threading
from collections.abc import Mapping
from functools import cache
from typing import Any
from zlib import crc32

from pelton.engine import Database
from pelton.engine.errors import SerializationException, UnknownOperationException
from pelton.engine.model import operations

from .credentials import region_signed_for
from .delay import CallLater, Delayed, Done
from .encodings import (
    COMPRESSED_BYTES_MIN,
    BodyTooLarge,
    chosen_encoding,
    compress,
    decompress,
)
from .errors import present_error
from .mailbox import Mailbox
from .origins import HeaderPairs, Origins
from .regions import Regions
from .turn import Turn
from .wire import parse_request, present_answer, present_stored, targets_of

Headers = Mapping[bytes, bytes]

JSON_1_0 = b"application/x-amz-json-1.0"
JSON = b"application/json"
PLAIN = b"text/plain"

NOT_THE_PROTOCOL = b"<UnknownOperationException/>\n"
"""AWS's answer, with status 404, to what is no request of its protocol."""


class Service:
    """Answers requests of the DynamoDB and DynamoDB Streams protocols for some regions.

    Made and used on the event loop's thread. `random_source` gives the request ids, `origins`
    says whose pages may use it, `call_later` holds answers back where latency is switched on.
    """

    def __init__(
        self,
        regions: Regions,
        mailbox: Mailbox,
        random_source: random.Random | None = None,
        origins: Origins | None = None,
        call_later: CallLater | None = None,
    ) -> None:
        self.regions = regions
        self.mailbox = mailbox
        self.origins = origins or Origins(())
        self._call_later = call_later or mailbox.loop.call_later
        self._random_bits = (random_source or random.Random()).getrandbits
        self._targets = targets_of(regions.operations())
        self._turns: dict[int, Turn] = {}
        self.healthy = f"healthy: dynamodb.{regions.default_region}.amazonaws.com ".encode()

    def request_id(self) -> bytes:
        # 52 characters as AWS's ids have; hexadecimal, for it is the cheapest to make.
        return b"%052X" % self._random_bits(208)

    def answer(self, headers: Headers, query: bytes, body: bytes, exchange: Exchange) -> None:
        """Answers a `POST /` through `exchange`, now or when its commit is done.

        `headers` have lower-case names; `query` is the raw query string.
        """
        if b"accept-encoding" in headers:
            exchange.accepted_encodings = headers[b"accept-encoding"]
        if b"origin" in headers:
            exchange.more_headers = self.origins.headers_for(headers[b"origin"])
        content_type = headers.get(b"content-type", b"")
        if content_type != JSON_1_0:
            content_type = content_type.partition(b";")[0].strip()
            if content_type == JSON or not (content_type or body):
                exchange.content_type = JSON
            elif content_type != JSON_1_0 and body:
                exchange.content_type = PLAIN
                exchange.reply(404, NOT_THE_PROTOCOL)
                return
        try:
            if b"content-encoding" in headers:
                body = decompress(headers[b"content-encoding"], body)
            # Checked in the order AWS checks it.
            request = parse_request(body) if body else None
            target = headers.get(b"x-amz-target", b"")
            operation = self._targets.get(target)
            if operation is None:
                raise _unknown_operation(target)
            database = self.regions.database_for(region_signed_for(headers, query))
            if b"origin" in headers:
                self.origins.check(headers[b"origin"])
            if request is None:
                raise SerializationException("")
            write = self._turn_of(database).write
            done: Done = exchange
            switches = database.switches
            if switches is not None and switches.latency is not None:
                delay_ms = switches.latency.next_ms()
                done = Delayed(exchange, delay_ms, self.mailbox.loop, self._call_later)
            if database.tracing is not None:
                with database.tracing.incoming(headers):
                    database.submit(operation, request, done, present=present_stored, write=write)
                return
            database.submit(operation, request, done, present=present_stored, write=write)
        except BodyTooLarge:
            exchange.reply(413, b"")
        except Exception as error:
            # Whatever it is, the client gets an answer and the log the reason: the parser, from
            # whose callback this is called, would swallow it.
            exchange(None, error)

    def _turn_of(self, database: Database) -> Turn:
        turn = self._turns.get(id(database))
        if turn is None:
            self._turns[id(database)] = turn = Turn(self.mailbox.loop, database)
        return turn


class Exchange:
    """One request and its answer: called by a database as `done(answer, error)`, once.

    Subclasses say where the reply goes.
    """

    __slots__ = (
        "_answer",
        "_error",
        "accepted_encodings",
        "content_type",
        "more_headers",
        "request_id",
        "service",
    )

    def __init__(self, service: Service) -> None:
        self.service = service
        self.request_id = service.request_id()
        self.content_type = JSON_1_0
        self.accepted_encodings = b""
        """The request's `Accept-Encoding`, by which a large answer is compressed."""
        self.more_headers: HeaderPairs = ()
        """The headers of the reply that few replies have."""

    def reply(self, status: int, body: bytes) -> None:
        """Sends the reply; on the event loop's thread."""
        raise NotImplementedError

    def __call__(self, answer: Any, error: BaseException | None) -> None:
        self._answer = answer
        self._error = error
        mailbox = self.service.mailbox
        # Reads are answered on the event loop's own thread before `submit` returns.
        if threading.get_ident() == mailbox.thread_id:
            self.arrive()
        else:
            mailbox.post(self)

    def arrive(self) -> None:
        status = 200
        if self._error is None:
            try:
                body = present_answer(self._answer)
            except Exception as error:
                status, body = present_error(error, self.request_id)
        else:
            status, body = present_error(self._error, self.request_id)
            self._error = None  # Its frames hold this exchange, and the items they saw.
        if len(body) > COMPRESSED_BYTES_MIN and self.accepted_encodings:
            encoding = chosen_encoding(self.accepted_encodings)
            if encoding is not None:
                body = compress(encoding, body)
                self.more_headers += ((b"content-encoding", encoding),)
        self.reply(status, body)

    def headers(self, body: bytes) -> list[tuple[bytes, bytes]]:
        """The headers of a reply with this body."""
        return [
            (b"x-amzn-requestid", self.request_id),
            (b"x-amz-crc32", b"%d" % crc32(body)),
            (b"content-type", self.content_type),
            (b"content-length", b"%d" % len(body)),
            *self.more_headers,
        ]


@cache
def _targets_of_the_api() -> frozenset[bytes]:
    return frozenset(targets_of(operations()))


def _unknown_operation(target: bytes) -> UnknownOperationException:
    """AWS's bare error, or a word about what the API has and pelton does not have yet."""
    if target in _targets_of_the_api():
        name = target.decode().partition(".")[2]
        return UnknownOperationException(f"pelton does not support {name} yet")
    return UnknownOperationException("")
