"""When a schedule fires: EventBridge's rate and cron expressions, worked out on APScheduler.

APScheduler's cron trigger finds the days; it has no `W`, so that a day near a weekend is several
triggers. The times of a day are the same on all days, as EventBridge's expressions are in UTC.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from ..engine import PeltonError
from ..engine.errors import ValidationException

INVALID = "Parameter ScheduleExpression is not valid."
MINUTE_MS = 60_000
DAY_MS = 24 * 60 * MINUTE_MS
UNITS_MS = {"minute": MINUTE_MS, "hour": 60 * MINUTE_MS, "day": DAY_MS}
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
ORDINALS = ("1st", "2nd", "3rd", "4th", "5th")
YEAR_MIN, YEAR_MAX = 1970, 2199

_RATE = re.compile(r"rate\(([0-9]+) (minute|hour|day)(s?)\)")
_CRON = re.compile(r"cron\((.*)\)")


class Due(NamedTuple):
    """The fire times of a span: how many there are, and the last of them."""

    fires: int
    last_ms: int


class FireTimes(ABC):
    """The moments at which a schedule fires, in milliseconds since the epoch."""

    @abstractmethod
    def next_after(self, after_ms: int) -> int | None:
        """The first fire time behind a moment; None where there is none any more.

        For a rate the moment is a fire time too, or where the schedule began.
        """

    @abstractmethod
    def due(self, after_ms: int, until_ms: int) -> Due | None:
        """The fire times behind a moment, up to another; None where there are none."""


def parse_expression(expression: str) -> FireTimes:
    """The fire times of `rate(5 minutes)` or `cron(0 12 * * ? *)`.

    Raises ValidationException in EventBridge's words, with a note that says what is wrong, and
    MissingExtraError for a cron expression where APScheduler is not installed.
    Source: "Cron expressions reference" and "Rate expressions" in the EventBridge user guide.
    """
    rate = _RATE.fullmatch(expression)
    if rate is not None:
        value, unit, plural = int(rate[1]), rate[2], bool(rate[3])
        if value < 1 or plural != (value > 1):
            raise _invalid("a rate is a positive number and its unit, as in `1 day` or `5 minutes`")
        return Rate(value * UNITS_MS[unit])
    cron = _CRON.fullmatch(expression)
    if cron is None:
        raise _invalid("it is `rate(5 minutes)` or `cron(0 12 * * ? *)`")
    return _parse_cron(cron[1].split())


class Rate(FireTimes):
    """Every so often since the schedule began."""

    def __init__(self, interval_ms: int) -> None:
        self.interval_ms = interval_ms

    def next_after(self, after_ms: int) -> int | None:
        return after_ms + self.interval_ms

    def due(self, after_ms: int, until_ms: int) -> Due | None:
        count = (until_ms - after_ms) // self.interval_ms
        return Due(count, after_ms + count * self.interval_ms) if count > 0 else None


class Cron(FireTimes):
    """Certain times of certain days; `days` is a trigger that fires at the start of each."""

    def __init__(self, days: Any, minutes: Iterable[int], hours: Iterable[int]) -> None:
        self._days = days
        minutes = sorted(minutes)
        self._times_ms = [
            (hour * 60 + minute) * MINUTE_MS for hour in sorted(hours) for minute in minutes
        ]

    def next_after(self, after_ms: int) -> int | None:
        start_ms, time_ms = _split(after_ms)
        passed = bisect_right(self._times_ms, time_ms)
        if passed < len(self._times_ms) and self._day_from(start_ms) == start_ms:
            return start_ms + self._times_ms[passed]
        day_ms = self._day_from(start_ms + DAY_MS)
        return None if day_ms is None else day_ms + self._times_ms[0]

    def due(self, after_ms: int, until_ms: int) -> Due | None:
        count, last_ms = 0, 0
        after_day, after_time = _split(after_ms)
        until_day, until_time = _split(until_ms)
        for day_ms in self._days_from(after_day, until_day):
            first = bisect_right(self._times_ms, after_time) if day_ms == after_day else 0
            end = len(self._times_ms)
            if day_ms == until_day:
                end = bisect_right(self._times_ms, until_time)
            if end > first:
                count += end - first
                last_ms = day_ms + self._times_ms[end - 1]
        return Due(count, last_ms) if count else None

    def _days_from(self, first_ms: int, last_ms: int) -> Iterator[int]:
        day_ms = self._day_from(first_ms)
        while day_ms is not None and day_ms <= last_ms:
            yield day_ms
            day_ms = self._day_from(day_ms + DAY_MS)

    def _day_from(self, day_ms: int) -> int | None:
        start = datetime.fromtimestamp(day_ms / 1000, UTC)
        found: datetime | None = self._days.get_next_fire_time(None, start)
        return None if found is None else int(found.timestamp()) * 1000


# --- cron expressions -----------------------------------------------------------------------------


class _Months(NamedTuple):
    """Months of one length, in the years in which they have it."""

    length: int
    numbers: frozenset[int]
    years: frozenset[int]


class _Fields(NamedTuple):
    months: frozenset[int]
    years: frozenset[int]


def _parse_cron(fields: list[str]) -> Cron:
    if len(fields) != 6:
        raise _invalid("cron takes minutes, hours, day-of-month, month, day-of-week and year")
    minutes, hours = _numbers(fields[0], 0, 59), _numbers(fields[1], 0, 23)
    day, month, weekday, year = fields[2:]
    if (day == "?") == (weekday == "?"):
        raise _invalid("one of day-of-month and day-of-week is `?`, the other is not")
    chosen = _Fields(_numbers(month, 1, 12, MONTHS), _numbers(year, YEAR_MIN, YEAR_MAX))
    wanted = list(_days_of_month(day, chosen) if weekday == "?" else _days_of_week(weekday, chosen))
    return Cron(_trigger_of(wanted), minutes, hours)


def _days_of_month(text: str, chosen: _Fields) -> Iterator[dict[str, str]]:
    plain = []
    for part in text.split(","):
        if part == "L":
            yield _trigger_fields(chosen, day="last")
        elif part.endswith("W"):
            yield from _nearest_weekdays(_number(part[:-1], 1, 31), chosen)
        else:
            plain.append(part)
    if plain:
        yield _trigger_fields(chosen, day=_listed(_numbers(",".join(plain), 1, 31)))


def _days_of_week(text: str, chosen: _Fields) -> Iterator[dict[str, str]]:
    if "#" in text:
        day, _, place = text.partition("#")
        nth = ORDINALS[_number(place, 1, len(ORDINALS)) - 1]
        yield _trigger_fields(chosen, day=f"{nth} {_weekday_name(day)}")
        return
    plain = []
    for part in text.split(","):
        if part == "L":
            plain.append("SAT")
        elif part.endswith("L"):
            yield _trigger_fields(chosen, day=f"last {_weekday_name(part[:-1])}")
        else:
            plain.append(part)
    if plain:
        # Here a week begins on Sunday, with 1; APScheduler's begins on Monday, with 0.
        days = {(number + 5) % 7 for number in _numbers(",".join(plain), 1, 7, WEEKDAYS)}
        yield _trigger_fields(chosen, day_of_week=_listed(days))


def _nearest_weekdays(day: int, chosen: _Fields) -> Iterator[dict[str, str]]:
    """The weekday nearest to a day of the month, in the same month.

    A Monday or a Friday that stands in for a day at a weekend tells which day that is.
    """
    for months in _lengths(day):
        within = _Fields(chosen.months & months.numbers, chosen.years & months.years)
        if not all(within):
            continue
        yield _trigger_fields(within, day=str(day), day_of_week="0-4")
        friday = day - 1 if day > 1 else None
        monday = day + 1 if day < months.length else None
        if friday is None:
            yield _trigger_fields(within, day=str(day + 2), day_of_week="0")
        else:
            yield _trigger_fields(within, day=str(friday), day_of_week="4")
        if monday is None:
            yield _trigger_fields(within, day=str(day - 2), day_of_week="4")
        else:
            yield _trigger_fields(within, day=str(monday), day_of_week="0")


def _lengths(day: int) -> list[_Months]:
    """The months that have a day, apart where it may be the last."""
    years = frozenset(range(YEAR_MIN, YEAR_MAX + 1))
    leap = frozenset(year for year in years if year % 4 == 0 and (year % 100 or year % 400 == 0))
    if day < 28:
        return [_Months(31, frozenset(range(1, 13)), years)]
    lengths = [
        _Months(31, frozenset({1, 3, 5, 7, 8, 10, 12}), years),
        _Months(30, frozenset({4, 6, 9, 11}), years),
        _Months(29, frozenset({2}), leap),
        _Months(28, frozenset({2}), years - leap),
    ]
    return [months for months in lengths if months.length >= day]


def _trigger_fields(chosen: _Fields, **days: str) -> dict[str, str]:
    return {"year": _listed(chosen.years), "month": _listed(chosen.months), **days}


def _trigger_of(wanted: list[dict[str, str]]) -> Any:
    try:
        from apscheduler.triggers.combining import OrTrigger
        from apscheduler.triggers.cron import CronTrigger
    except ImportError as error:
        raise MissingExtraError(
            "cron expressions need APScheduler: pip install 'pelton[schedule]'"
        ) from error
    triggers = [CronTrigger(**fields, hour=0, timezone=UTC) for fields in wanted]
    return triggers[0] if len(triggers) == 1 else OrTrigger(triggers)


# --- numbers --------------------------------------------------------------------------------------


def _numbers(text: str, low: int, high: int, names: tuple[str, ...] = ()) -> frozenset[int]:
    """The numbers that `1`, `1-5`, `*`, `1/10`, names and lists of all these stand for.

    A range may run over the end, but not over the end of time: hours 20-2 are 20 to 23 and 0 to 2.
    """
    numbers: set[int] = set()
    for part in text.split(","):
        span, slash, step = part.partition("/")
        first, dash, last = span.partition("-")
        if span == "*":
            start, end = low, high
        else:
            start = _number(first, low, high, names)
            end = _number(last, low, high, names) if dash else high if slash else start
        size = high - low + 1
        if end < start:
            if low == YEAR_MIN:
                raise _invalid(f"the years {span} run backwards")
            end += size
        for number in range(start, end + 1, _number(step, 1, high) if slash else 1):
            numbers.add((number - low) % size + low)
    return frozenset(numbers)


def _number(text: str, low: int, high: int, names: tuple[str, ...] = ()) -> int:
    if text.upper() in names:
        return low + names.index(text.upper())
    if not re.fullmatch("[0-9]{1,4}", text) or not low <= int(text) <= high:
        raise _invalid(
            f"{text!r} is not a number from {low} to {high}" + " or a name" * bool(names)
        )
    return int(text)


def _weekday_name(text: str) -> str:
    return WEEKDAYS[_number(text, 1, 7, WEEKDAYS) - 1].lower()


def _listed(numbers: Iterable[int]) -> str:
    """Numbers as a trigger takes them, with runs as ranges.

    >>> _listed({1, 2, 3, 7})
    '1-3,7'
    """
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in runs)


def _split(at_ms: int) -> tuple[int, int]:
    """The start of a moment's day, and how far into the day it is."""
    time_ms = at_ms % DAY_MS
    return at_ms - time_ms, time_ms


def _invalid(why: str) -> ValidationException:
    error = ValidationException(INVALID)
    error.add_note(why)
    return error


class MissingExtraError(PeltonError):
    """Raised when something needs a library that is not installed with pelton alone."""
