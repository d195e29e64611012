"""Handler 4: a copy of the movies in a second region, a file of its own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pelton


def register(app: pelton.App, movies: pelton.Table, europe: pelton.App) -> None:
    # 25 records a batch, because that is what one BatchWriteItem takes.
    @app.on_stream(movies, batch_size=25)
    def copy_to_europe(event: dict[str, Any], context: pelton.Context) -> None:
        # Items stay in wire form on the way. Of several changes of one item only the last counts;
        # a batch that comes again writes the same once more.
        writes = {}
        for record in event["Records"]:
            key, image = record["dynamodb"]["Keys"], record["dynamodb"].get("NewImage")
            writes[key["movie_id"]["N"]] = (
                {"DeleteRequest": {"Key": key}}
                if image is None
                else {"PutRequest": {"Item": image}}
            )
        europe.call("BatchWriteItem", {"RequestItems": {movies.name: list(writes.values())}})


def check(source: Iterable[dict[str, Any]], copy: Iterable[dict[str, Any]], name: str) -> list[str]:
    """Both sides hold the same items. Returns what differs."""
    wanted = {movie["movie_id"]: movie for movie in source}
    found = {movie["movie_id"]: movie for movie in copy}
    return [
        f"{name}: movie {movie_id} is {found.get(movie_id)} instead of {wanted.get(movie_id)}"
        for movie_id in sorted(wanted.keys() | found.keys())
        if wanted.get(movie_id) != found.get(movie_id)
    ]
