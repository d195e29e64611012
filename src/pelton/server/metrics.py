"""The pages that tell a server's figures: to Prometheus as text, to `pelton top` as JSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fastapi import FastAPI, Response

from pelton.engine import PeltonError
from pelton.metrics import CONTENT_TYPE, RegionFigures, metrics_text

from .replies import reply

TEXT_PATH = "/metrics"
JSON_PATH = "/pelton/stats"

TakeFigures = Callable[[], Sequence[RegionFigures]]
"""Takes the figures of all regions, in the order they are to be told."""


def add_metrics_pages(pages: FastAPI, take: TakeFigures) -> None:
    """Adds `GET /metrics` and `GET /pelton/stats`; 503 where the figures cannot be read."""

    @pages.get(TEXT_PATH)
    def tell_metrics() -> Response:  # no coroutine: it looks for each handler's oldest record
        """The figures in Prometheus's text format."""
        try:
            figures = take()
        except PeltonError as error:
            return reply({"error": str(error)}, 503)
        return Response(metrics_text(figures), media_type=CONTENT_TYPE)

    @pages.get(JSON_PATH)
    def tell_stats() -> Response:
        """The same by region, with each handler's last error."""
        try:
            figures = take()
        except PeltonError as error:
            return reply({"error": str(error)}, 503)
        return reply({each.region: each.to_json() for each in figures})
