"""Tags of a table: which are allowed, and the table an ARN of a tag request names."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Any

from .errors import ResourceNotFoundException, ValidationException
from .schema import Table

if TYPE_CHECKING:
    from .catalog import Catalog

TAGS_MAX = 50
RESERVED_PREFIX = "aws:"
INVALID = "One or more parameter values were invalid: "

_TABLE_ARN = re.compile(r"arn:aws[a-z-]*:dynamodb:[^:]+:\d+:table/[^/]{3,}")
_PUNCTUATION = frozenset("_.:/=+-@")


def tags_of(given: list[dict[str, str]] | None) -> dict[str, str]:
    """The Tags member of a request as a mapping. Raises ValidationException for what AWS refuses.

    Source for the limits: AWS's guide, "Tagging restrictions in DynamoDB".
    """
    tags: dict[str, str] = {}
    for tag in given or ():
        key, value = tag["Key"], tag["Value"]
        if key in tags:
            raise ValidationException(f"{INVALID}Duplicate tag key: {key}")
        if key.startswith(RESERVED_PREFIX):
            raise ValidationException(
                f"{INVALID}Tag keys starting with {RESERVED_PREFIX} are reserved for system use: "
                f"{key}"
            )
        for text in (key, value):
            if not all(_is_allowed(character) for character in text):
                raise ValidationException(
                    f"{INVALID}Tag keys and values may consist of letters, numbers, spaces and "
                    f"+ - = . _ : / @: {text}"
                )
        tags[key] = value
    check_tag_count(tags)
    return tags


def check_tag_count(tags: dict[str, str]) -> None:
    if len(tags) > TAGS_MAX:
        raise ValidationException(
            f"{INVALID}Too many tags: a resource has at most {TAGS_MAX}, not {len(tags)}"
        )


def describe_tags(tags: dict[str, str]) -> list[dict[str, Any]]:
    """As `Tags` on the wire."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def check_table_arn(arn: str) -> None:
    if _TABLE_ARN.fullmatch(arn) is None:
        raise ValidationException(f"Invalid TableArn: Invalid ResourceArn provided as input {arn}")


def tagged_table(catalog: Catalog, arn: str) -> Table:
    """The table of an ARN. Raises ResourceNotFoundException, in a tag request's words."""
    try:
        return catalog.table(arn)
    except ResourceNotFoundException:
        raise ResourceNotFoundException(
            f"Requested resource not found: ResourcArn: {arn} not found"
        ) from None


def _is_allowed(character: str) -> bool:
    return character in _PUNCTUATION or unicodedata.category(character)[0] in "LNZ"
