from __future__ import annotations

import calendar
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

import pytest

from pelton.engine.errors import ValidationException
from pelton.handlers.fire_times import (
    INVALID,
    MONTHS,
    WEEKDAYS,
    Due,
    MissingExtraError,
    parse_expression,
)


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


def told(at_ms: int | None) -> str:
    if at_ms is None:
        return "never"
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%a %Y-%m-%d %H:%M")


def fires(expression: str, after: str = "2026-01-01", count: int = 3) -> list[str]:
    """The first fire times behind a moment."""
    times, at_ms, found = parse_expression(expression), ms(after), list[str]()
    for _ in range(count):
        following = times.next_after(at_ms)
        found.append(told(following))
        if following is None:
            break
        at_ms = following
    return found


# --- rates --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "seconds"),
    [
        ("rate(1 minute)", 60),
        ("rate(5 minutes)", 300),
        ("rate(1 hour)", 3600),
        ("rate(7 days)", 7 * 86400),
    ],
)
def test_a_rate_fires_every_so_often(expression: str, seconds: int) -> None:
    times = parse_expression(expression)
    begun_ms = ms("2026-01-01T10:00:07")
    assert times.next_after(begun_ms) == begun_ms + seconds * 1000
    assert times.due(begun_ms, begun_ms + seconds * 1000 - 1) is None
    assert times.due(begun_ms, begun_ms + seconds * 3999) == Due(3, begun_ms + seconds * 3000)


# --- cron, by the examples of the EventBridge user guide ------------------------------------------


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("15 12 * * ? *", "Thu 2026-01-01 12:15, Fri 2026-01-02 12:15"),
        ("0 18 ? * MON-FRI *", "Thu 2026-01-01 18:00, Fri 2026-01-02 18:00, Mon 2026-01-05 18:00"),
        ("0 8 1 * ? *", "Thu 2026-01-01 08:00, Sun 2026-02-01 08:00"),
        ("0/10 * ? * MON-FRI *", "Thu 2026-01-01 00:10, Thu 2026-01-01 00:20"),
        ("30 20-2/6 ? * MON-FRI *", "Thu 2026-01-01 02:30, Thu 2026-01-01 20:30"),
        ("1/10 * * * ? *", "Thu 2026-01-01 00:01, Thu 2026-01-01 00:11"),
        ("0 0 L * ? *", "Sat 2026-01-31 00:00, Sat 2026-02-28 00:00, Tue 2026-03-31 00:00"),
        ("0 9 3W * ? *", "Fri 2026-01-02 09:00, Tue 2026-02-03 09:00"),
        ("0 9 1W * ? *", "Thu 2026-01-01 09:00, Mon 2026-02-02 09:00, Mon 2026-03-02 09:00"),
        ("0 9 31W * ? *", "Fri 2026-01-30 09:00, Tue 2026-03-31 09:00, Fri 2026-05-29 09:00"),
        ("0 9 29W 2 ? *", "Tue 2028-02-29 09:00, Fri 2032-02-27 09:00"),
        ("0 0 ? * 3#2 *", "Tue 2026-01-13 00:00, Tue 2026-02-10 00:00"),
        ("15 10 ? * 6L 2026-2027", "Fri 2026-01-30 10:15, Fri 2026-02-27 10:15"),
        ("0 0 ? * L *", "Sat 2026-01-03 00:00, Sat 2026-01-10 00:00"),
        ("0 1 ? * FRI-MON *", "Fri 2026-01-02 01:00, Sat 2026-01-03 01:00, Sun 2026-01-04 01:00"),
        ("0 1 ? * 2/2 *", "Fri 2026-01-02 01:00, Mon 2026-01-05 01:00, Wed 2026-01-07 01:00"),
        ("0 0 1 jan,JUL ? *", "Wed 2026-07-01 00:00, Fri 2027-01-01 00:00"),
        ("59 23 31 12 ? 2199", "Tue 2199-12-31 23:59, never"),
        ("0 0 30 2 ? *", "never"),
        ("0 0 1 1 ? 1970-2025", "never"),
    ],
)
def test_a_cron_expression_fires_as_the_guide_says(expression: str, expected: str) -> None:
    times = expected.split(", ")
    assert fires(f"cron({expression})", count=len(times)) == times


def test_a_fire_time_is_not_behind_itself() -> None:
    times = parse_expression("cron(0 12 * * ? *)")
    noon = ms("2026-01-01T12:00:00")
    assert times.next_after(noon - 1) == noon
    assert times.next_after(noon) == noon + 86_400_000


# --- cron, by a calendar --------------------------------------------------------------------------


def nearest_weekday(year: int, month: int, day: int) -> int:
    """The day of the weekday nearest to a day, by trying one after the other."""
    last = calendar.monthrange(year, month)[1]
    for distance in (0, -1, 1, -2, 2):
        found = day + distance
        if 1 <= found <= last and calendar.weekday(year, month, found) < 5:
            return found
    raise AssertionError("every month has a weekday near")


def matches(day: datetime, kind: str, number: int, place: int) -> bool:
    last = calendar.monthrange(day.year, day.month)[1]
    weekday = (day.weekday() + 1) % 7 + 1
    if kind == "W":
        return number <= last and day.day == nearest_weekday(day.year, day.month, number)
    if kind == "L":
        return weekday == number and day.day > last - 7
    if kind == "#":
        return weekday == number and (day.day - 1) // 7 + 1 == place
    return day.day == number


@pytest.mark.parametrize("seed", range(40))
def test_the_days_are_those_of_a_calendar(seed: int) -> None:
    random = Random(seed)
    kind = random.choice(["W", "L", "#", ""])
    number = random.randint(1, 31 if kind in "W" else 7)
    place = random.randint(1, 5)
    months = sorted(random.sample(range(1, 13), random.randint(1, 12)))
    listed = ",".join(random.choice([str(month), MONTHS[month - 1]]) for month in months)
    name = random.choice([str(number), WEEKDAYS[(number - 1) % 7]])
    day, weekday = {
        "W": (f"{number}W", "?"),
        "L": ("?", f"{name}L"),
        "#": ("?", f"{name}#{place}"),
        "": (str(number), "?"),
    }[kind]
    expression = f"cron(30 6,18 {day} {listed} {weekday} *)"
    start = datetime(2023, 1, 1, tzinfo=UTC) + timedelta(days=random.randrange(400))
    days = [start + timedelta(days=offset) for offset in range(5 * 366)]
    expected = [
        at
        for each in days
        if each.month in months and matches(each, kind, number, place)
        for at in (each.replace(hour=6, minute=30), each.replace(hour=18, minute=30))
    ]
    times = parse_expression(expression)
    found, at_ms = list[datetime](), int(start.timestamp()) * 1000 - 1
    end_ms = int((start + timedelta(days=5 * 366)).timestamp()) * 1000
    while (at_ms := times.next_after(at_ms) or end_ms) < end_ms:
        found.append(datetime.fromtimestamp(at_ms / 1000, UTC))
    assert found == expected, expression


@pytest.mark.parametrize("seed", range(20))
def test_what_is_due_is_what_would_have_fired_one_by_one(seed: int) -> None:
    random = Random(seed)
    expression = random.choice(
        [
            "rate(7 minutes)",
            "cron(0/15 10-16 ? * MON-FRI *)",
            "cron(* 3 * * ? *)",
            "cron(0 9 L,15 * ? *)",
            "cron(5,35 0,23 ? * 6L,1 *)",
        ]
    )
    times = parse_expression(expression)
    after_ms = ms("2026-03-01") + random.randrange(30 * 86_400) * 1000
    until_ms = after_ms + random.choice([60, 3600, 86_400, 40 * 86_400]) * 1000
    one_by_one, at_ms = list[int](), after_ms
    while (at_ms := times.next_after(at_ms) or until_ms + 1) <= until_ms:
        one_by_one.append(at_ms)
    expected = Due(len(one_by_one), one_by_one[-1]) if one_by_one else None
    assert times.due(after_ms, until_ms) == expected
    assert all(earlier < later for earlier, later in pairwise(one_by_one))


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "every day",
        "rate(5)",
        "rate(0 minutes)",
        "rate(1 minutes)",
        "rate(5 minute)",
        "rate(-5 minutes)",
        "rate(5 seconds)",
        "rate(5 minutes) ",
        "cron(0 12 * * ?)",
        "cron(0 0 12 * * ? *)",
        "cron(0 12 * * * *)",
        "cron(0 12 ? * ? *)",
        "cron(0 12 1 * MON *)",
        "cron(60 12 * * ? *)",
        "cron(0 24 * * ? *)",
        "cron(0 12 0 * ? *)",
        "cron(0 12 * 13 ? *)",
        "cron(0 12 ? * 8 *)",
        "cron(0 12 * * ? 1969)",
        "cron(0 12 ? * 3#6 *)",
        "cron(0 12 ? * 3#1,6#3 *)",
        "cron(0 12 * * ? 2030-2026)",
        "cron(? 12 * * ? *)",
        "cron(0/0 12 * * ? *)",
        "cron(a 12 * * ? *)",
        "cron(0 12 W * ? *)",
        "cron(,0 12 * * ? *)",
    ],
)
def test_other_expressions_are_refused_in_eventbridges_words(expression: str) -> None:
    with pytest.raises(ValidationException) as caught:
        parse_expression(expression)
    assert caught.value.message == INVALID
    assert len(caught.value.__notes__) == 1


def test_cron_without_apscheduler_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apscheduler.triggers.combining", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'pelton\[schedule\]'"):
        parse_expression("cron(0 12 * * ? *)")
    assert parse_expression("rate(1 minute)").next_after(0) == 60_000


def test_nothing_imports_apscheduler_before_a_cron_expression_does() -> None:
    script = (
        "import sys, pelton.handlers.fire_times as f; f.parse_expression('rate(1 day)'); "
        "assert not any(m.startswith('apscheduler') for m in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
