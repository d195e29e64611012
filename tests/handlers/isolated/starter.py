"""A module that starts its app when it is imported, as no module of a handler may."""

from __future__ import annotations

from typing import Any

from pelton import App


def note(item: dict[str, Any], context: Any) -> None:
    context.transaction.put("totals", {"id": item["id"]})


with App():
    pass
