"""The AWS CLI, unchanged, as a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import CREDENTIALS

from .tables import WireTable

AWS = Path(sys.executable).parent / "aws"
KEY = '{"id": {"S": "x"}}'


@pytest.fixture
def environment(endpoint: str | None, tmp_path: Path) -> dict[str, str]:
    """The CLI's environment: credentials that are nobody's, unless the tests run against AWS."""
    if endpoint is None:
        return dict(os.environ)
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "AWS_ACCESS_KEY_ID": CREDENTIALS["aws_access_key_id"],
        "AWS_SECRET_ACCESS_KEY": CREDENTIALS["aws_secret_access_key"],
        "AWS_DEFAULT_REGION": CREDENTIALS["region_name"],
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_MAX_ATTEMPTS": "1",
    }


def aws(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(AWS), *arguments, "--output", "json"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


def answer(environment: dict[str, str], *arguments: str) -> Any:
    finished = aws(environment, *arguments)
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout) if finished.stdout else None


def test_items_go_in_and_come_out(environment: dict[str, str], table: WireTable) -> None:
    of_table = ("--table-name", table.name)
    item = {"id": {"S": "x"}, "n": {"N": "1.5"}, "tags": {"L": [{"BOOL": True}]}}
    answer(environment, "dynamodb", "put-item", *of_table, "--item", json.dumps(item))
    assert answer(environment, "dynamodb", "get-item", *of_table, "--key", KEY) == {"Item": item}
    scanned = answer(environment, "dynamodb", "scan", *of_table)
    assert scanned["Items"] == [item]
    assert scanned["Count"] == 1


def test_streams_are_read(environment: dict[str, str], new_table: Any) -> None:
    table = new_table("id", stream="KEYS_ONLY")
    listed = answer(environment, "dynamodbstreams", "list-streams", "--table-name", table.name)
    (stream,) = listed["Streams"]
    assert stream["StreamArn"] == table.describe()["LatestStreamArn"]


def test_an_error_is_told(environment: dict[str, str], table: WireTable) -> None:
    wrong = ("--key", '{"other": {"S": "x"}}')
    finished = aws(environment, "dynamodb", "get-item", "--table-name", table.name, *wrong)
    assert finished.returncode != 0
    assert "(ValidationException)" in finished.stderr
    assert "The provided key element does not match the schema" in finished.stderr
