"""What a process is sent, beside the answers to what it asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from ...streams import Record, Shard
from ..handler import Handler, Shape
from ..limits import Limits
from .reference import FunctionReference


class Hello(NamedTuple):
    """The first message: what the process is for."""

    reference: FunctionReference
    handler_name: str
    shape: Shape
    wrap: Callable[[Handler], Handler] | None
    memory_limit_mb: int | None
    program: str
    """The name the app was started by, for `sys.argv`."""


class Work(NamedTuple):
    """A delivery: the calls of one run of records."""

    version: str
    limits: Limits
    shard: Shard
    records: Sequence[Record]
    attempt: int
    more: Mapping[str, Any] | None
    occasion: str | None
