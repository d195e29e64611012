"""The input: the movies of the vega-datasets package, made-up users, and what happens to them."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

Item = dict[str, Any]

FIRST_NAMES = (
    "Ada Alan Barbara Claude Donald Edsger Frances Grace Hedy John Katherine Leslie Margaret "
    "Niklaus Radia Tony"
)
LAST_NAMES = (
    "Allen Backus Dijkstra Hamilton Hoare Hopper Johnson Knuth Lamarr Lamport Liskov Lovelace "
    "Perlman Shannon Turing Wirth"
)

LAST_YEAR = 2011
"""The data was put together in 2010; later years are of films of a hundred years before."""

_COLUMNS = {
    "Director": "director",
    "Distributor": "distributor",
    "Worldwide Gross": "gross_dollars",
    "Production Budget": "budget_dollars",
    "MPAA Rating": "audience",
    "IMDB Rating": "rating",
    "IMDB Votes": "votes",
    "Major Genre": "genre",
}


@dataclass(frozen=True)
class Update:
    """One UpdateItem on a movie: its key, and the attribute that gets a new value."""

    movie_id: int
    attribute: str
    value: Any


@dataclass(frozen=True)
class Source:
    """Everything the demo does to its tables, in this order."""

    users: list[Item]
    movies: list[Item]
    updates: list[Update]
    withdrawn: list[int]

    def final_movies(self) -> dict[int, Item]:
        """What the table of movies holds when all of it has happened, by key."""
        movies = {movie["movie_id"]: dict(movie) for movie in self.movies}
        for update in self.updates:
            movies[update.movie_id][update.attribute] = update.value
        for movie_id in self.withdrawn:
            del movies[movie_id]
        return movies


def read_source(path: Path) -> Source:
    """The movies of a file, and the changes that put them right.

    Years of the wrong century are corrected, films without a genre get one, and films that nobody
    has rated are withdrawn.
    """
    rows = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    movies = [_movie(number, row) for number, row in enumerate(rows, start=1)]
    return Source(
        users=list(_users()),
        movies=movies,
        updates=[update for movie in movies for update in _corrections(movie)],
        withdrawn=[movie["movie_id"] for movie in movies if "votes" not in movie],
    )


def _movie(number: int, row: dict[str, Any]) -> Item:
    released = datetime.strptime(row["Release Date"], "%b %d %Y")
    movie: Item = {
        "movie_id": number,
        "title": str(row["Title"] or "(untitled)"),
        "year": released.year,
        "released": f"{released:%Y-%m-%d}",
    }
    known = {ours: row[theirs] for theirs, ours in _COLUMNS.items() if row[theirs] is not None}
    return movie | known


def _corrections(movie: Item) -> Iterator[Update]:
    if movie["year"] > LAST_YEAR:
        yield Update(movie["movie_id"], "year", movie["year"] - 100)
    if "genre" not in movie:
        yield Update(movie["movie_id"], "genre", "Other")


def _users() -> Iterator[Item]:
    pairs = itertools.product(FIRST_NAMES.split(), LAST_NAMES.split())
    for number, (first, last) in enumerate(pairs, start=1):
        yield {
            "user_id": f"user-{number:03d}",
            "name": f"{first} {last}",
            "email": f"{first}.{last}@example.com".lower(),
        }
