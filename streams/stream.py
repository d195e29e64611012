"""A stream: the changes of one table since it was enabled, readable until a day after its end."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import orjson

from ..engine.schema import StreamSettings, Table
from ..engine.storage import Reader, Transaction
from ..engine.storage.port import META_SPACE

STREAM_KIND = b"stream"
VERSION_KIND = b"stream-version"


@dataclass(frozen=True, slots=True)
class Stream:
    """What DescribeStream tells of a stream beside its shards; it outlives its table."""

    arn: str
    label: str
    table_name: str
    view_type: str
    key_schema: list[dict[str, str]]
    created_ms: int
    disabled_ms: int | None = None
    trimmed_seq: int = 0
    """The last record that was dropped with a shard that has gone as a whole; 0 before that."""


class StreamMap:
    """All streams of the region by ARN, mirrored in memory."""

    def __init__(self) -> None:
        self.by_arn: dict[str, Stream] = {}
        self._version = -1

    def load(self, reader: Reader) -> None:
        """Takes in what the store holds, when another process (or nobody yet) has read it."""
        version = _version_of(reader)
        if version == self._version:
            return
        streams = (
            Stream(**orjson.loads(body)) for _, _, body in reader.query(META_SPACE, 0, STREAM_KIND)
        )
        self.by_arn = {stream.arn: stream for stream in streams}
        self._version = version

    def of_table(self, table_name: str | None) -> list[Stream]:
        """The streams of one table, or of all, in the order of their ARNs."""
        return [
            stream
            for _, stream in sorted(self.by_arn.items())
            if table_name is None or stream.table_name == table_name
        ]

    def stored(self, reader: Reader, arn: str) -> Stream | None:
        """A stream as a snapshot holds it."""
        row = reader.get(META_SPACE, 0, STREAM_KIND, arn.encode())
        return None if row is None else Stream(**orjson.loads(row[1]))

    def enable(
        self, transaction: Transaction, table: Table, settings: StreamSettings, at_ms: int
    ) -> None:
        stream = Stream(
            arn=settings.arn,
            label=settings.label,
            table_name=table.name,
            view_type=settings.view_type,
            key_schema=table.key.describe(),
            created_ms=at_ms,
        )
        self._save(transaction, stream)

    def disable(self, transaction: Transaction, arn: str, at_ms: int) -> None:
        self._save(transaction, replace(self.by_arn[arn], disabled_ms=at_ms))

    def note_removal(self, transaction: Transaction, arn: str, trimmed_seq: int) -> None:
        """Keeps how far the records of a shard went that is removed in this transaction."""
        stream = self.stored(transaction, arn)
        if stream is not None and trimmed_seq > stream.trimmed_seq:
            self._save(transaction, replace(stream, trimmed_seq=trimmed_seq))

    def remove(self, transaction: Transaction, arn: str) -> None:
        transaction.delete(META_SPACE, 0, STREAM_KIND, arn.encode())
        self._note_change(transaction, arn, None)

    def _save(self, transaction: Transaction, stream: Stream) -> None:
        body = orjson.dumps(asdict(stream))
        transaction.put(META_SPACE, 0, STREAM_KIND, stream.arn.encode(), 0, body)
        self._note_change(transaction, stream.arn, stream)

    def _note_change(self, transaction: Transaction, arn: str, stream: Stream | None) -> None:
        version = _version_of(transaction) + 1
        transaction.put(META_SPACE, 0, VERSION_KIND, b"", version, b"")
        transaction.after_commit(lambda: self._take(arn, stream, version))

    def _take(self, arn: str, stream: Stream | None, version: int) -> None:
        streams: dict[str, Any] = {key: each for key, each in self.by_arn.items() if key != arn}
        if stream is not None:
            streams[arn] = stream
        self.by_arn = streams
        self._version = version


def _version_of(reader: Reader) -> int:
    row = reader.get(META_SPACE, 0, VERSION_KIND, b"")
    return row[0] if row else 0
