"""DeleteItem: removes an item, if there is one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..writes import DeleteWrite
from .operation import Answer, DatabaseParts, Present, Request
from .single_write import condition_of_write, old_item_getter, write_one


def delete_item(
    database: DatabaseParts, request: Request, present: Present
) -> Callable[[Any], Answer]:
    answer = old_item_getter(request, present)
    write = DeleteWrite(request["Key"], condition_of_write(request))
    return write_one(database, request, write, answer)
