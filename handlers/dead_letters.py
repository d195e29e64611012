"""Dead letters: records whose handler kept failing, whole, in an ordinary table.

The table is `pelton.dead-letters`, made when the first record is buried; its items are keyed by
handler and sequence number, so each handler's dead letters read in the order they happened.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from ..engine import Database
from ..engine.errors import ResourceInUseException
from ..streams import Record, Shard, to_wire
from .attempts import Attempt, format_traceback
from .destinations.invocation_record import Condition
from .transaction import HandlerTransaction

TABLE_NAME = "pelton.dead-letters"

PART_CHARACTERS_MAX = 60_000
"""A record can be larger than an item may be: its JSON is kept in parts, each of which leaves room
for what else is told within 400 KB, whatever characters they have."""

TRACEBACK_CHARACTERS_MAX = 8_000
ERROR_CHARACTERS_MAX = 2_000


@dataclass(frozen=True)
class DeadLetter:
    """A record with the failure that it was given up for.

    `attempts` counts the calls on exactly what was given up; `failures` are those that the record
    was part of, as far as they are kept. A record that waits behind a quarantined one is held: it
    was never tried, and has no error.
    """

    handler_name: str
    shard: Shard
    record: Record
    error: BaseException | None
    attempts: int
    failed_at_ms: int
    failures: Sequence[Attempt] = ()
    condition: Condition = Condition.RETRIES
    is_held: bool = False
    untold: str | None = None
    """Why the destination was not told of it, where there is one."""

    def items(self) -> Iterator[dict[str, Any]]:
        """The items that keep it: one, and one more for each further part of a large record.

        `record_json` is the record's JSON as GetRecords gives it. Where there are `record_parts`
        beyond the first, they are in the items whose sort key has `.0001`, `.0002`, ... behind it.
        """
        parts = _parts_of(self.record.body.decode())
        keys = keys_of_letter(self.handler_name, to_wire(self.record.sequence), len(parts))
        yield {
            **keys[0],
            "table_name": self.shard.table_name,
            "stream_arn": self.shard.stream_arn,
            "shard_id": self.shard.shard_id,
            "event_name": self.record.event_name,
            "item_key": item_key_of(self.record).decode(),
            "transaction": self.record.transaction,
            "record_json": parts[0],
            "record_parts": len(parts),
            "attempts": self.attempts,
            "changed_at_ms": self.record.at_ms,
            "failed_at_ms": self.failed_at_ms,
            **self._why(),
        }
        for key, part in zip(keys[1:], parts[1:], strict=True):
            yield {**key, "record_json": part}

    def _why(self) -> dict[str, Any]:
        if self.error is None:
            return {"held": True} if self.is_held else {}
        untold = {} if self.untold is None else {"untold": self.untold[:ERROR_CHARACTERS_MAX]}
        return {
            "condition": self.condition.value,
            "failures": [describe(each) for each in self.failures],
            **describe_failure(self.error),
            **untold,
        }


def bury(database: Database, letters: list[DeadLetter]) -> HandlerTransaction:
    """The writes that keep dead letters, to be committed with the position behind their records."""
    ensure_table(database)
    transaction = HandlerTransaction(database)
    for letter in letters:
        for item in letter.items():
            transaction.put(TABLE_NAME, item)
    return transaction


def describe_failure(error: BaseException) -> dict[str, Any]:
    """The attributes that tell of the last failure."""
    return {
        "error_type": type(error).__qualname__,
        "error_message": str(error)[:ERROR_CHARACTERS_MAX],
        "traceback": format_traceback(error, TRACEBACK_CHARACTERS_MAX),
    }


def describe(attempt: Attempt) -> dict[str, Any]:
    """An attempt as an element of the letter's `failures`."""
    told = attempt._asdict()
    if not attempt.traceback:
        del told["traceback"]
    return told


def item_key_of(record: Record) -> bytes:
    """The key of a record's item as JSON, the same whenever it is the same item."""
    keys = orjson.loads(record.body)["dynamodb"]["Keys"]
    return orjson.dumps(keys, option=orjson.OPT_SORT_KEYS)


def keys_of_letter(handler_name: str, sequence_number: str, parts: int) -> list[dict[str, str]]:
    """The keys of the items that keep a letter."""
    suffixes = ["", *(f".{number:04d}" for number in range(1, parts))]
    return [
        {"handler_name": handler_name, "sequence_number": sequence_number + suffix}
        for suffix in suffixes
    ]


def ensure_table(database: Database) -> None:
    """Makes the table of dead letters unless it is there."""
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


def _parts_of(text: str) -> list[str]:
    return [
        text[start : start + PART_CHARACTERS_MAX]
        for start in range(0, len(text), PART_CHARACTERS_MAX)
    ]
