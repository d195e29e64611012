"""Web pages as clients: whose pages may use a server, and the headers that tell their browser so.

Browsers name the origin of a page in every POST. Without a check, a page from anywhere that makes
its own host name resolve to this machine could read and write the tables.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from pelton.engine.errors import AccessDeniedException

HeaderPairs = tuple[tuple[bytes, bytes], ...]

LOOPBACK_NAMES = frozenset({"127.0.0.1", "::1", "localhost"})

ANY = "*"

_EXPOSED = b"x-amzn-RequestId,x-amz-crc32,x-amzn-ErrorType,x-amzn-ErrorMessage,Date"
_PREFLIGHT_SECONDS = b"172800"
"""How long a browser may remember what it was allowed. Source: observed at AWS."""


class Origins:
    """The origins, such as `https://app.example.com`, whose pages may use a server.

    Pages of this machine always may send requests; only pages of an origin that is named, or any
    page where `*` is, may read the answers too. Raises ValueError for what is no origin.

    >>> dict(Origins(["https://app.example.com"]).headers_for(b"https://app.example.com"))[b"vary"]
    b'origin'
    >>> Origins([]).headers_for(b"https://app.example.com")
    ()
    """

    def __init__(self, allowed: Iterable[str]) -> None:
        origins = frozenset(allowed)
        for origin in origins - {ANY}:
            _check_form(origin)
        self._allows_any = ANY in origins
        self._allowed = frozenset(origin.encode() for origin in origins)

    def check(self, origin: bytes) -> None:
        """Raises AccessDeniedException for the pages of an origin that may not use the server."""
        if self._allows(origin):
            return
        text = origin.decode("latin-1")
        try:
            host = urlsplit(text).hostname
        except ValueError:
            host = None
        if host not in LOOPBACK_NAMES:
            raise AccessDeniedException(
                f"Requests from web pages of {text} are refused: only pages of this machine may "
                "use this server."
            )

    def headers_for(self, origin: bytes) -> HeaderPairs:
        """The headers of an answer that let a page of this origin read it."""
        if not self._allows(origin):
            return ()
        if self._allows_any:
            allowed: HeaderPairs = ((b"access-control-allow-origin", b"*"),)
        else:
            allowed = ((b"access-control-allow-origin", origin), (b"vary", b"origin"))
        return (*allowed, (b"access-control-expose-headers", _EXPOSED))

    def preflight_headers(self, request: Mapping[bytes, bytes]) -> HeaderPairs:
        """The headers that answer a browser's question what it may send; () answers no.

        What it asks for is allowed, as AWS does. `request` has the question's headers.
        """
        granted = self.headers_for(request.get(b"origin", b""))
        if not granted:
            return ()
        asked = {
            b"access-control-allow-methods": request.get(b"access-control-request-method"),
            b"access-control-allow-headers": request.get(b"access-control-request-headers"),
        }
        answered = tuple((name, value) for name, value in asked.items() if value is not None)
        return (*granted, *answered, (b"access-control-max-age", _PREFLIGHT_SECONDS))

    def _allows(self, origin: bytes) -> bool:
        return origin in self._allowed or (self._allows_any and origin != b"")


def _check_form(origin: str) -> None:
    """Raises ValueError unless a browser could name this as an origin."""
    try:
        parts = urlsplit(origin)
        is_origin = parts.scheme != "" and parts.hostname is not None and parts.port != 0
    except ValueError:
        is_origin = False
    if not is_origin or origin.isascii() is False or f"{parts.scheme}://{parts.netloc}" != origin:
        raise ValueError(
            f"{origin!r} is no origin: write it as a browser does, such as "
            "https://app.example.com or http://localhost:3000, or * for any"
        )
