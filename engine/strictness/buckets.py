"""Token buckets: how much a capacity still allows."""

from __future__ import annotations


class TokenBucket:
    """Units that come at a rate and pile up to a most; more may be taken than there is.

    Counted in thousandths, so that whole milliseconds of whole rates add up exactly.
    """

    __slots__ = ("_at_ms", "_level", "_most", "_rate")

    def __init__(self, rate: int, *, most: float, level: float, at_ms: int) -> None:
        self._rate = rate
        self._most = int(most * 1000)
        self._level = min(int(level * 1000), self._most)
        self._at_ms = at_ms

    def copy(self) -> TokenBucket:
        """Another bucket with the same rate and as much in it."""
        other = TokenBucket(self._rate, most=0, level=0, at_ms=self._at_ms)
        other._most, other._level = self._most, self._level
        return other

    def allows(self, units: float, at_ms: int) -> bool:
        """Whether there is enough; what costs more than a second brings needs a second's units."""
        self._fill(at_ms)
        return self._level >= min(int(units * 1000), self._rate * 1000)

    def take(self, units: float) -> None:
        """Takes units away, or gives them back where they are negative."""
        self._level -= int(units * 1000)

    def _fill(self, at_ms: int) -> None:
        # A clock that was set back brings nothing, and takes nothing away.
        elapsed_ms, self._at_ms = max(0, at_ms - self._at_ms), at_ms
        self._level = min(self._most, self._level + elapsed_ms * self._rate)
