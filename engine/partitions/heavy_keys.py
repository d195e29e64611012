"""The keys that take most of a traffic, found in bounded memory.

Source: Metwally, Agrawal, El Abbadi, "Efficient computation of frequent and top-k elements in data
streams" (2005), known as Space-Saving. Here the lightest keys go many at a time, which keeps its
bounds: a key with more than a KEYS_MAX-th of all units is always among those counted, and no count
is too high by more than that.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

KEYS_MAX = 64


class HeavyKey(NamedTuple):
    """One key by its token; `value` is the partition key as on the wire, None where unknown."""

    token: int
    value: dict[str, Any] | None
    least: float
    """Units it had for certain."""
    most: float
    """Units it had at most."""


class HeavyKeys:
    """Counts units by key; remembers the heaviest `keys_max` and at most as many newer ones."""

    def __init__(self, keys_max: int = KEYS_MAX) -> None:
        self.keys_max = keys_max
        self.missed_most = 0.0
        """What a key that is not among the counted may have had at most."""
        self._counts: dict[int, _Count] = {}

    def add(self, token: int, value: dict[str, Any] | None, units: float) -> None:
        count = self._counts.get(token)
        if count is None:
            self._counts[token] = _Count(value, units, self.missed_most)
            if len(self._counts) > 2 * self.keys_max:
                self._forget_lightest()
            return
        count.units += units
        if value is not None:
            count.value = value

    def __iter__(self) -> Iterator[HeavyKey]:
        for token, count in self._counts.items():
            yield HeavyKey(token, count.value, count.units, count.units + count.missed)

    def _forget_lightest(self) -> None:
        by_weight = sorted(self._counts.items(), key=_most_of, reverse=True)
        self.missed_most = _most_of(by_weight[self.keys_max])
        self._counts = dict(by_weight[: self.keys_max])


class _Count:
    __slots__ = ("missed", "units", "value")

    def __init__(self, value: dict[str, Any] | None, units: float, missed: float) -> None:
        self.value = value
        self.units = units
        self.missed = missed


def _most_of(counted: tuple[int, _Count]) -> float:
    return counted[1].units + counted[1].missed
