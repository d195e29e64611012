"""Runs the shop: serves it, loads it over HTTP, waits for its handlers and checks what they did.

Exits with 1 when a result differs from what the input says, 2 when there is no input.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

import pelton
from pelton.server import Server

from . import region_copy, search, totals, welcome
from .display import Display, report
from .inbox import Inbox
from .load import load, scan, tables_at
from .source import Source, read_source

MOVIES_PATH = Path(__file__).parents[2] / ".cache" / "movies.json"
DRAIN_SECONDS_MAX = 120
FOUND_SHOWN_MAX = 3
PIPE_WIDTH = 100
DIFFERENCES_SHOWN_MAX = 10


@dataclass(frozen=True)
class Shop:
    """The app of the demo, its second region, and what its handlers write to besides."""

    app: pelton.App
    europe: pelton.App
    index: search.SearchIndex


def main() -> int:
    options = parse_options()
    console = Console(width=None if sys.stdout.isatty() else PIPE_WIDTH)
    if not options.movies.exists():
        print(
            f"demo: {options.movies} is missing: run `make demo`, or get it with "
            "`python tools/fetch_movies.py`",
            file=sys.stderr,
        )
        return 2
    source = read_source(options.movies)
    with ExitStack() as stack:
        directory = options.keep
        if directory is None:
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pelton-")))
        directory.mkdir(parents=True, exist_ok=True)
        # Retries are logged; here they would break into the bars.
        logging.basicConfig(filename=directory / "demo.log")
        inbox = None if options.smtp else stack.enter_context(Inbox())
        smtp_host, smtp_port = options.smtp or ("127.0.0.1", inbox.port if inbox else 0)
        shop = open_shop(directory, smtp_host, smtp_port)
        stack.callback(shop.index.close)
        stack.callback(shop.europe.close)
        stack.enter_context(shop.app)
        console.print(f"shop: {directory / 'shop.db'}, mail: {smtp_host}:{smtp_port}")
        return run(shop, source, inbox, console)


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m examples.demo", description=__doc__)
    parser.add_argument(
        "--movies", type=Path, default=MOVIES_PATH, metavar="FILE", help="the input"
    )
    parser.add_argument(
        "--keep",
        type=_new_folder,
        metavar="DIR",
        help="put the files in this new folder and leave them",
    )
    parser.add_argument(
        "--smtp",
        type=_host_and_port,
        default=os.environ.get("PELTON_DEMO_SMTP"),
        metavar="HOST:PORT",
        help="send the letters to this server instead of an inbox in this process "
        "(or set PELTON_DEMO_SMTP)",
    )
    return parser.parse_args()


def _new_folder(text: str) -> Path:
    folder = Path(text)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise argparse.ArgumentTypeError(f"{text} is not empty")
    return folder


def _host_and_port(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host, int(port)


def open_shop(directory: Path, smtp_host: str, smtp_port: int) -> Shop:
    """Makes the tables and registers the handlers."""
    app = pelton.App(directory / "shop.db")
    users = app.table("users", partition_key="user_id", stream="NEW_AND_OLD_IMAGES")
    movies = app.table("movies", partition_key=("movie_id", int), stream="NEW_AND_OLD_IMAGES")
    by_genre = app.table("totals", partition_key="genre", sort_key=("year", int))
    europe = pelton.App(directory / "europe.db", region="eu-west-1")
    europe.table("movies", partition_key=("movie_id", int))
    index = search.SearchIndex(directory / "search.db")

    welcome.register(app, users, smtp_host, smtp_port)
    totals.register(app, movies, by_genre)
    search.register(app, movies, index)
    region_copy.register(app, movies, europe)
    return Shop(app, europe, index)


def run(shop: Shop, source: Source, inbox: Inbox | None, console: Console) -> int:
    """Loads, waits, checks and reports; returns the exit status."""
    expected = expected_records(source)
    regions = {each.database.region: each.database for each in (shop.app, shop.europe)}
    with Server(regions, port=0) as server:
        console.print(f"server: {server.url}")
        start = time.perf_counter()
        with Display(console, expected, shop.app.stats) as display:
            load(source, tables_at(server.url, "us-east-1"), display.track)
            loaded = time.perf_counter()
            shop.app.drain(DRAIN_SECONDS_MAX)
        console.print(
            f"loaded in {loaded - start:.1f} s, "
            f"handlers done {(time.perf_counter() - loaded) * 1000:.0f} ms later"
        )
        differences = check(shop, source, inbox, server.url)
    stats = shop.app.stats()
    report(console, stats)
    show_searches(shop.index, console)
    differences += [
        f"{name} got {stats[name].records} records instead of {count}"
        for name, count in expected.items()
        if stats[name].records != count
    ]
    for difference in differences[:DIFFERENCES_SHOWN_MAX]:
        print(f"demo: wrong: {difference}")
    delivered = sum(each.records for each in stats.values())
    failed = sum(each.dead_letters for each in stats.values())
    print(f"demo: {delivered} records delivered to {len(stats)} handlers, {failed} failed")
    return 1 if differences or failed else 0


def expected_records(source: Source) -> dict[str, int]:
    """How many records each handler must get: one for each write that changes something."""
    changes = len(source.movies) + len(source.updates) + len(source.withdrawn)
    return {
        "welcome_email": len(source.users),
        "send_letter": len(source.users),
        "totals_by_genre_and_year": changes,
        "search_index": changes,
        "copy_to_europe": changes,
    }


def check(shop: Shop, source: Source, inbox: Inbox | None, url: str) -> list[str]:
    """Compares what the handlers made with what the input says; returns what differs."""
    here, there = tables_at(url, "us-east-1"), tables_at(url, "eu-west-1")
    movies: list[dict[str, Any]] = list(source.final_movies().values())
    differences = region_copy.check(movies, scan(here.Table("movies")), "source")
    differences += region_copy.check(movies, scan(there.Table("movies")), "copy")
    differences += totals.check(movies, scan(here.Table("totals")))
    differences += search.check(movies, shop.index)
    if inbox is not None:
        differences += welcome.check(source, inbox)
    return differences


def show_searches(index: search.SearchIndex, console: Console) -> None:
    for query in search.SEARCHES:
        found = index.search(query)
        titles = "; ".join(title for _, title in found[:FOUND_SHOWN_MAX])
        console.print(
            f"search {query}: {len(found)} found, such as {titles}", markup=False, highlight=False
        )
    console.print()


if __name__ == "__main__":
    sys.exit(main())
