"""Schedules: which function is called when, and what it is called with."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from ..engine import Database
from .fire_times import FireTimes, parse_expression
from .handler import Handler

RETRIES_MAX = 185
"""The most that EventBridge takes."""

NOTE = "pelton"
"""The member of an event's detail that tells of missed runs."""


@dataclass(frozen=True)
class Schedule:
    """A function that is called at times, as a rule of EventBridge calls one.

    `expression` is `rate(5 minutes)` or `cron(0 12 * * ? *)`, in UTC. Raises ValidationException
    for another, in EventBridge's words, and ValueError for other options out of range.
    """

    handler: Handler
    expression: str

    maximum_retry_attempts: int = 2
    """How often a run that fails is tried again before it is given up: 0 to 185."""

    timeout_seconds: float | None = None
    """How long a run may take, up to 900; None: as long as it likes."""

    enabled: bool = True
    """One that is not enabled does not fire; enabled again, it begins anew and has missed nothing.
    """

    times: FireTimes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not 0 <= self.maximum_retry_attempts <= RETRIES_MAX:
            raise ValueError(
                f"maximum_retry_attempts is 0 to {RETRIES_MAX}, not {self.maximum_retry_attempts}"
            )
        seconds = self.timeout_seconds
        if seconds is not None and not 0 < seconds <= 900:
            raise ValueError(f"timeout_seconds is over 0, up to 900, not {seconds!r}")
        if not self.handler.takes_batches:
            raise ValueError("a schedule's function takes an event, as on_stream's does")
        object.__setattr__(self, "times", parse_expression(self.expression))

    @property
    def name(self) -> str:
        """What its last fire time is kept by, and its rule is named."""
        return self.handler.name


class Fire(NamedTuple):
    """A run that is due: its time, and how many before it were missed, since the first of them."""

    at_ms: int
    missed: int = 0
    missed_since_ms: int = 0


def event_of(schedule: Schedule, fire: Fire, database: Database) -> dict[str, Any]:
    """The event of EventBridge for a fire time, with a detail where runs were missed.

    All of it follows from the schedule and the time: a run that is tried again gets the same.
    Source: "Scheduled events" in the Lambda developer guide's page on EventBridge.
    """
    rule_arn = f"arn:aws:events:{database.region}:{database.account}:rule/{schedule.name}"
    detail: dict[str, Any] = {}
    if fire.missed:
        detail[NOTE] = {"missed": fire.missed, "missed-since": iso_time(fire.missed_since_ms)}
    return {
        "version": "0",
        "id": id_of(f"{rule_arn}/{fire.at_ms}"),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": database.account,
        "time": iso_time(fire.at_ms),
        "region": database.region,
        "resources": [rule_arn],
        "detail": detail,
    }


def id_of(text: str) -> str:
    """A UUID that is the same for the same text."""
    return str(uuid.UUID(bytes=hashlib.blake2b(text.encode(), digest_size=16).digest(), version=4))


def iso_time(at_ms: int) -> str:
    """A time as events tell it.

    >>> iso_time(0)
    '1970-01-01T00:00:00Z'
    """
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
