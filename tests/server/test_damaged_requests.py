"""Requests of every operation with damage in them: an answer or an error of AWS, never a 500."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

from pelton.engine import Database, ManualClock
from pelton.server import Server
from pelton.server.wire import service_of
from pelton.streams import Streams

from .raw import RawClient, post
from .specimens import ARN, CREATE, ITEM, Request, key, specimens

ROUNDS = 3000


def nested(depth: int) -> Any:
    value: Any = {"S": "x"}
    for level in range(depth):
        value = {"L": [value]} if level % 2 else {"M": {"a": value}}
    return value


STRANGE: list[Any] = [
    *(None, True, False, 0, -1, 2**31, 2**63, 2**64 - 1, 1.5, 1e300),
    *("", "x", "\u00e9\x00\U0001f600", "x" * 300, "9" * 60, "1E+999999999", "NaN", " 1", "1_0"),
    *("\u0661", "a.b[99999999999999999999]", "(" * 400, "NOT " * 900 + "a = :v", ARN),
    *([], {}, [None], [[[[]]]], {"": None}, {"S": None}, {"S": "x", "N": "1"}),
    *({"N": "Infinity"}, {"N": "\u0661"}, {"N": "9" * 38 + "e90"}, {"N": "1e-130"}),
    *({"B": "!!"}, {"SS": []}, {"NULL": False}, {"M": None}, {"L": [None]}),
    *(nested(20), nested(60)),
]
SPLINTERS = [*"()[],.:#=<>+- aA0\"'\\\n", "\u00e9", " AND ", " NOT ", " IN ", " SET ", "#n", ":v"]
NAMES = ["", "x", "id", "#n", ":v", "S", "N", "L", "\u00e9" * 10, "y" * 300]


class Damage:
    """Changes requests at random places, the same ones for the same seed."""

    def __init__(self, seed: int) -> None:
        self.source = random.Random(seed)

    def damaged(self, request: Request) -> Request:
        request = copy.deepcopy(request)
        for _ in range(self.source.choice([1, 1, 1, 2, 3])):
            places = list(places_of(request))
            if places:
                self._change(*self.source.choice(places), places)
        return request

    def _change(self, holder: Any, at: Any, places: list[tuple[Any, Any]]) -> None:
        source = self.source
        kind = source.randrange(6)
        if kind == 0:
            del holder[at]
        elif kind == 1 and isinstance(holder[at], str):
            holder[at] = self._splintered(holder[at])
        elif kind == 2 and isinstance(holder, dict):
            holder[source.choice(NAMES)] = holder.pop(at)
        elif kind == 3 and isinstance(holder, list):
            holder.append(copy.deepcopy(holder[at]))
        elif kind == 4:
            other, place = source.choice(places)
            holder[at] = copy.deepcopy(other[place])
        else:
            holder[at] = copy.deepcopy(source.choice(STRANGE))

    def _splintered(self, text: str) -> str:
        at = self.source.randrange(len(text) + 1)
        splinter: str = self.source.choice(SPLINTERS)
        return text[:at] + splinter + text[at + self.source.randrange(2) :]


def places_of(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every member of every object and list, as what holds it and where in there."""
    members = (
        list(value.items())
        if isinstance(value, dict)
        else list(enumerate(value))
        if isinstance(value, list)
        else []
    )
    for at, member in members:
        yield value, at
        yield from places_of(member)


@pytest.fixture
def database() -> Iterator[Database]:
    # Its time stands still, so that ARNs and iterators, and with them the damage, are the same.
    database = Database(":memory:", clock=ManualClock())
    Streams(database)
    database.call("CreateTable", CREATE)
    for at in range(10):
        request = {"TableName": CREATE["TableName"], "Item": {**ITEM, **key(at)}}
        database.call("PutItem", request)
    yield database
    database.close()


def specimens_of(database: Database) -> list[tuple[str, Request]]:
    (stream,) = database.call("ListStreams", {})["Streams"]
    arn = {"StreamArn": stream["StreamArn"]}
    shard = database.call("DescribeStream", arn)["StreamDescription"]["Shards"][0]
    position = {**arn, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
    iterator = database.call("GetShardIterator", position)["ShardIterator"]
    return specimens(stream["StreamArn"], shard["ShardId"], iterator)


def test_there_is_a_specimen_of_every_operation(database: Database) -> None:
    assert set(database.operations) <= {operation for operation, _ in specimens_of(database)}


def test_damaged_requests_of_all_operations_give_no_500(database: Database) -> None:
    damage = Damage(seed=1)
    whole = specimens_of(database)
    statuses = set()
    with Server(database, port=0) as server, RawClient(server.url) as client:
        for _ in range(ROUNDS):
            operation, request = damage.source.choice(whole)
            body = json.dumps(damage.damaged(request)).encode()
            client.send(post(body, f"{service_of(operation)}.{operation}"))
            reply = client.receive()
            assert reply.status < 500, (operation, body)
            statuses.add(reply.status)
    assert statuses == {200, 400}
