"""Handler 2: a derived table of totals per genre and year, exactly once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import pelton


def register(app: pelton.App, movies: pelton.Table, totals: pelton.Table) -> None:
    @app.on_change(movies)
    def totals_by_genre_and_year(change: pelton.RecordChange, context: pelton.Context) -> None:
        # These writes commit together with the handler's position: a crash between the two cannot
        # happen, so no movie is counted twice or left out.
        for movie, sign in ((change.old, -1), (change.new, +1)):
            if movie is not None:
                context.transaction.update(
                    totals,
                    {"genre": genre_of(movie), "year": movie["year"]},
                    "ADD movies :movies, gross_dollars :gross_dollars",
                    values={
                        ":movies": sign,
                        ":gross_dollars": sign * movie.get("gross_dollars", 0),
                    },
                )


def genre_of(movie: dict[str, Any]) -> str:
    genre: str = movie.get("genre", "(none)")
    return genre


def check(movies: Iterable[dict[str, Any]], totals: Iterable[dict[str, Any]]) -> list[str]:
    """The totals equal a recount of the movies. Returns what differs."""
    counts: Counter[tuple[str, int]] = Counter()
    grosses: Counter[tuple[str, int]] = Counter()
    for movie in movies:
        counts[genre_of(movie), movie["year"]] += 1
        grosses[genre_of(movie), movie["year"]] += movie.get("gross_dollars", 0)
    found = {(each["genre"], each["year"]): each for each in totals if each["movies"] != 0}
    differences = []
    for group in sorted(counts.keys() | found.keys()):
        total = found.get(group, {"movies": 0, "gross_dollars": 0})
        if (total["movies"], total["gross_dollars"]) != (counts[group], grosses[group]):
            differences.append(
                f"totals of {group} are {total['movies']} movies and ${total['gross_dollars']} "
                f"instead of {counts[group]} and ${grosses[group]}"
            )
    return differences
