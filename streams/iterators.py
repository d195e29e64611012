"""Shard iterators: a position in a shard as a token that any process can read, for 15 minutes."""

from __future__ import annotations

import hashlib
from base64 import b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from struct import Struct
from typing import NamedTuple

from ..engine.errors import ExpiredIteratorException, ValidationException

_FORM = Struct(">IqQ")
_CHECK_BYTES = 6


class Iterator(NamedTuple):
    """Reading goes on behind `after_sequence` of the shard with this number."""

    stream_arn: str
    shard_number: int
    after_sequence: int
    issued_ms: int


def encode_iterator(iterator: Iterator) -> str:
    """The token of AWS's form, `<stream ARN>|1|<opaque text>`."""
    packed = _FORM.pack(iterator.shard_number, iterator.after_sequence, iterator.issued_ms)
    check = _check_of(iterator.stream_arn, packed)
    return f"{iterator.stream_arn}|1|{urlsafe_b64encode(packed + check).decode()}"


def decode_iterator(token: str, now_ms: int, seconds_max: float) -> Iterator:
    """Reads a token. Raises ValidationException for text that is none, ExpiredIteratorException
    for one that was issued more than `seconds_max` ago.
    """
    parts = token.split("|")
    stream_arn, opaque = parts[0], parts[-1]
    try:
        content = b64decode(opaque.encode(), altchars=b"-_", validate=True)
    except (Base64Error, ValueError):
        content = b""
    packed, check = content[: _FORM.size], content[_FORM.size :]
    if parts != [stream_arn, "1", opaque] or check != _check_of(stream_arn, packed):
        raise ValidationException("Invalid ShardIterator")
    number, after, issued_ms = _FORM.unpack(packed)
    if now_ms - issued_ms > seconds_max * 1000:
        raise ExpiredIteratorException("Shard iterator has expired")
    return Iterator(stream_arn, number, after, issued_ms)


def _check_of(stream_arn: str, packed: bytes) -> bytes:
    # Not a secret: it tells a token from any other text, so that garbage gets the right error.
    # The whole ARN counts: two streams of one table differ in its last characters alone.
    return hashlib.blake2b(
        b"%b|%b" % (stream_arn.encode(), packed), digest_size=_CHECK_BYTES
    ).digest()
