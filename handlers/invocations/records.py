"""Events of streams that somebody sends by hand, for handlers that are called for each record."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import orjson

from ...streams import Record
from ...streams.sequence import from_wire
from ..change import RecordChange
from ..handler import Handler
from ..python_values import item_to_python


def arguments_of(handler: Handler, event: Any) -> list[Any]:
    """What a record-level handler is called with for an event: an argument for each record of a
    kind that it is called for, in their order.

    Raises ValueError where the event is none of a stream.
    """
    records = event.get("Records") if isinstance(event, dict) else None
    if not isinstance(records, list):
        raise ValueError(
            f"{handler.name} is called for each change of an item: invoke it with an event of a "
            'stream, {"Records": [...]}'
        )
    try:
        return [
            _argument_of(handler, each)
            for each in records
            if each["eventName"] in handler.shape.event_names
        ]
    except (KeyError, TypeError, IndexError) as error:
        raise ValueError(f"a record of this event is none of a stream: {error!r}") from error


def _argument_of(handler: Handler, record: dict[str, Any]) -> Any:
    image = handler.shape.needed_image
    if image is None:
        return RecordChange(_record_of(record), record["eventSourceARN"].split("/")[1])
    return item_to_python(record["dynamodb"]["NewImage" if image == "NEW" else "OldImage"])


def _record_of(record: dict[str, Any]) -> Record:
    """The record as a stream would have it: the id and the event's name stand first in its JSON."""
    data = record["dynamodb"]
    text = str(record.get("eventID", "")).encode()
    first = {"eventID": blake2b(text, digest_size=16).hexdigest(), "eventName": None}
    body = orjson.dumps({**first, **record, "eventID": first["eventID"]})
    try:
        sequence = from_wire(data["SequenceNumber"])
    except ValueError:
        sequence = 0  # of another service: there is no number of ours for it
    return Record(sequence, 0, int(data["ApproximateCreationDateTime"] * 1000), body)
