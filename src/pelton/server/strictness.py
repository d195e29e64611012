"""The page by which tests in other processes read and set a server's strictness."""

from __future__ import annotations

import orjson
from fastapi import FastAPI, Request, Response

from pelton.engine import Database, Strictness
from pelton.engine.errors import AccessDeniedException

from .origins import Origins
from .regions import Regions
from .replies import databases_of, no_region, reply

PATH = "/pelton/strictness"
BODY_BYTES_MAX = 64 * 1024


def add_strictness_page(pages: FastAPI, regions: Regions, origins: Origins) -> None:
    """Adds GET, which tells the settings by region, and PUT, which replaces them.

    `?region=` picks one region of several.
    """

    @pages.get(PATH)
    async def tell_strictness(region: str | None = None) -> Response:
        """Every switch, by region."""
        found = databases_of(regions, region)
        return no_region(region) if found is None else _settings_of(found)

    @pages.put(PATH)
    async def set_strictness(request: Request, region: str | None = None) -> Response:
        """Sets the switches a JSON object names; those it leaves out are off."""
        found = databases_of(regions, region)
        if found is None:
            return no_region(region)
        try:
            # A page from elsewhere may not change what a server does.
            if "origin" in request.headers:
                origins.check(request.headers["origin"].encode("latin-1"))
            strictness = Strictness.from_json(orjson.loads(await _body_of(request)))
        except AccessDeniedException as error:
            return reply({"error": error.message}, 403)
        except ValueError as error:  # orjson's errors are of this kind too.
            return reply({"error": str(error)}, 400)
        for database in found.values():
            database.strictness = strictness
        return _settings_of(found)


async def _body_of(request: Request) -> bytes:
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > BODY_BYTES_MAX:
            raise ValueError(f"strictness takes no more than {BODY_BYTES_MAX} bytes")
    return body


def _settings_of(databases: dict[str, Database]) -> Response:
    return reply({name: database.strictness.to_json() for name, database in databases.items()})
