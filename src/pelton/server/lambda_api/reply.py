"""A reply before it has the headers that all have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Reply(NamedTuple):
    """A status and a body of JSON; `headers` are those that few replies have."""

    status: int
    body: bytes
    headers: Sequence[tuple[str, str]] = ()
