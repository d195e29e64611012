"""Keys as bytes: order-preserving encodings, the token of a partition key, ranges of sort keys.

Every encoded part ends with a terminator that no escaped byte can be mistaken for, so parts may be
joined (an index's sort key is followed by the table's key) and still sort part by part.
"""

from __future__ import annotations

from base64 import b64decode
from hashlib import blake2b
from typing import Any

from .numbers import encode_number

TERMINATOR = b"\x00\x01"
_AFTER_TERMINATOR = b"\x00\x02"
_ESCAPED_ZERO = b"\x00\xff"

TOKEN_MIN = -(2**63)
TOKEN_MAX = 2**63 - 1

PARTITION_KEY_BYTES_MAX = 2048
SORT_KEY_BYTES_MAX = 1024


def raw_bytes(attribute_type: str, value: Any) -> bytes:
    """The bytes of an S, N or B key value; their order is DynamoDB's order of such values."""
    if attribute_type == "S":
        encoded: bytes = value.encode()
        return encoded
    if attribute_type == "N":
        return encode_number(value)
    return b64decode(value)


def escape(raw: bytes) -> bytes:
    return raw.replace(b"\x00", _ESCAPED_ZERO) if b"\x00" in raw else raw


def encode_part(attribute_type: str, value: Any) -> bytes:
    """One key value, ready to be joined with others.

    >>> encode_part("S", "a") < encode_part("S", "a\\x00") < encode_part("S", "ab")
    True
    """
    return escape(raw_bytes(attribute_type, value)) + TERMINATOR


def token_of(pk: bytes) -> int:
    """The signed 64-bit hash of an encoded partition key; it places the key in a partition."""
    return int.from_bytes(blake2b(pk, digest_size=8).digest(), "big", signed=True)


def after_prefix(prefix: bytes) -> bytes | None:
    """The least bytes greater than all that begin with `prefix`; None when there are none."""
    stripped = prefix.rstrip(b"\xff")
    if not stripped:
        return None
    return stripped[:-1] + bytes((stripped[-1] + 1,))


def sort_range(attribute_type: str, operator: str, values: list[Any]) -> tuple[bytes, bytes | None]:
    """The half-open range `[low, high)` of encoded sort keys that satisfy a key condition.

    `operator` is one of = < <= > >= BETWEEN begins_with; `high` None means no upper bound.
    """
    raw = escape(raw_bytes(attribute_type, values[0]))
    if operator == "begins_with":
        return raw, after_prefix(raw)
    at, behind = raw + TERMINATOR, raw + _AFTER_TERMINATOR
    if operator == "=":
        return at, behind
    if operator == "<":
        return b"", at
    if operator == "<=":
        return b"", behind
    if operator == ">":
        return behind, None
    if operator == ">=":
        return at, None
    upper = escape(raw_bytes(attribute_type, values[1]))
    return at, upper + _AFTER_TERMINATOR


def segment_tokens(segment: int, segments: int) -> tuple[int, int]:
    """The lowest and the highest token of one of `segments` equal parts of the token range.

    >>> segment_tokens(0, 1) == (TOKEN_MIN, TOKEN_MAX)
    True
    """
    low = TOKEN_MIN + (segment << 64) // segments
    return low, TOKEN_MIN + ((segment + 1) << 64) // segments - 1
