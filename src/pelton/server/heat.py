"""The page that tells how hot the partitions and keys of a table are in the serving process."""

from __future__ import annotations

from fastapi import FastAPI, Response

from pelton.engine.errors import ResourceNotFoundException
from pelton.engine.partitions.heat import SHOWN_SECONDS

from .regions import Regions
from .replies import databases_of, no_region, reply

PATH = "/pelton/heat"


def add_heat_page(pages: FastAPI, regions: Regions) -> None:
    """Adds GET, which tells a table's heat by region; `?region=` picks one of several."""

    @pages.get(PATH)
    async def tell_heat(
        table: str, region: str | None = None, seconds: float = SHOWN_SECONDS
    ) -> Response:
        """What a table took in the last seconds, in each region that has it."""
        databases = databases_of(regions, region)
        if databases is None:
            return no_region(region)
        if not seconds > 0:
            return reply({"error": f"seconds must be more than 0, not {seconds}"}, 400)
        told = {}
        for name, database in databases.items():
            try:
                found = database.catalog.table(table)
            except ResourceNotFoundException:
                continue
            told[name] = database.heat.of(found, seconds).to_json()
        if not told:
            return reply({"error": f"this server has no table {table!r}"}, 404)
        return reply(told)
