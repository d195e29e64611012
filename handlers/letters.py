"""Dead letters read back: listed, found, and shown whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from ..engine import Database
from ..streams import Record, from_wire
from .attempts import Attempt
from .dead_letters import TABLE_NAME, keys_of_letter
from .python_values import item_to_python, item_to_wire


@dataclass(frozen=True)
class Letter:
    """A dead letter as it is kept; `attempts` counts the calls on what was given up.

    A letter that is held behind another has no failures and no error until it is redriven.
    """

    handler_name: str
    sequence_number: str
    table_name: str
    stream_arn: str
    shard_id: str
    event_name: str
    record: Record
    parts: int
    condition: str | None
    attempts: int
    failures: tuple[Attempt, ...]
    """The failed calls that the record was part of, as far as they are kept, the oldest first."""
    error_type: str | None
    error_message: str | None
    traceback: str | None
    changed_at_ms: int
    failed_at_ms: int
    is_held: bool
    """Whether it waits for its item to be let out of quarantine."""

    @property
    def key(self) -> dict[str, Any]:
        """The key of the item that changed, as Python values."""
        return item_to_python(self.whole_record["dynamodb"]["Keys"])

    @property
    def whole_record(self) -> dict[str, Any]:
        """The record as GetRecords gave it, in wire form."""
        record: dict[str, Any] = orjson.loads(self.record.body)
        return record

    @property
    def item_keys(self) -> list[dict[str, str]]:
        """The keys of the items that keep it in the table of dead letters."""
        return keys_of_letter(self.handler_name, self.sequence_number, self.parts)


def letters_of(
    database: Database, handler_name: str | None = None, key: Mapping[str, Any] | None = None
) -> Iterator[Letter]:
    """The letters of a handler, or of all, about the item of a key, or about all.

    They come in the order of their handlers' names, and then in that of their sequence numbers.
    """
    if TABLE_NAME not in database.catalog.tables:
        return
    for name in [handler_name] if handler_name is not None else handler_names(database):
        for letter in _in_order(database, name):
            if key is None or letter.key == key:
                yield letter


def find_letter(database: Database, handler_name: str, sequence_number: str) -> Letter | None:
    """One letter; None where there is none."""
    if TABLE_NAME not in database.catalog.tables:
        return None
    found = list(
        _items(
            database,
            "handler_name = :h AND begins_with(sequence_number, :s)",
            {":h": handler_name, ":s": sequence_number},
        )
    )
    if not found or found[0]["sequence_number"] != sequence_number:
        return None
    return _whole(found[0], found[1:])


def handler_names(database: Database) -> list[str]:
    """The names of the handlers that have letters."""
    names: set[str] = set()
    request: dict[str, Any] = {"TableName": TABLE_NAME, "ProjectionExpression": "handler_name"}
    while True:
        answer = database.call("Scan", request)
        names |= {item["handler_name"]["S"] for item in answer["Items"]}
        if "LastEvaluatedKey" not in answer:
            return sorted(names)
        request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def _in_order(database: Database, handler_name: str) -> Iterator[Letter]:
    head: dict[str, Any] | None = None
    more: list[dict[str, Any]] = []
    for item in _items(database, "handler_name = :h", {":h": handler_name}):
        if "record_parts" not in item:
            more.append(item)
            continue
        if head is not None:
            yield _whole(head, more)
        head, more = item, []
    if head is not None:
        yield _whole(head, more)


def _items(database: Database, condition: str, values: dict[str, Any]) -> Iterator[dict[str, Any]]:
    request: dict[str, Any] = {
        "TableName": TABLE_NAME,
        "KeyConditionExpression": condition,
        "ExpressionAttributeValues": item_to_wire(values),
        "ConsistentRead": True,
    }
    while True:
        answer = database.call("Query", request)
        yield from map(item_to_python, answer["Items"])
        if "LastEvaluatedKey" not in answer:
            return
        request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def _whole(head: dict[str, Any], more: list[dict[str, Any]]) -> Letter:
    sequence = from_wire(head["sequence_number"])
    # A letter that an older version wrote does not know its commit.
    transaction = head.get("transaction", sequence)
    body = "".join([head["record_json"], *(item["record_json"] for item in more)])
    return Letter(
        handler_name=head["handler_name"],
        sequence_number=head["sequence_number"],
        table_name=head["table_name"],
        stream_arn=head["stream_arn"],
        shard_id=head["shard_id"],
        event_name=head["event_name"],
        record=Record(sequence, transaction, head["changed_at_ms"], body.encode()),
        parts=head["record_parts"],
        condition=head.get("condition"),
        attempts=head["attempts"],
        failures=tuple(_attempt_of(each) for each in head.get("failures", ())),
        error_type=head.get("error_type"),
        error_message=head.get("error_message"),
        traceback=head.get("traceback"),
        changed_at_ms=head["changed_at_ms"],
        failed_at_ms=head["failed_at_ms"],
        is_held=head.get("held", False),
    )


def _attempt_of(told: dict[str, Any]) -> Attempt:
    return Attempt(**{"traceback": "", **told})
