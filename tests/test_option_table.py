"""docs/event-source-mappings.md tells of every option: its range, its default and its tests."""

from __future__ import annotations

import ast
import dataclasses
import re
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import botocore.session
import pytest

from pelton.effects import EffectOptions
from pelton.handler_options import HandlerOptions
from pelton.handlers import EventSourceMapping
from pelton.handlers.mapping import RANGES

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "event-source-mappings.md"

CODE = re.compile(r"`([^`]+)`")
OTHER_SOURCES = re.compile(r"are for other sources pelton has none:(.*?)\.\n", re.DOTALL)

DEFAULT = re.compile(
    r"(?:DynamoDB Streams</b> – Default |infinite \(|the default batching window is )(-?\d+)"
)
"""Where AWS's model tells of a default for streams of DynamoDB."""

FIRST_OF_RANGE = {"parallelization_factor": "1", "tumbling_window_in_seconds": "0"}
"""Where it does not: the value that changes nothing."""

FIELDS_OF = {"filters": "filter_criteria"}
"""The options whose fields of the mapping have another name."""

NOT_OPTIONS = {"handler", "table_name", "uuid"}


class Row(NamedTuple):
    """A line of one of the two tables; `member` is empty for pelton's own options."""

    option: str
    member: str
    values: str
    aws_default: str
    default: str
    tests: tuple[str, ...]

    @property
    def field(self) -> str:
        return FIELDS_OF.get(self.option, self.option)


def rows() -> list[Row]:
    found = []
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if not line.startswith("| ") or line.startswith(("| option ", "| --- ")):
            continue
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if len(cells) == 5:
            cells[1:1] = [""]
            cells[3:3] = [""]
        option, member, values, aws_default, default, _, tests = cells
        found.append(
            Row(
                option.strip("`"),
                member.strip("`"),
                values,
                aws_default,
                default,
                tuple(CODE.findall(tests)),
            )
        )
    return found


ROWS = rows()


def row_of(option: str) -> Row:
    (row,) = (row for row in ROWS if row.option == option)
    return row


def fields() -> dict[str, Any]:
    """The options of a mapping with their defaults."""
    return {
        field.name: field.default
        for field in dataclasses.fields(EventSourceMapping)
        if field.name not in NOT_OPTIONS
    }


def number(text: str) -> int:
    return int(text.replace(",", ""))


@cache
def request() -> Any:
    """The shape of AWS's request that makes a mapping."""
    model = botocore.session.get_session().get_service_model("lambda")
    return model.shape_for("CreateEventSourceMappingRequest")


# --- all options are there ----------------------------------------------------------------------


@pytest.mark.parametrize("option", sorted(HandlerOptions.__annotations__))
def test_an_option_of_the_decorators_is_told_of(option: str) -> None:
    assert row_of(option)


@pytest.mark.parametrize("option", sorted(EffectOptions.__annotations__))
def test_an_effect_has_only_options_that_handlers_have(option: str) -> None:
    assert option in HandlerOptions.__annotations__


@pytest.mark.parametrize("field", sorted(fields()))
def test_an_option_of_a_mapping_is_told_of(field: str) -> None:
    assert [row for row in ROWS if row.field == field]


@pytest.mark.parametrize("member", sorted(request().members))
def test_a_member_of_awss_request_is_told_of(member: str) -> None:
    (others,) = OTHER_SOURCES.findall(PAGE.read_text(encoding="utf-8"))
    if member in CODE.findall(others):
        assert "DynamoDB Streams" not in request().members[member].documentation
    else:
        assert [row for row in ROWS if row.member == member]


# --- and as the page says -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "row", [row for row in ROWS if row.field in fields()], ids=lambda row: row.option
)
def test_a_default_is_what_the_page_says(row: Row) -> None:
    default = fields()[row.field]
    shown = "none" if default is None else '""' if default == "" else str(default)
    assert row.default == shown


@pytest.mark.parametrize("option", sorted(RANGES))
def test_a_range_is_what_the_page_says_and_awss_model_has(option: str) -> None:
    row = row_of(option)
    low, high = RANGES[option]
    numbers = [number(text) for text in re.findall(r"-?[\d,]*\d", row.values)]
    assert (numbers[0], numbers[-1]) == (low, high)
    limits = request().members[row.member].metadata
    assert (limits["min"], limits["max"]) == (low, high)
    told = DEFAULT.search(request().members[row.member].documentation)
    assert row.aws_default == (told[1] if told else FIRST_OF_RANGE.get(option, "?"))


# --- each with a test that shows it -------------------------------------------------------------


@cache
def names_in(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
    }


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.option or row.member)
def test_an_option_is_shown_by_tests_that_are_there(row: Row) -> None:
    assert row.tests
    for test in row.tests:
        path, _, name = test.partition("::")
        assert Path(path).name.startswith("test_")
        assert name in names_in(path), test
