"""The change of one item, as record-level handlers see it: plain Python values."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, NamedTuple

import orjson

from ..streams import Record, to_wire
from .python_values import Item, item_to_python

Show = Callable[[Item], dict[str, Any]]
"""An item in wire form as a handler sees it."""


class Commit(NamedTuple):
    """Where a change stands among all those of the region."""

    transaction: int
    """A number that all changes of one atomic request share, whatever their tables and shards."""
    position: int
    """Greater than that of every change that was committed before it, of whatever table."""


class RecordChange:
    """What happened to one item; its values are converted when they are asked for.

    `event` is INSERT, MODIFY or REMOVE. `old` and `new` are None where there was or is no item, and
    where the stream's view type does not show it.
    """

    def __init__(self, record: Record, table_name: str, show: Show = item_to_python) -> None:
        self._record = record
        self._show = show
        self.table_name = table_name
        self.event = record.event_name
        self.sequence_number = to_wire(record.sequence)

    @cached_property
    def keys(self) -> dict[str, Any]:
        """The key attributes of the item."""
        return self._show(self.record["dynamodb"]["Keys"])

    @cached_property
    def old(self) -> dict[str, Any] | None:
        """The item as it was."""
        return self._image("OldImage")

    @cached_property
    def new(self) -> dict[str, Any] | None:
        """The item as it is."""
        return self._image("NewImage")

    @property
    def at(self) -> datetime:
        """When it happened, to the millisecond."""
        return datetime.fromtimestamp(self._record.at_ms / 1000, UTC)

    @property
    def commit(self) -> Commit:
        """What a record's wire form does not tell: its transaction, and its place in the region."""
        return Commit(self._record.transaction, self._record.sequence)

    @cached_property
    def record(self) -> dict[str, Any]:
        """The record as GetRecords answers with it, in wire form."""
        parsed: dict[str, Any] = orjson.loads(self._record.body)
        return parsed

    def shown_by(self, show: Show) -> RecordChange:
        """The same change, its items shown in another way."""
        return RecordChange(self._record, self.table_name, show)

    def _image(self, name: str) -> dict[str, Any] | None:
        image = self.record["dynamodb"].get(name)
        return None if image is None else self._show(image)

    def __repr__(self) -> str:
        return f"<RecordChange {self.event} {self.table_name} {self.keys}>"
