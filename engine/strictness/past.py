"""Reads that see a table or an index as it was a moment ago."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from heapq import merge
from operator import itemgetter
from typing import Any

from ..clock import Clock
from ..schema import Table
from ..storage import Reader
from ..storage.port import Row
from .history import Address, Former, History
from .settings import Strictness
from .spaces import Spaces

_SORT_KEY = itemgetter(0)
_ADDRESS = itemgetter(0, 1, 2)


class PastReader:
    """A reader of the past, for one request; `moment_of` tells of a space when that is.

    A space without a moment is read as it is now. Every row is one that was there at some time
    since its moment: what is not kept any more is seen as it is now.
    """

    def __init__(
        self, reader: Reader, history: History, moment_of: Callable[[int], int | None]
    ) -> None:
        self._reader = reader
        self._history = history
        self._moment_of = moment_of
        self._changes: dict[int, dict[int, dict[Address, Former]]] = {}
        self._has_read_rows = False

    def get(self, space: int, token: int, pk: bytes, sk: bytes) -> tuple[int, bytes] | None:
        changed = self._changed_in(space)
        address = (token, pk, sk)
        if address in changed:
            former = changed[address]
            # A local index's row may be newer than what is kept of its item: then so is the item.
            if former is not None or not self._has_read_rows:
                return former
        return self._reader.get(space, token, pk, sk)

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
        self._has_read_rows = True
        changed = {
            sk: former
            for (row_token, row_pk, sk), former in self._changed_in(space).items()
            if row_token == token and row_pk == pk and low <= sk and (high is None or sk < high)
        }
        rows = self._reader.query(space, token, pk, low=low, high=high, reverse=reverse)
        former_rows = sorted(
            ((sk, *former) for sk, former in changed.items() if former is not None),
            key=_SORT_KEY,
            reverse=reverse,
        )
        kept = (row for row in rows if row[0] not in changed)
        return merge(kept, former_rows, key=_SORT_KEY, reverse=reverse)

    def scan(
        self,
        space: int,
        *,
        after: tuple[int, bytes, bytes] | None = None,
        token_low: int,
        token_high: int,
    ) -> Iterator[Row]:
        self._has_read_rows = True
        changed = {
            address: former
            for address, former in self._changed_in(space).items()
            if token_low <= address[0] <= token_high and (after is None or address > after)
        }
        rows = self._reader.scan(space, after=after, token_low=token_low, token_high=token_high)
        former_rows = sorted(
            Row(*address, *former) for address, former in changed.items() if former is not None
        )
        kept = (row for row in rows if row[:3] not in changed)
        return merge(kept, former_rows, key=_ADDRESS)

    def _changed_in(self, space: int) -> dict[Address, Former]:
        moment_ms = self._moment_of(space)
        if moment_ms is None:
            return {}
        changes = self._changes.get(moment_ms)
        if changes is None:
            # Once a request: all that it reads at a moment is of the same history.
            self._changes[moment_ms] = changes = self._history.changed_since(moment_ms)
        return changes.get(space, {})

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reader, name)


class Staleness:
    """Decides, request by request, how far back its reads look.

    With `probability` a read that is not consistent looks back 1 to `stale_ms` milliseconds;
    a read of a global index looks back `index_lag_ms` at the least.
    """

    def __init__(self, settings: Strictness, clock: Clock, random_source: random.Random) -> None:
        self._stale_ms = settings.stale_ms
        self._probability = settings.stale_probability
        self._lag_ms = settings.index_lag_ms
        self._clock = clock
        self._random = random_source
        self.history = History(max(self._stale_ms, self._lag_ms), clock)

    def reader_for(
        self, reader: Reader, spaces: Spaces, consistent: Callable[[Table], bool]
    ) -> PastReader:
        """The reader of one request; `consistent` tells how it reads a table."""
        now_ms = self._clock.now_ms()
        stale_ms = 0
        if self._stale_ms and self._random.random() < self._probability:
            stale_ms = self._random.randint(1, self._stale_ms)
        index_ms = max(self._lag_ms, stale_ms)

        def moment_of(space: int) -> int | None:
            owner = spaces.owner_of(space)
            if owner is None:
                return None
            table, index = owner
            is_global = index is not None and not index.is_local
            if consistent(table) and not is_global:
                return None
            return now_ms - (index_ms if is_global else stale_ms)

        return PastReader(reader, self.history, moment_of)
