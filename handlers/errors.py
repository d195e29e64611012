"""Errors of running handlers, grouped by when they are raised."""

from __future__ import annotations

from ..engine import PeltonError

# --- between a delivery and its commit ----------------------------------------------------------


class ReadConflict(PeltonError):
    """Raised when an item that a handler read has changed before its commit: it is run again."""


class OwnershipLostError(PeltonError):
    """Raised when another dispatcher has taken over a mapping; this one must stop working at it."""


class RecordsTrimmedError(PeltonError):
    """Raised when records have left the stream before a handler had done them.

    The handler's position stays before them, so it is raised again until its user decides.
    """


class CycleError(PeltonError):
    """Raised when handlers have called one another through their writes too often in a row.

    The position stays before the record that would call the next one.
    """


class RecordAgeExceeded(PeltonError):
    """What a record is given up for that was older than its mapping takes."""


# --- control from outside -----------------------------------------------------------------------


class UnknownMappingError(PeltonError):
    """Raised for a mapping that has never run in this file."""


class NotCaughtUpError(PeltonError):
    """Raised when a mapping is to take the place of another that is further than it."""


# --- calling handlers ---------------------------------------------------------------------------


class LoopClosedError(PeltonError):
    """Raised when the event loop that coroutine functions run on has been closed."""


class TaskTimedOutError(PeltonError, TimeoutError):
    """Raised when a call took longer than its handler's timeout, in AWS's words."""


class HungCallsError(PeltonError):
    """Raised when so many calls have timed out and still run that a further one may not begin.

    It is no failure of the records: they wait.
    """


class ProcessExitedError(PeltonError):
    """Raised when the process of a handler ended in a call, in AWS's words."""


class HandlerProcessError(PeltonError):
    """What a handler raised in its own process; its class has the name that it had there."""


class MarshalError(PeltonError):
    """Raised when what a function returned cannot be written as JSON."""
