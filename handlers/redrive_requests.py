"""Requests for a redrive, kept in the file until whoever runs the handler has done it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, NamedTuple

import orjson

from ..engine import Database
from ..engine.storage import Reader, Transaction
from ..engine.storage.port import META_SPACE
from ..streams import Streams
from .calling import Caller
from .mapping import EventSourceMapping
from .python_values import item_to_python, item_to_wire
from .redrive import Redrive
from .scheduler import Next, Step, Task

log = logging.getLogger("pelton.handlers")

REQUEST_KIND = b"redrive-request"


class RedriveRequest(NamedTuple):
    """The letters of a handler about one item, or about all."""

    handler_name: str
    key: Mapping[str, Any] | None


def ask_for_redrive(
    database: Database, handler_names: Iterable[str], key: Mapping[str, Any] | None
) -> None:
    """Has the letters of handlers delivered by whoever runs them, now or when they are started."""
    rows = [_row_of(RedriveRequest(name, key)) for name in handler_names]

    def work(transaction: Transaction) -> None:
        for row in rows:
            transaction.put(META_SPACE, 0, REQUEST_KIND, row, 0, b"")

    database.write(work)


def requests_of(reader: Reader) -> list[RedriveRequest]:
    """The requests that nobody has done yet."""
    return [_request_of(sk) for sk, _, _ in reader.query(META_SPACE, 0, REQUEST_KIND)]


class RequestedRedrives(Task):
    """Does what was asked for, of the handlers that run here; woken when there may be something."""

    def __init__(
        self,
        database: Database,
        streams: Streams,
        caller: Caller,
        mappings: Callable[[], Mapping[str, EventSourceMapping]],
        should_stop: Callable[[], bool],
    ) -> None:
        self._database = database
        self._streams = streams
        self._caller = caller
        self._mappings = mappings
        self._should_stop = should_stop

    def step(self) -> Step:
        mappings = self._mappings()
        for request in self._database.store.read(requests_of):
            mapping = mappings.get(request.handler_name)
            if mapping is not None and mapping.enabled:
                self._do(request, mappings)
                return Next.AGAIN
        return Next.IDLE

    def describe(self) -> str:
        return "a redrive of dead letters that was asked for"

    def _do(self, request: RedriveRequest, mappings: Mapping[str, EventSourceMapping]) -> None:
        redrive = Redrive(self._database, self._streams, mappings, self._caller, self._should_stop)
        try:
            result = redrive.run(request.handler_name, request.key)
        except ValueError as error:
            log.error("dead letters of %r stay: %s", request.handler_name, error)
        else:
            if self._should_stop():
                return  # the rest is done at the next start
            log.info(
                "dead letters of %r: %d delivered, %d failed, %d wait behind them",
                request.handler_name,
                result.delivered,
                len(result.failed),
                result.waiting,
            )
        self._database.write(partial(_forget, row=_row_of(request)))


def _forget(transaction: Transaction, row: bytes) -> None:
    transaction.delete(META_SPACE, 0, REQUEST_KIND, row)


def _row_of(request: RedriveRequest) -> bytes:
    key = b""
    if request.key is not None:
        key = orjson.dumps(item_to_wire(request.key), option=orjson.OPT_SORT_KEYS)
    return request.handler_name.encode() + b"\0" + key


def _request_of(row: bytes) -> RedriveRequest:
    name, _, key = row.partition(b"\0")
    return RedriveRequest(name.decode(), item_to_python(orjson.loads(key)) if key else None)
