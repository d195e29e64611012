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


SEQUENCE_END = 2**62
"""No store gives a sequence beyond it."""


def from_wire(text: str) -> int:
    """The store's number. Raises ValueError for text that is no sequence number of pelton's.

    >>> from_wire("100000000000000000007")
    7
    """
    # int() would also read signs, spaces, underscores and the digits of other scripts.
    sequence = int(text) - WIRE_BASE if text.isascii() and text.isdigit() else -1
    if not 0 <= sequence < SEQUENCE_END:
        raise ValueError(f"{text!r} is no sequence number")
    return sequence
