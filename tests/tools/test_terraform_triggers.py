"""Terraform with its AWS provider, unchanged: triggers of an app from their making to their end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import client_of

from .conftest import serving
from .terraform import CHANGES, CLEAN, Workspace, why_absent
from .test_terraform import INFRASTRUCTURE, PROVIDER

pytestmark = [
    pytest.mark.tools,
    pytest.mark.skipif(why_absent() is not None, reason=str(why_absent())),
]

FIRST, THEN = (INFRASTRUCTURE / f"triggers_{name}.tf" for name in ("first", "then"))
NOTE = "aws_lambda_event_source_mapping.note"
COUNT = "aws_lambda_event_source_mapping.count"

APP = """
import pelton

app = pelton.App("shop.db")

@app.function()
def note(event, context):
    pass

@app.function()
def count(event, context):
    pass

@app.function()
def count_anew(event, context):
    pass
"""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "shop.py").write_text(APP)
    with serving(tmp_path, what=("--app", "shop:app")) as url:
        yield url


@pytest.fixture
def functions(served: str) -> Iterator[Any]:
    client = client_of("lambda", served)
    yield client
    client.close()


@pytest.mark.timeout(600)
def test_triggers_are_made_changed_imported_and_destroyed(
    tmp_path: Path, served: str, functions: Any
) -> None:
    folder = tmp_path / "workspace"
    folder.mkdir()
    workspace = Workspace(folder, served)
    workspace.describe(PROVIDER, FIRST)
    workspace.run("init")
    workspace.run("apply", "-auto-approve")
    uuid = check_first(functions)
    assert workspace.plan(CLEAN) == {}
    assert workspace.run("output", "-raw", "handler") == "shop.note"

    workspace.describe(PROVIDER, THEN)
    planned = workspace.plan(CHANGES)
    assert (planned[NOTE], planned[COUNT]) == ("updated in-place", "updated in-place")
    workspace.run("apply", "planned")
    assert check_then(functions) == uuid
    assert workspace.plan(CLEAN) == {}

    workspace.run("state", "rm", NOTE)
    workspace.run("import", NOTE, uuid)
    assert workspace.plan(CLEAN) == {}

    workspace.run("destroy", "-auto-approve")
    assert functions.list_event_source_mappings()["EventSourceMappings"] == []


def mapping_of(functions: Any, name: str) -> Any:
    (found,) = functions.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
    return found


def check_first(functions: Any) -> str:
    note = mapping_of(functions, "note")
    assert (note["State"], note["BatchSize"], note["ParallelizationFactor"]) == ("Enabled", 10, 2)
    assert (note["MaximumRetryAttempts"], note["MaximumRecordAgeInSeconds"]) == (3, 600)
    assert note["BisectBatchOnFunctionError"] is True
    assert note["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    (pattern,) = note["FilterCriteria"]["Filters"]
    assert json.loads(pattern["Pattern"]) == {"eventName": ["INSERT"]}
    tags = functions.list_tags(Resource=note["EventSourceMappingArn"])["Tags"]
    assert tags == {"stage": "test"}
    count = mapping_of(functions, "count")
    assert (count["BatchSize"], count["MaximumRetryAttempts"]) == (100, -1)
    uuid: str = note["UUID"]
    return uuid


def check_then(functions: Any) -> str:
    note = mapping_of(functions, "note")
    assert (note["State"], note["BatchSize"]) == ("Disabled", 20)
    assert note["MaximumRecordAgeInSeconds"] == -1
    assert note["BisectBatchOnFunctionError"] is False
    (pattern,) = note["FilterCriteria"]["Filters"]
    assert json.loads(pattern["Pattern"]) == {"eventName": ["INSERT", "MODIFY"]}
    tags = functions.list_tags(Resource=note["EventSourceMappingArn"])["Tags"]
    assert tags == {"stage": "live", "owner": "ada"}
    assert mapping_of(functions, "count_anew")["StartingPosition"] == "LATEST"
    uuid: str = note["UUID"]
    return uuid
