"""Spaces that were dropped while they were large: emptied chunk by chunk, with writes between.

SQLite frees a table page by page, which for a large one holds the writer for seconds. So it is
renamed at once, which makes it unknown to readers, and loses its rows in short transactions.
"""

from __future__ import annotations

from typing import Any

from .rows import DROPPED_BYTES_MAX, DROPPED_ROWS_MAX, SQLiteTransaction

_NEXT = "SELECT name FROM sqlite_schema WHERE type='table' AND name GLOB 'dropped_*' LIMIT 1"


def has_dropped(connection: Any) -> bool:
    """Whether a file has a space that is not emptied yet."""
    return bool(connection.execute(_NEXT).fetchall())


def drain_chunk(transaction: SQLiteTransaction) -> bool:
    """Removes a part of a dropped space, or all that is left of it.

    Returns whether there may be more to do.
    """
    names = transaction._execute(_NEXT).fetchall()
    if not names:
        return False
    name = names[0][0]
    transaction.changes += 1
    rows = transaction._execute(
        f"SELECT token, pk, sk, length(body) FROM {name} ORDER BY token, pk, sk LIMIT ?",
        (DROPPED_ROWS_MAX,),
    ).fetchall()
    taken = size_bytes = 0
    while taken < len(rows) and size_bytes < DROPPED_BYTES_MAX:
        size_bytes += rows[taken][3]
        taken += 1
    if taken == len(rows) < DROPPED_ROWS_MAX:
        transaction._execute(f"DROP TABLE {name}")
    else:
        last = rows[taken - 1][:3]
        transaction._execute(f"DELETE FROM {name} WHERE (token, pk, sk) <= (?,?,?)", last)
    return True
