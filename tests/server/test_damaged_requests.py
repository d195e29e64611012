"""Hostile requests to all operations: an answer or an error of AWS, never a 500.

The storm and what it sends are in tests/fuzz; `make fuzz` is a longer one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from pelton.engine import Database, ManualClock
from pelton.server import Server
from pelton.streams import Streams
from tests.fuzz.ground import lay
from tests.fuzz.storm import Storm

ATTACKS = 4_000


@pytest.fixture
def database() -> Iterator[Database]:
    # Its time stands still, so that ARNs and iterators, and with them the damage, are the same.
    database = Database(":memory:", clock=ManualClock())
    Streams(database)
    yield database
    database.close()


def test_there_is_a_specimen_of_every_operation(database: Database) -> None:
    assert set(database.operations) <= {operation for operation, _ in lay(database.call)}


def test_a_storm_of_hostile_requests_gives_no_500(database: Database) -> None:
    with Server(database, port=0) as server:
        storm = Storm(server.url, seed=1)
        storm.rage(ATTACKS)
    account = storm.account
    assert account.faults == []
    assert account.attacks == ATTACKS
    assert {"200", "400", "404", "413"} <= set(account.statuses)
    assert account.errors.keys() >= {
        "SerializationException",
        "ValidationException",
        "UnknownOperationException",
        "ResourceNotFoundException",
    }


def test_a_storm_finds_a_500(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = database.submit

    def submit(operation: str, *arguments: Any, **settings: Any) -> None:
        if operation == "DescribeLimits":
            raise ZeroDivisionError
        whole(operation, *arguments, **settings)

    monkeypatch.setattr(database, "submit", submit)
    with Server(database, port=0) as server:
        storm = Storm(server.url, seed=1)
        storm.rage(300)
    assert storm.account.statuses["500"] > 0
    assert b"DescribeLimits" in storm.account.faults[0][0].data
