"""What a client does: fills the tables over HTTP with boto3 and changes what it put there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import boto3
from botocore.config import Config

from .source import Source

T = TypeVar("T")

Track = Callable[[str, list[T]], Iterable[T]]
"""Gives back the items of a list one by one, and shows under a label how far it is."""


def tables_at(url: str, region: str) -> Any:
    """boto3's DynamoDB resource for a server. Keys may be any: signatures are not verified."""
    return boto3.resource(
        "dynamodb",
        endpoint_url=url,
        region_name=region,
        aws_access_key_id="demo",
        aws_secret_access_key="demo",
        config=Config(retries={"max_attempts": 2}),
    )


def load(source: Source, dynamodb: Any, track: Track[Any]) -> None:
    """Runs every write of the source."""
    users, movies = dynamodb.Table("users"), dynamodb.Table("movies")
    for user in track("sign up users", source.users):
        users.put_item(Item=user)
    with movies.batch_writer() as batch:
        for movie in track("put movies", source.movies):
            batch.put_item(Item=movie)
    for update in track("correct movies", source.updates):
        movies.update_item(
            Key={"movie_id": update.movie_id},
            UpdateExpression="SET #attribute = :value",
            ExpressionAttributeNames={"#attribute": update.attribute},
            ExpressionAttributeValues={":value": update.value},
        )
    for movie_id in track("withdraw movies", source.withdrawn):
        movies.delete_item(Key={"movie_id": movie_id})
    # A form sent twice: puts that change nothing make no record, so no one is welcomed again.
    for user in track("sign up again", source.users[::10]):
        users.put_item(Item=user)


def scan(table: Any) -> list[dict[str, Any]]:
    """All items of a table."""
    pages = table.meta.client.get_paginator("scan").paginate(TableName=table.name)
    return [item for page in pages for item in page["Items"]]
