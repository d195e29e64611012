"""Records for filters: bodies as the log gives them, of any change."""

from __future__ import annotations

from typing import Any

import orjson

from pelton.engine import Change
from pelton.streams import Record
from pelton.streams.records import pack_record, unpacker_of

ARN = "arn:aws:dynamodb:eu-west-1:123456789012:table/things/stream/2026-01-02T03:04:05.678"
TTL = {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"}

Item = dict[str, Any]


def record_of(
    new: Item | None = None,
    old: Item | None = None,
    *,
    sequence: int = 1,
    view: str = "NEW_AND_OLD_IMAGES",
    identity: dict[str, str] | None = None,
) -> Record:
    """The record of a change of an item whose key is "id"."""
    keys = {"id": (new or old or {}).get("id", {"S": "a"})}
    bodies = [None if item is None else orjson.dumps({**keys, **item}) for item in (old, new)]
    table: Any = None  # packing asks nothing of it
    change = Change(table, 0, keys, 3, bodies[0], 10, bodies[1], 10, 0, 0, identity)
    unpack = unpacker_of(ARN, view, "eu-west-1")
    body = unpack(pack_record(change, view), sequence, 1_700_000_000_000)
    return Record(sequence, sequence, 1_700_000_000_000, body)
