"""What to do when a delivery fails: which records to try next, when, and when to give up."""

from __future__ import annotations

from enum import Enum

BACKOFF_SECONDS_FIRST = 0.1
BACKOFF_SECONDS_MAX = 30.0


def backoff_seconds(failures: int, chance: float) -> float:
    """How long to wait after this many failures in a row; `chance` is from [0, 1).

    Doubles from a tenth of a second, up to half a minute, less up to a half of it by chance, so
    that workers that failed together do not come back together.

    >>> [backoff_seconds(failures, 0.0) for failures in (1, 2, 3, 20)]
    [0.1, 0.2, 0.4, 30.0]
    """
    whole = BACKOFF_SECONDS_FIRST * 2.0 ** min(failures - 1, 16)
    return min(whole, BACKOFF_SECONDS_MAX) * (1 - chance / 2)


class Verdict(Enum):
    """What follows a failed delivery."""

    SPLIT = "try fewer of the records, at once"
    RETRY = "try the same records again, later"
    GIVE_UP = "to the dead letters with these records"


class Suspects:
    """The records at the head of a feed that are known to hold a failing one.

    A batch that failed is halved until the failing record is alone: when the first half succeeds,
    the second holds it and is halved in turn. Splits are not retries. Attempts on what cannot be
    split are counted, up to the mapping's retries. A handler that tells which record failed, with
    others before it, has split its batch there, and the count begins anew.
    """

    def __init__(self, *, splits: bool, retries_max: int) -> None:
        self._splits = splits
        self._retries_max = retries_max
        self._count = 0
        self._halves = False
        self._good = 0
        self._conflicts = 0
        self.failures = 0
        """Failed attempts on exactly the records that are delivered next."""

    @property
    def count(self) -> int:
        """How many records are known to hold a failing one, or to be delivered before it."""
        return self._good + self._count

    def limit(self, count: int) -> int:
        """How many of the next `count` records to deliver."""
        if self._good:
            count = min(count, self._good)
        elif self._count:
            count = min(count, self._count)
            if self._halves and self._count > 1:
                count = (count + 1) // 2
        return max(1, count >> self._conflicts)

    def note_success(self, count: int) -> None:
        good = min(count, self._good)
        self._good -= good
        self._count = max(0, self._count - (count - good))
        self._conflicts = self.failures = 0

    def note_conflict(self) -> None:
        """Another writer was quicker: smaller deliveries get through sooner."""
        self._conflicts += 1

    def note_report(self, good: int, rest: int) -> None:
        """A handler has told that of `good + rest` records the one behind the good ones failed.

        The good ones are to be delivered once more, for what they wrote went with the rest.
        """
        self._good, self._count = good, rest
        self._halves = False
        self.failures = 0

    def note_failure(self, count: int, *, found: bool = False) -> Verdict:
        """A delivery of `count` records failed; `found` where it is known that the first did."""
        self._good = 0
        self._count = 1 if found else count
        self._halves = self._splits
        if self._splits and self._count > 1:
            return Verdict.SPLIT
        self.failures += 1
        if 0 <= self._retries_max < self.failures:
            return Verdict.GIVE_UP
        return Verdict.RETRY
