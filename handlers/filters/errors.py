"""What is wrong with a filter pattern, and where."""

from __future__ import annotations

INVALID_PATTERN = "Invalid filter pattern definition."
"""AWS Lambda's words, whatever is wrong. Source: observed with CreateEventSourceMapping."""


class PatternFault(Exception):
    """Something in a pattern that cannot be; `path` leads to it."""

    def __init__(self, what: str, path: tuple[str, ...] = ()) -> None:
        super().__init__(what)
        self.what = what
        self.path = path


class FilterPatternError(ValueError):
    """A pattern that is none. `message` is what AWS Lambda answers; the text says more."""

    message = INVALID_PATTERN

    def __init__(self, number: int, fault: PatternFault) -> None:
        place = f'at "{".".join(fault.path)}": ' if fault.path else ""
        super().__init__(f"{INVALID_PATTERN} Pattern {number}: {place}{fault.what}")
