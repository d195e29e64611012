"""What rows were until a moment ago, for reads that see the past."""

from __future__ import annotations

import threading
from collections import deque
from typing import Any, NamedTuple, cast

from ..clock import Clock
from ..schema import Table
from ..storage import Transaction

MOMENTS_MAX = 100_000
"""The most changes of items that are kept; those beyond are seen at once by every read."""

Address = tuple[int, bytes, bytes]
Former = tuple[int, bytes] | None
"""The size and body that a row had; None where there was no row."""


class FormerRow(NamedTuple):
    """One row of a table or an index before a change."""

    space: int
    address: Address
    former: Former


class Moment(NamedTuple):
    """When a change of one item could be seen first, and all rows that it changed."""

    at_ms: int
    rows: list[FormerRow]


class History:
    """The changes of the last `keep_ms`; written on the writer's thread, read on any."""

    def __init__(self, keep_ms: int, clock: Clock) -> None:
        self._keep_ms = keep_ms
        self._clock = clock
        self._lock = threading.Lock()
        self._moments: deque[Moment] = deque(maxlen=MOMENTS_MAX)

    def recording(self, transaction: Transaction, table: Table) -> Transaction:
        """The transaction, with an eye on the rows of a table and its indexes.

        What it changes is kept once that is committed, before the answer leaves.
        """
        spaces = {table.space, *(index.space for index in table.indexes)}
        recording = _Recording(transaction, spaces)
        transaction.after_commit(lambda: self._keep(recording.rows))
        return cast(Transaction, recording)

    def _keep(self, rows: list[FormerRow]) -> None:
        at_ms = self._clock.now_ms()
        with self._lock:
            self._moments.append(Moment(at_ms, rows))
            while self._moments[0].at_ms < at_ms - self._keep_ms:
                self._moments.popleft()

    def changed_since(self, moment_ms: int) -> dict[int, dict[Address, Former]]:
        """By space, the rows that changed after a moment, as they were at that moment."""
        changed: dict[int, dict[Address, Former]] = {}
        with self._lock:
            for at_ms, rows in reversed(self._moments):
                if at_ms <= moment_ms:
                    break
                # From the latest to the first: the first change tells what was before them all.
                for space, address, former in reversed(rows):
                    changed.setdefault(space, {})[address] = former
        return changed


class _Recording:
    """A transaction that notes each row of some spaces before it changes it."""

    def __init__(self, transaction: Transaction, spaces: set[int]) -> None:
        self._transaction = transaction
        self._spaces = spaces
        self.rows: list[FormerRow] = []

    def put(self, space: int, token: int, pk: bytes, sk: bytes, size: int, body: bytes) -> None:
        self._note(space, token, pk, sk)
        self._transaction.put(space, token, pk, sk, size, body)

    def delete(self, space: int, token: int, pk: bytes, sk: bytes) -> None:
        self._note(space, token, pk, sk)
        self._transaction.delete(space, token, pk, sk)

    def _note(self, space: int, token: int, pk: bytes, sk: bytes) -> None:
        if space in self._spaces:
            former = self._transaction.get(space, token, pk, sk)
            self.rows.append(FormerRow(space, (token, pk, sk), former))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transaction, name)
