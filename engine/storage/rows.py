"""Rows and records of one file, read and written over one SQLite connection."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import apsw
import orjson

from ..cause import Cause
from ..errors import SpaceDroppedError
from .port import META_SPACE, SIZE_MAX, LogPrefix, LogRow, LogSpan, Row

SEQUENCE_BLOCK = 10_000
POSITION_BITS = 40
PAGE_BYTES = 4096
SEQUENCE_KEY = b"sequence"

DROPPED_ROWS_MAX = 500
DROPPED_BYTES_MAX = 1024 * 1024
"""A space of more is not dropped in one transaction: that would hold other writers up."""
DROPPED = "what was to be read has been deleted meanwhile"


class _SpaceSQL:
    """The statements on one space, as text: apsw keeps them prepared by text."""

    __slots__ = ("delete", "get", "name", "put")

    def __init__(self, space: int) -> None:
        self.name = name = f"space_{space}"
        key = "token=? AND pk=? AND sk=?"
        self.get = f"SELECT size, body FROM {name} WHERE {key}"
        self.put = (
            f"INSERT INTO {name} VALUES (?,?,?,?,?) "
            "ON CONFLICT DO UPDATE SET size=excluded.size, body=excluded.body"
        )
        self.delete = f"DELETE FROM {name} WHERE {key}"


class _StatementTexts(dict[int, _SpaceSQL]):
    def __missing__(self, space: int) -> _SpaceSQL:
        self[space] = texts = _SpaceSQL(space)
        return texts


_SQL = _StatementTexts()
_COUNT = (
    "SELECT coalesce(sum(row_count), 0), coalesce(sum(row_bytes), 0) "
    "FROM spaces LEFT JOIN parts ON space = id WHERE id=? GROUP BY id"
)
_COUNT_PARTS = "SELECT part, row_count, row_bytes FROM parts WHERE space=?"
_TALLY = (
    "INSERT INTO parts VALUES (?,?,?,?) ON CONFLICT DO UPDATE "
    "SET row_count=row_count+excluded.row_count, row_bytes=row_bytes+excluded.row_bytes"
)
_DROP_PART = "DELETE FROM parts WHERE space=? AND part=? RETURNING row_count, row_bytes"


class _LogSQL:
    """The statements on one lane of the log."""

    __slots__ = ("append", "count", "drop", "first", "last", "oldest", "read", "read_run", "span")

    def __init__(self, lane: int) -> None:
        name, columns = f"log_{lane}", "id, tx, at_ms, body"
        self.append = f"INSERT INTO {name} VALUES (?,?,?,?)"
        self.read = f"SELECT {columns} FROM {name} WHERE id > ? AND id <= ? ORDER BY id LIMIT ?"
        self.read_run = (
            "SELECT group_concat(id||','||tx||','||at_ms||','||length(body)), "
            f"CAST(group_concat(body, '') AS BLOB) FROM ({self.read})"
        )
        self.first = f"SELECT {columns} FROM {name} WHERE id >= ? AND id < ? ORDER BY id LIMIT 1"
        self.last = (
            f"SELECT {columns} FROM {name} WHERE id >= ? AND id < ? ORDER BY id DESC LIMIT 1"
        )
        self.count = f"SELECT count(*) FROM {name} WHERE id >= ? AND id < ?"
        self.oldest = (
            f"SELECT id, at_ms, length(body) FROM {name} WHERE id >= ? AND id <= ? "
            "ORDER BY id LIMIT ?"
        )
        self.span = (
            "SELECT count(*), coalesce(sum(length(body)), 0), coalesce(min(at_ms), 0), "
            f"coalesce(max(at_ms), 0) FROM {name} WHERE id > ? AND id <= ? AND at_ms < ?"
        )
        self.drop = f"DELETE FROM {name} WHERE id >= ? AND id <= ?"


READ_SINGLY = 8
RUN_RECORDS = 128
RUN_BYTES = 256 * 1024
"""The first records of a read come one by one, the others in runs of about so many bytes."""

LOG_LANES = 16
"""Tables that the log is spread over by shard: an append is cheap at the end of a table alone, and
as many open shards as there are lanes each have an end of their own.
"""
_LOG = [_LogSQL(lane) for lane in range(LOG_LANES)]


def _log_of(shard: int) -> _LogSQL:
    return _LOG[shard % LOG_LANES]


def _run_of(records: int, size_bytes: int) -> int:
    """How many records to read in the next step, where so many had so many bytes."""
    return max(1, min(RUN_RECORDS, RUN_BYTES * records // max(1, size_bytes)))


class SQLiteReader:
    """`Reader` over one connection."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._cursor = connection.cursor()
        self._execute: Callable[..., Any] = self._cursor.execute

    def get(self, space: int, token: int, pk: bytes, sk: bytes) -> tuple[int, bytes] | None:
        # fetchall, not fetchone: a statement left unfinished would pin this snapshot of the WAL.
        rows = self._execute(_SQL[space].get, (token, pk, sk)).fetchall()
        return rows[0] if rows else None

    def query(
        self,
        space: int,
        token: int,
        pk: bytes,
        *,
        low: bytes = b"",
        high: bytes | None = None,
        reverse: bool = False,
    ) -> Iterator[tuple[bytes, int, bytes]]:
        sql = f"SELECT sk, size, body FROM {_SQL[space].name} WHERE token=? AND pk=? AND sk>=?"
        bounds: tuple[Any, ...] = (token, pk, low)
        if high is not None:
            sql += " AND sk<?"
            bounds += (high,)
        sql += " ORDER BY sk DESC" if reverse else " ORDER BY sk"
        found: Iterator[Any] = self._connection.execute(sql, bounds)
        return found

    def scan(
        self,
        space: int,
        *,
        after: tuple[int, bytes, bytes] | None = None,
        token_low: int,
        token_high: int,
    ) -> Iterator[Row]:
        sql = f"SELECT token, pk, sk, size, body FROM {_SQL[space].name} WHERE "
        if after is None:
            sql += "token>=? AND token<=?"
            bounds: tuple[Any, ...] = (token_low, token_high)
        else:
            sql += "(token, pk, sk) > (?,?,?) AND token<=?"
            bounds = (*after, token_high)
        return map(Row._make, self._connection.execute(sql + " ORDER BY token, pk, sk", bounds))

    def count(self, space: int) -> tuple[int, int]:
        counts: list[tuple[int, int]] = self._execute(_COUNT, (space,)).fetchall()
        if not counts:
            raise SpaceDroppedError(DROPPED)
        return counts[0]

    def count_parts(self, space: int) -> dict[int, tuple[int, int]]:
        rows = self._execute(_COUNT_PARTS, (space,)).fetchall()
        return {part: (row_count, row_bytes) for part, row_count, row_bytes in rows}

    def measure(self, space: int, token_low: int, token_high: int) -> tuple[int, int]:
        sql = f"SELECT count(*), coalesce(sum(size), 0) FROM {_SQL[space].name} "
        bounds = (token_low, token_high)
        measured: list[tuple[int, int]] = self._execute(
            sql + "WHERE token>=? AND token<=?", bounds
        ).fetchall()
        return measured[0]

    def log_read(self, shard: int, after: int, until: int, limit: int) -> Iterator[LogRow]:
        base = shard << POSITION_BITS
        log, wanted = _log_of(shard), min(limit, READ_SINGLY)
        count = size_bytes = 0
        bounds = (base + after, base + until, wanted)
        for row_id, transaction, at_ms, body in self._execute(log.read, bounds):
            yield LogRow(row_id - base, transaction, at_ms, body)
            after = row_id - base
            count += 1
            size_bytes += len(body)
        if count == READ_SINGLY < limit:
            run = _run_of(count, size_bytes)
            yield from self._read_runs(log, base, after, until, limit - count, run)

    def _read_runs(
        self, log: _LogSQL, base: int, after: int, until: int, limit: int, run: int
    ) -> Iterator[LogRow]:
        """Reads many records in one step of SQLite.

        Each step lets go of the interpreter, so a thread that takes one for each record, beside
        another that is busy, spends its time waiting to get it back.
        """
        while limit > 0:
            wanted = min(run, limit)
            bounds = (base + after, base + until, wanted)
            listed, bodies = self._execute(log.read_run, bounds).fetchall()[0]
            numbers = orjson.loads(f"[{listed or ''}]")
            start = 0
            for row_id, transaction, at_ms, size in zip(*[iter(numbers)] * 4, strict=True):
                yield LogRow(row_id - base, transaction, at_ms, bodies[start : start + size])
                after = row_id - base
                start += size
            if len(numbers) < 4 * wanted:
                return
            limit -= wanted
            run = _run_of(wanted, len(bodies))

    def log_ends(self, shard: int) -> tuple[LogRow, LogRow] | None:
        base, end = shard << POSITION_BITS, (shard + 1) << POSITION_BITS
        log = _log_of(shard)
        ends = [
            LogRow(row[0] - base, row[1], row[2], row[3])
            for sql in (log.first, log.last)
            for row in self._execute(sql, (base, end)).fetchall()
        ]
        return (ends[0], ends[1]) if ends else None

    def log_count(self, shard: int) -> int:
        base, end = shard << POSITION_BITS, (shard + 1) << POSITION_BITS
        count: int = self._execute(_log_of(shard).count, (base, end)).fetchall()[0][0]
        return count

    def log_expired(
        self,
        shard: int,
        before_ms: int,
        until: int,
        limit: int,
        *,
        least: int = 1,
        size_bytes_max: int = SIZE_MAX,
    ) -> LogPrefix:
        base = shard << POSITION_BITS
        found = LogPrefix(0, 0, 0)
        rows = self._execute(_log_of(shard).oldest, (base, base + until, limit)).fetchall()
        for row_id, at_ms, row_bytes in rows:
            records, size_bytes = found.records + 1, found.size_bytes + row_bytes
            # Only a prefix may go. Times decrease along a shard where the clock was set back.
            if at_ms >= before_ms or (records > least and size_bytes > size_bytes_max):
                break
            found = LogPrefix(records, int(row_id) - base, size_bytes)
        return found

    def log_span(self, shard: int, after: int, until: int, before_ms: int | None = None) -> LogSpan:
        base = shard << POSITION_BITS
        before = 2**63 - 1 if before_ms is None else before_ms
        bounds = (base + after, base + until, before)
        return LogSpan(*self._execute(_log_of(shard).span, bounds).fetchall()[0])


class SQLiteTransaction(SQLiteReader):
    """`Transaction` over the writer's connection; `changes` counts what it changed so far."""

    def __init__(self, connection: apsw.Connection) -> None:
        super().__init__(connection)
        self.changes = 0
        self.cause: Cause | None = None
        self.callbacks: list[Callable[[], None]] = []
        self.undo_callbacks: list[Callable[[], None]] = []
        self.appended: set[int] = set()
        self.tallies: dict[tuple[int, int], tuple[int, int]] = {}
        self.sequence = 0
        self.sequence_reserved = 0
        self.on_large_drop: Callable[[], None] = lambda: None
        """Called after a commit that has left a dropped space to be emptied."""

    def put(self, space: int, token: int, pk: bytes, sk: bytes, size: int, body: bytes) -> None:
        self.changes += 1
        self._execute(_SQL[space].put, (token, pk, sk, size, body))

    def delete(self, space: int, token: int, pk: bytes, sk: bytes) -> None:
        self.changes += 1
        self._execute(_SQL[space].delete, (token, pk, sk))

    def tally(self, space: int, rows: int, size: int, part: int = 0) -> None:
        counted = space, part
        known = self.tallies.get(counted)
        self.tallies[counted] = (
            (rows, size) if known is None else (known[0] + rows, known[1] + size)
        )

    def write_tallies(self) -> None:
        """Makes the counts of this commit part of it; one statement a part, whatever its size."""
        for (space, part), (rows, size) in self.tallies.items():
            self._execute(_TALLY, (space, part, rows, size))
        self.tallies.clear()

    def drop_part(self, space: int, part: int) -> tuple[int, int]:
        self.changes += 1
        rows, size = self.tallies.pop((space, part), (0, 0))
        for row_count, row_bytes in self._execute(_DROP_PART, (space, part)).fetchall():
            rows, size = rows + row_count, size + row_bytes
        return rows, size

    def create_space(self) -> int:
        self.changes += 1
        rows = self._execute("INSERT INTO spaces DEFAULT VALUES RETURNING id").fetchall()
        space: int = rows[0][0]
        self._execute(create_space_sql(space))
        return space

    def drop_space(self, space: int) -> None:
        self.changes += 1
        name = _SQL[space].name
        if self._is_large(name):
            self._execute(f"ALTER TABLE {name} RENAME TO dropped_{space}")
            self.after_commit(self.on_large_drop)
        else:
            self._execute(f"DROP TABLE {name}")
        self._execute("DELETE FROM spaces WHERE id=?", (space,))
        self._execute("DELETE FROM parts WHERE space=?", (space,))
        for counted in [each for each in self.tallies if each[0] == space]:
            del self.tallies[counted]  # written now, they would outlive the space
        _SQL.pop(space, None)

    def _is_large(self, name: str) -> bool:
        # The length of a blob is known without reading its pages.
        sizes = f"SELECT length(body) AS size FROM {name} LIMIT {DROPPED_ROWS_MAX + 1}"
        ((rows, size),) = self._execute(f"SELECT count(*), total(size) FROM ({sizes})").fetchall()
        return bool(rows > DROPPED_ROWS_MAX or size > DROPPED_BYTES_MAX)

    def log_append(
        self, shard: int, position: int, transaction: int, at_ms: int, body: bytes
    ) -> None:
        self.changes += 1
        self.appended.add(shard)
        row = ((shard << POSITION_BITS) + position, transaction, at_ms, body)
        self._execute(_log_of(shard).append, row)

    def log_drop(self, shard: int, through: int) -> None:
        self.changes += 1
        base = shard << POSITION_BITS
        self._execute(_log_of(shard).drop, (base, base + through))

    def release_space(self, bytes_max: int) -> None:
        self.changes += 1
        self._execute(f"PRAGMA incremental_vacuum({bytes_max // PAGE_BYTES})").fetchall()

    def next_sequence(self) -> int:
        if self.sequence >= self.sequence_reserved:
            self._reserve_sequences()
        self.sequence += 1
        return self.sequence

    def after_commit(self, callback: Callable[[], None]) -> None:
        self.callbacks.append(callback)

    def after_rollback(self, callback: Callable[[], None]) -> None:
        self.undo_callbacks.append(callback)

    def _reserve_sequences(self) -> None:
        # One durable row a block instead of one a commit; a crash skips the rest of a block.
        # The row is read again because another process may have taken a block meanwhile.
        row = self.get(META_SPACE, 0, SEQUENCE_KEY, b"")
        self.sequence = max(self.sequence, row[0] if row else 0)
        self.sequence_reserved = self.sequence + SEQUENCE_BLOCK
        self.put(META_SPACE, 0, SEQUENCE_KEY, b"", self.sequence_reserved, b"")


def create_space_sql(space: int) -> str:
    return (
        f"CREATE TABLE {_SQL[space].name} (token INTEGER NOT NULL, pk BLOB NOT NULL, "
        "sk BLOB NOT NULL, size INTEGER NOT NULL, body BLOB NOT NULL, "
        "PRIMARY KEY (token, pk, sk)) WITHOUT ROWID"
    )


def create_log_sql(lane: int) -> str:
    return (
        f"CREATE TABLE log_{lane} (id INTEGER PRIMARY KEY, tx INTEGER NOT NULL, "
        "at_ms INTEGER NOT NULL, body BLOB NOT NULL)"
    )
