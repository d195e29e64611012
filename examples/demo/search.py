"""Handler 3: a full-text index beside the tables, in a SQLite file of its own."""

from __future__ import annotations

import re
import sqlite3
import threading
import unicodedata
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pelton

Words = list[str]


def _has(*wanted: str) -> Callable[[Words], bool]:
    return lambda words: all(word in words for word in wanted)


def _has_any(*wanted: str) -> Callable[[Words], bool]:
    return lambda words: any(word in words for word in wanted)


def _has_phrase(*wanted: str) -> Callable[[Words], bool]:
    size = len(wanted)
    return lambda words: any(
        tuple(words[start : start + size]) == wanted for start in range(len(words))
    )


SEARCHES: dict[str, Callable[[Words], bool]] = {
    "harry potter": _has("harry", "potter"),
    '"lord of the rings"': _has_phrase("lord", "of", "the", "rings"),
    "hitchcock OR kubrick": _has_any("hitchcock", "kubrick"),
}
"""Three searches in FTS5's language, and what each means for the words of a movie."""


class SearchIndex:
    """Titles and directors of movies by their words."""

    def __init__(self, path: Path) -> None:
        # Shards are handled by several threads at once; the lock lets one at a time write.
        self._connection = sqlite3.connect(path, check_same_thread=False)
        self._lock = threading.Lock()
        self._connection.execute("CREATE VIRTUAL TABLE movies USING fts5(title, director)")

    def apply(self, records: list[dict[str, Any]]) -> None:
        """Takes in a batch of stream records in one transaction; taking it in again is harmless."""
        with self._lock, self._connection:
            for record in records:
                movie_id = int(record["dynamodb"]["Keys"]["movie_id"]["N"])
                self._connection.execute("DELETE FROM movies WHERE rowid = ?", (movie_id,))
                image = record["dynamodb"].get("NewImage")
                if image is not None:
                    texts = (image["title"]["S"], image.get("director", {"S": ""})["S"])
                    self._connection.execute(
                        "INSERT INTO movies (rowid, title, director) VALUES (?, ?, ?)",
                        (movie_id, *texts),
                    )

    def search(self, query: str) -> list[tuple[int, str]]:
        """The ids and titles of the movies that match, best first."""
        with self._lock:
            return self._connection.execute(
                "SELECT rowid, title FROM movies WHERE movies MATCH ? ORDER BY rank, rowid",
                (query,),
            ).fetchall()

    def close(self) -> None:
        self._connection.close()


def register(app: pelton.App, movies: pelton.Table, index: SearchIndex) -> None:
    @app.on_stream(movies, batch_size=100)
    def search_index(event: dict[str, Any], context: pelton.Context) -> None:
        index.apply(event["Records"])


def check(movies: Iterable[dict[str, Any]], index: SearchIndex) -> list[str]:
    """Each search finds what a plain scan of the movies finds. Returns what differs."""
    columns = {
        movie["movie_id"]: [_words(movie["title"]), _words(movie.get("director", ""))]
        for movie in movies
    }
    differences = []
    for query, matches in SEARCHES.items():
        found = {movie_id for movie_id, _ in index.search(query)}
        wanted = {
            movie_id
            for movie_id, (title, director) in columns.items()
            # A phrase never runs on from one column into the next.
            if matches([*title, "|", *director])
        }
        if found != wanted:
            differences.append(f"search {query}: found {sorted(found)} instead of {sorted(wanted)}")
    return differences


def _words(text: str) -> Words:
    """The words of a text as FTS5 sees them: letters and digits, without case and accents."""
    plain = "".join(
        letter
        for letter in unicodedata.normalize("NFKD", text)
        if not unicodedata.combining(letter)
    )
    return re.findall(r"[^\W_]+", plain.lower())
