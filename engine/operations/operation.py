"""What an operation is to the database: how it runs, and the function that prepares it."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any, NamedTuple, Protocol

from ..catalog import Catalog
from ..clock import Clock
from ..items import ItemWriter
from ..partitions import PartitionLimits
from ..partitions.heat import Heat

Request = dict[str, Any]
Answer = dict[str, Any]
Present = Callable[[bytes], Any]
"""How stored JSON enters an answer: parsed for Python callers, spliced unparsed for the wire."""


class DatabaseParts(Protocol):
    """What operations see of a database."""

    @property
    def region(self) -> str: ...

    @property
    def account(self) -> str: ...

    @property
    def clock(self) -> Clock: ...

    @property
    def catalog(self) -> Catalog: ...

    @property
    def partition_limits(self) -> PartitionLimits: ...

    @property
    def heat(self) -> Heat: ...

    @property
    def writer(self) -> ItemWriter: ...


class Mode(Enum):
    """How the work of an operation reaches the store."""

    LOOK_UP = "on the caller's thread, with one row read at the most"
    READ = "on the caller's thread, over a snapshot"
    WRITE = "on the writer's thread, committed together with others"
    CATALOG = "on the writer's thread, in a commit of its own"


Prepare = Callable[[DatabaseParts, Request, Present], Callable[[Any], Answer]]


class Operation(NamedTuple):
    """One operation of the API."""

    mode: Mode
    prepare: Prepare
    mode_of: Callable[[Request], Mode] | None = None
    """Finds the mode of a request, where it is not the same for all."""
