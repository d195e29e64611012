"""Paths that go into attributes of keys, which hold nothing to go into."""

from __future__ import annotations

from collections.abc import Iterable

from .errors import ValidationException
from .schema import Table

ENTERED_KEY = "Key attributes must be scalars;"


def check_not_entered(table: Table, names: Iterable[str]) -> None:
    """Raises ValidationException where an attribute that paths go into is one of a key."""
    for kind, keys in (
        ("Key", (table.key,)),
        ("IndexKey", tuple(index.key for index in table.indexes)),
    ):
        for name in names:
            if any(name in key.names for key in keys):
                raise ValidationException(
                    f"{ENTERED_KEY} list random access '[]' and map lookup '.' are not allowed: "
                    f"{kind}: {name}"
                )
