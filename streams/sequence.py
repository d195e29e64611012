"""Sequence numbers on the wire: decimal strings of 21 digits whose order is commit order."""

from __future__ import annotations

WIRE_BASE = 10**20
"""Added to every number, so that all have 21 digits and sort alike as text and as integers."""


def to_wire(sequence: int) -> str:
    """
    >>> to_wire(7)
    '100000000000000000007'
    """
    return str(WIRE_BASE + sequence)


def from_wire(text: str) -> int:
    """The store's number; whatever was never a sequence number of pelton's maps outside its range.

    >>> from_wire("100000000000000000007")
    7
    """
    return int(text) - WIRE_BASE
