"""A measured figure beside the target it was given."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One line of a report. `at_least` or `at_most` is its target; with neither it only informs."""

    what: str
    value: float
    unit: str
    at_least: float | None = None
    at_most: float | None = None
    note: str = ""

    @property
    def verdict(self) -> str:
        """ "met", "missed", or "" where there is no target."""
        if self.at_least is not None:
            return "met" if self.value >= self.at_least else "missed"
        if self.at_most is not None:
            return "met" if self.value <= self.at_most else "missed"
        return ""

    @property
    def target(self) -> str:
        if self.at_least is not None:
            return f"at least {show(self.at_least)} {self.unit}".strip()
        if self.at_most is not None:
            return f"at most {show(self.at_most)} {self.unit}".strip()
        return ""

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "verdict": self.verdict}


def show(value: float) -> str:
    """Three significant digits, and thousands in groups.

    >>> show(17_939.4), show(0.1234), show(8)
    ('17,939', '0.123', '8')
    """
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
