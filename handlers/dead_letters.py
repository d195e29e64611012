"""Dead letters: records whose handler kept failing, whole, in an ordinary table.

The table is `pelton.dead-letters`, made when the first record is buried; its items are keyed by
handler and sequence number, so each handler's dead letters read in the order they happened.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from ..engine import Database
from ..engine.errors import ResourceInUseException
from ..streams import Record, Shard, to_wire
from .transaction import HandlerTransaction

TABLE_NAME = "pelton.dead-letters"

PART_CHARACTERS_MAX = 90_000
"""A record can be larger than an item may be: its JSON is kept in parts of less than 400 KB."""

TRACEBACK_CHARACTERS_MAX = 8_000
ERROR_CHARACTERS_MAX = 2_000

_HERE = os.path.dirname(os.path.abspath(__file__))


@dataclass(frozen=True)
class DeadLetter:
    """A record with the failure that it was given up for."""

    handler_name: str
    shard: Shard
    record: Record
    error: BaseException
    attempts: int
    failed_at_ms: int

    def items(self) -> Iterator[dict[str, Any]]:
        """The items that keep it: one, and one more for each further part of a large record.

        `record_json` is the record's JSON as GetRecords gives it. Where there are `record_parts`
        beyond the first, they are in the items whose sort key has `.0001`, `.0002`, ... behind it.
        """
        text = self.record.body.decode()
        starts = range(0, len(text), PART_CHARACTERS_MAX)
        parts = [text[start : start + PART_CHARACTERS_MAX] for start in starts]
        sequence_number = to_wire(self.record.sequence)
        yield {
            "handler_name": self.handler_name,
            "sequence_number": sequence_number,
            "table_name": self.shard.table_name,
            "stream_arn": self.shard.stream_arn,
            "shard_id": self.shard.shard_id,
            "event_name": self.record.event_name,
            "record_json": parts[0],
            "record_parts": len(parts),
            "error_type": type(self.error).__qualname__,
            "error_message": str(self.error)[:ERROR_CHARACTERS_MAX],
            "traceback": format_traceback(self.error),
            "attempts": self.attempts,
            "changed_at_ms": self.record.at_ms,
            "failed_at_ms": self.failed_at_ms,
        }
        for number, part in enumerate(parts[1:], 1):
            key = f"{sequence_number}.{number:04d}"
            yield {"handler_name": self.handler_name, "sequence_number": key, "record_json": part}


def bury(database: Database, letters: list[DeadLetter]) -> HandlerTransaction:
    """The writes that keep dead letters, to be committed with the position behind their records."""
    _ensure_table(database)
    transaction = HandlerTransaction(database)
    for letter in letters:
        for item in letter.items():
            transaction.put(TABLE_NAME, item)
    return transaction


def format_traceback(error: BaseException) -> str:
    """The traceback from the handler on: pelton's own frames above it tell its author nothing."""
    frames: TracebackType | None = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename.startswith(_HERE):
        frames = frames.tb_next
    text = "".join(traceback.format_exception(type(error), error, frames))
    return text[-TRACEBACK_CHARACTERS_MAX:]


def _ensure_table(database: Database) -> None:
    if TABLE_NAME in database.catalog.tables:
        return
    names = {"handler_name": "HASH", "sequence_number": "RANGE"}
    request = {
        "TableName": TABLE_NAME,
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in names],
        "KeySchema": [{"AttributeName": name, "KeyType": kind} for name, kind in names.items()],
        "BillingMode": "PAY_PER_REQUEST",
    }
    try:
        database.call("CreateTable", request)
    except ResourceInUseException:
        pass  # another worker was quicker
