"""What these tests share: `pelton serve` on a file of its own, and a boto3 client to check with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.cli.processes import Command
from tests.conftest import client_of

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient


@contextmanager
def serving(folder: Path, *options: str, what: tuple[str, ...] = ("shop.db",)) -> Iterator[str]:
    """The URL of a server of its own, on a file in this folder."""
    with Command("serve", *what, "--port", "0", *options, cwd=folder) as command:
        yield command.line().rpartition(" at ")[2]
        code, _, complaint = command.stop()
        assert (code, complaint) == (0, "")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """The URL of a server that serves nobody else."""
    with serving(tmp_path) as url:
        yield url


@pytest.fixture
def client(served: str) -> Iterator[DynamoDBClient]:
    client = client_of("dynamodb", served)
    yield client
    client.close()
