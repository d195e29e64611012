"""Logs that know the record: which handler, shard and record a line of a log is about."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

import orjson

from ..streams import Record, Shard, to_wire
from .observing import Call

FIELDS = {
    "handler": "handler",
    "table": "table",
    "shard_id": "shardId",
    "sequence_number": "sequenceNumber",
    "last_sequence_number": "lastSequenceNumber",
    "request_id": "requestId",
    "attempt": "attempt",
}
"""What a `logging.LogRecord` has of a call, and what it is called in JSON."""

_current: ContextVar[Call | None] = ContextVar("pelton_call", default=None)

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def call_fields(
    handler_name: str,
    shard: Shard | None,
    records: Sequence[Record],
    *,
    attempt: int,
    request_id: str,
) -> dict[str, Any]:
    """The fields of a call, to be given as `extra` to what logs about it."""
    fields: dict[str, Any] = {
        "handler": handler_name,
        "request_id": request_id,
        "attempt": attempt,
    }
    if shard is not None:
        fields["table"] = shard.table_name
        fields["shard_id"] = shard.shard_id
    if records:
        fields["sequence_number"] = to_wire(records[0].sequence)
        if len(records) > 1:
            fields["last_sequence_number"] = to_wire(records[-1].sequence)
    return fields


class CallFields:
    """An observer that has `CallFilter` know of the call."""

    @contextmanager
    def around(self, call: Call) -> Iterator[None]:
        token = _current.set(call)
        try:
            yield
        finally:
            _current.reset(token)


class CallFilter(logging.Filter):
    """Gives every line that is logged during a call of a handler the fields of that call.

    It belongs on a `logging.Handler`, not on a logger: only there it sees the lines of all loggers.
    It lets everything through, and knows of calls where a CallFields observes them.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        call = _current.get()
        if call is not None:
            fields = call_fields(
                call.handler_name,
                call.shard,
                call.records,
                attempt=call.context.attempt,
                request_id=call.context.aws_request_id,
            )
            record.__dict__.update({**fields, **record.__dict__})
        return True


class JSONLines(logging.Formatter):
    """A line of JSON for each line of the log, with the names that AWS Lambda's JSON logs have.

    These are timestamp, level, logger, message and requestId, and errorType, errorMessage and
    stackTrace for an exception; beside them FIELDS, and whatever `extra` a line was logged with.
    """

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC)
        line: dict[str, Any] = {
            "timestamp": f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        for name, value in vars(record).items():
            if name not in _STANDARD:
                line[FIELDS.get(name, name)] = value
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            line["errorType"] = type(error).__name__
            line["errorMessage"] = str(error)
            line["stackTrace"] = self.formatException(record.exc_info).splitlines()
        return orjson.dumps(line, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
