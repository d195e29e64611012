"""Compressed bodies, both ways: the content encodings of requests and of their answers.

Pure: knows no sockets. `x-amz-crc32` is over the bytes as sent, so the clients that check it ask
for no compression unless they can check it too.
"""

from __future__ import annotations

import re
import zlib
from functools import lru_cache

from pelton.engine.errors import SerializationException

from .wire import BODY_BYTES_MAX

COMPRESSED_BYTES_MIN = 4096
"""The largest answer that is sent as it is whatever the client accepts. Source: observed at AWS."""

_COMPRESSION_LEVEL = 1
"""The fastest: other requests wait meanwhile, and JSON shrinks to little more than at its best."""

_PARTS_MAX = 16
"""The most parts of a gzip body: each costs a copy of what follows it."""

_WINDOW_BITS = {b"gzip": 16 + zlib.MAX_WBITS, b"deflate": zlib.MAX_WBITS}

_QUALITY = re.compile(rb"q=([^;]*)")


class BodyTooLarge(Exception):
    """Raised when a request's body is, or decompresses to, more than 16 MB."""


def decompress(encoding: bytes, body: bytes) -> bytes:
    """The content of a request's body sent with this `Content-Encoding`.

    Raises SerializationException where the body is not of it, BodyTooLarge above 16 MB.
    """
    name = encoding.strip().lower()
    if name in (b"", b"identity"):
        return body
    if name not in _WINDOW_BITS:
        raise SerializationException(
            f"Content-Encoding {encoding.decode('latin-1')} is not supported: "
            "send gzip, deflate or none"
        )
    content = b""
    # What gzip makes may be joined: each part is a whole of its own.
    for _ in range(_PARTS_MAX if name == b"gzip" else 1):
        part, body = _decompress_part(name, body, BODY_BYTES_MAX - len(content))
        content += part
        if not body:
            return content
    raise SerializationException("")


def _decompress_part(name: bytes, body: bytes, bytes_max: int) -> tuple[bytes, bytes]:
    """The content of the first part of a body, and what follows it."""
    inflate = zlib.decompressobj(wbits=_WINDOW_BITS[name])
    try:
        content = inflate.decompress(body, bytes_max + 1)
    except zlib.error:
        raise SerializationException("") from None
    if len(content) > bytes_max:
        raise BodyTooLarge
    if not inflate.eof:
        raise SerializationException("")
    return content, inflate.unused_data


@lru_cache(maxsize=64)
def chosen_encoding(accepted: bytes) -> bytes | None:
    """The encoding of a large answer by the request's `Accept-Encoding`; None leaves it as it is.

    Of what is wanted alike the first is taken, and `*` stands behind what is named. Source:
    observed at AWS, down to what it makes of malformed qualities.

    >>> chosen_encoding(b"br, gzip;q=0.8, deflate;q=0.5")
    b'gzip'
    >>> chosen_encoding(b"identity")
    """
    qualities: dict[bytes, float] = {}
    for element in accepted.lower().split(b","):
        name, _, parameters = element.partition(b";")
        name = name.strip()
        qualities[name] = max(qualities.get(name, 0.0), _quality_in(parameters))
    others = qualities.pop(b"*", 0.0)
    wanted = {name: quality for name, quality in qualities.items() if name in _WINDOW_BITS}
    for name in _WINDOW_BITS:
        wanted.setdefault(name, others)
    best = max(wanted, key=wanted.__getitem__)
    return best if wanted[best] > 0 else None


def compress(encoding: bytes, body: bytes) -> bytes:
    """A body in an encoding that `chosen_encoding` gave."""
    return zlib.compress(body, _COMPRESSION_LEVEL, _WINDOW_BITS[encoding])


def _quality_in(parameters: bytes) -> float:
    """What an element's parameters say of how much it is wanted: 0 not at all, 1 most."""
    found = _QUALITY.search(parameters)
    if found is None:
        return 1.0
    try:
        quality = float(found[1])
    except ValueError:
        return 1.0
    return 1.0 if quality != quality else min(max(quality, 0.0), 1.0)
