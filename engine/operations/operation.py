"""What an operation is to the database: how it runs, and the function that prepares it."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from ..database import Database

Request = dict[str, Any]
Answer = dict[str, Any]
Present = Callable[[bytes], Any]
"""How stored JSON enters an answer: parsed for Python callers, spliced unparsed for the wire."""


class Mode(Enum):
    """How the work of an operation reaches the store."""

    READ = "on the caller's thread, over a snapshot"
    WRITE = "on the writer's thread, committed together with others"
    CATALOG = "on the writer's thread, in a commit of its own"


Prepare = Callable[["Database", Request, Present], Callable[[Any], Answer]]


class Operation(NamedTuple):
    """One operation of the API."""

    mode: Mode
    prepare: Prepare
