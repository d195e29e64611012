"""Names of functions: alone, with a version, or as a part of an ARN or the whole of it."""

from __future__ import annotations

import re
from typing import NamedTuple

from pelton.engine import Database

from .errors import invalid, not_found

LATEST = "$LATEST"
"""The only version that a function has here."""

_NAME = re.compile(
    r"(?:arn:aws[a-zA-Z-]*:lambda:)?"
    r"(?:(?P<region>[a-z]+(?:-[a-z]+)+-\d):)?"
    r"(?:(?P<account>\d{12}):)?"
    r"(?:function:)?"
    r"(?P<name>[a-zA-Z0-9-_.]+)"
    r"(?::(?P<qualifier>[a-zA-Z0-9-_$.]+))?"
)


class FunctionName(NamedTuple):
    """A function as a request names it."""

    name: str
    qualifier: str | None
    arn: str
    """Without the qualifier."""

    @property
    def qualified_arn(self) -> str:
        """With the qualifier, where one was given."""
        return self.arn if self.qualifier is None else f"{self.arn}:{self.qualifier}"


def read_name(database: Database, text: str, qualifier: str | None = None) -> FunctionName:
    """What a name that the API's model accepts means, with the qualifier beside it.

    Raises LambdaError where the two qualifiers differ, or for the ARN of another region.

    >>> database = Database(":memory:")
    >>> read_name(database, "123456789012:function:audit:$LATEST").qualified_arn
    'arn:aws:lambda:us-east-1:123456789012:function:audit:$LATEST'
    >>> database.close()
    """
    found = _NAME.fullmatch(text)
    if found is None:
        raise not_found(f"Function not found: {text}")
    region = found["region"] or database.region
    if region != database.region:
        raise not_found(
            f"Functions from '{region}' are not reachable in this region ('{database.region}')"
        )
    if qualifier is not None and found["qualifier"] not in (None, qualifier):
        raise invalid(
            "The derived qualifier from the function name does not match the specified qualifier."
        )
    account = found["account"] or database.account
    arn = f"arn:aws:lambda:{region}:{account}:function:{found['name']}"
    return FunctionName(found["name"], found["qualifier"] or qualifier, arn)
