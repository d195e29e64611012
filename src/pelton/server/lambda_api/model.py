"""Lambda's API as data: where each operation stands in HTTP, and what its requests must look like.

`lambda.json` is made by tools/generate_model.py from botocore's model.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import islice
from pkgutil import get_data
from typing import Any

import orjson

from pelton.engine.errors import ValidationException
from pelton.engine.model.constraints import ERRORS_MAX, broken_constraints
from pelton.engine.model.json_types import take_types
from pelton.engine.model.shapes import add_shapes, shape_named

Request = dict[str, Any]


@dataclass(frozen=True)
class Operation:
    """An operation's place in HTTP; `placed` are the members that are not in its JSON, by name, as
    pairs of where (uri, querystring, header) and under which name.
    """

    name: str
    method: str
    path: str
    status: int = 200
    shape: str | None = None
    """The shape of its request; None where pelton does not have the operation."""
    placed: tuple[tuple[str, str, str], ...] = ()
    payload: str | None = None
    """The member that is the body as it stands."""


@dataclass(frozen=True)
class ErrorForm:
    """How an error is sent: its status, and how it spells the member with its message."""

    status: int
    message: str


@cache
def operations() -> tuple[Operation, ...]:
    """All of the API; those that pelton does not have have no shape."""
    known = [
        Operation(
            name,
            entry["method"],
            entry["path"],
            entry["status"],
            entry["input"],
            tuple((member, *place) for member, place in entry.get("members", {}).items()),
            entry.get("payload"),
        )
        for name, entry in _data()["operations"].items()
    ]
    others = [
        Operation(name, entry["method"], entry["path"]) for name, entry in _data()["others"].items()
    ]
    return (*known, *others)


@cache
def error_forms() -> dict[str, ErrorForm]:
    """The errors of the API by their codes."""
    return {name: ErrorForm(**entry) for name, entry in _data()["errors"].items()}


def is_integer(operation: Operation, member: str) -> bool:
    """Whether a member of a request is a number, which text outside JSON has to be read as."""
    assert operation.shape is not None
    return str(shape_named(shape_named(operation.shape)["members"][member])["type"]) == "integer"


def validate(operation: Operation, request: Request) -> None:
    """Lets a request of the right shape pass, with what AWS converts converted in it.

    Raises SerializationException for a value of another type, ValidationException for broken
    constraints, with a sentence for each.
    """
    assert operation.shape is not None
    take_types(operation.shape, request)
    broken = list(islice(broken_constraints(operation.shape, request), ERRORS_MAX))
    if broken:
        plural = "s" if len(broken) > 1 else ""
        raise ValidationException(
            f"{len(broken)} validation error{plural} detected: {'; '.join(broken)}"
        )


@cache
def _data() -> dict[str, Any]:
    text = get_data(__package__ or "", "lambda.json")
    assert text is not None
    data: dict[str, Any] = orjson.loads(text)
    add_shapes(data["shapes"])
    return data
