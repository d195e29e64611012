"""What the server answers besides the wire protocol: pages for people and their monitors."""

from __future__ import annotations

import time
from collections.abc import Callable

from fastapi import FastAPI, Response

import pelton
from pelton.engine import PeltonError

from .heat import add_heat_page
from .metrics import TakeFigures, add_metrics_pages
from .origins import Origins
from .regions import Regions
from .strictness import add_strictness_page


def make_pages(
    regions: Regions,
    origins: Origins,
    is_closing: Callable[[], bool],
    started_s: float,
    take_figures: TakeFigures,
) -> FastAPI:
    """The FastAPI application beside the wire protocol; `started_s` is on the monotonic clock."""
    pages = FastAPI(title="pelton", version=pelton.__version__)

    @pages.get("/health")
    async def health(response: Response) -> dict[str, object]:
        """Whether the server lives and is ready for requests; 503 when it is not ready."""
        # On the event loop's own thread: it is a read of microseconds, and the loop has its reader.
        ready = not is_closing() and _can_read(regions)
        if not ready:
            response.status_code = 503
        return {
            "live": True,
            "ready": ready,
            "version": pelton.__version__,
            "uptime_seconds": round(time.monotonic() - started_s, 3),
            "regions": sorted(regions.databases),
        }

    add_heat_page(pages, regions)
    add_strictness_page(pages, regions, origins)
    add_metrics_pages(pages, take_figures)
    return pages


def _can_read(regions: Regions) -> bool:
    try:
        for database in regions.databases.values():
            database.call("ListTables", {"Limit": 1})
    except PeltonError:
        return False
    return True
