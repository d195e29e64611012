"""The AWS CLI, unchanged: functions invoked, and a trigger from its making to its end."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import CREDENTIALS
from tests.wire.test_aws_cli import answer, aws, words_of

from .shop import Shop
from .test_mappings import stream_of


@pytest.fixture
def environment(url: str, tmp_path: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "AWS_ACCESS_KEY_ID": CREDENTIALS["aws_access_key_id"],
        "AWS_SECRET_ACCESS_KEY": CREDENTIALS["aws_secret_access_key"],
        "AWS_DEFAULT_REGION": CREDENTIALS["region_name"],
        "AWS_ENDPOINT_URL": url,
        "AWS_MAX_ATTEMPTS": "1",
    }


def test_a_function_is_found_and_invoked(environment: dict[str, str], tmp_path: Path) -> None:
    # Pages of three: the CLI follows NextMarker by itself.
    listed = answer(environment, "lambda", "list-functions", "--page-size", "3")
    assert [each["FunctionName"] for each in listed["Functions"]][:3] == ["answer", "book", "echo"]
    payload = tmp_path / "payload.json"
    payload.write_text('{"id": "o1"}')
    result = tmp_path / "result.json"
    told = answer(
        environment,
        *("lambda", "invoke", "--function-name", "book", "--payload", f"fileb://{payload}"),
        *("--log-type", "Tail", str(result)),
    )
    assert (told["StatusCode"], told["ExecutedVersion"]) == (200, "$LATEST")
    assert "LogResult" in told
    assert json.loads(result.read_text()) == "booked"

    refused = aws(environment, "lambda", "get-function", "--function-name", "none")
    assert words_of(refused) == (
        "An error occurred (ResourceNotFoundException) when calling the GetFunction operation: "
        "Function not found: arn:aws:lambda:us-east-1:000000000000:function:none"
    )


def test_a_trigger_is_made_changed_and_deleted(environment: dict[str, str], shop: Shop) -> None:
    def call(operation: str, *arguments: str) -> Any:
        return answer(environment, "lambda", operation, *arguments)

    made = call(
        "create-event-source-mapping",
        *("--function-name", "note", "--event-source-arn", stream_of(shop)),
        *("--starting-position", "TRIM_HORIZON", "--batch-size", "5"),
        *("--filter-criteria", '{"Filters": [{"Pattern": "{\\"eventName\\": [\\"INSERT\\"]}"}]}'),
    )
    uuid = ("--uuid", made["UUID"])
    assert made["State"] == "Creating"
    shop.orders.put({"id": "1"})
    shop.app.drain()
    assert shop.noted() == ["1"]

    changed = call("update-event-source-mapping", *uuid, "--no-enabled")
    assert changed["State"] == "Disabling"
    (listed,) = call("list-event-source-mappings", "--function-name", "note")["EventSourceMappings"]
    assert (listed["State"], listed["BatchSize"]) == ("Disabled", 5)
    assert call("delete-event-source-mapping", *uuid)["State"] == "Deleting"
    refused = aws(environment, "lambda", "get-event-source-mapping", *uuid)
    assert words_of(refused) == (
        "An error occurred (ResourceNotFoundException) when calling the GetEventSourceMapping "
        "operation: The resource you requested does not exist."
    )
