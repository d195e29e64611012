"""What the JSON pages about a server's regions share."""

from __future__ import annotations

from typing import Any

import orjson
from fastapi import Response

from pelton.engine import Database

from .regions import Regions


def databases_of(regions: Regions, region: str | None) -> dict[str, Database] | None:
    """The databases by region: all, or the one that is named; None where there is none of it."""
    if region is None:
        return regions.databases
    database = regions.databases.get(region)
    return None if database is None else {region: database}


def no_region(region: str | None) -> Response:
    return reply({"error": f"this server serves no region {region!r}"}, 404)


def reply(content: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(content), status, media_type="application/json")
