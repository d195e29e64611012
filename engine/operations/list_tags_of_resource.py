"""ListTagsOfResource: the tags of a table, all on one page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..errors import AccessDeniedException, ResourceNotFoundException
from ..tags import check_table_arn, describe_tags
from .operation import Answer, DatabaseParts, Present, Request


def list_tags_of_resource(
    database: DatabaseParts, request: Request, present: Present
) -> Callable[[Any], Answer]:
    arn = request["ResourceArn"]
    check_table_arn(arn)
    try:
        tags = describe_tags(database.catalog.table(arn).tags)
    except ResourceNotFoundException:
        # AWS does not tell a table that is not there from one that is none of the caller's.
        raise AccessDeniedException(
            f"User: arn:aws:iam::{database.account}:root is not authorized to perform: "
            f"dynamodb:ListTagsOfResource on resource: {arn}"
        ) from None
    return lambda reader: {"Tags": tags}
