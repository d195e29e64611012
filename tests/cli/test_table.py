"""`pelton table`."""

from __future__ import annotations

import json
from pathlib import Path

from .conftest import Run


def test_tables_are_listed(run: Run, file: Path) -> None:
    run("item", "put", file, "things", '{"id": "x", "at": 1}')
    code, printed, _ = run("table", "list", file)
    assert code == 0
    assert printed.splitlines() == [
        "table\tkey\titems\tbytes\tindexes\tstream",
        "things\tid:S, at:N\t1\t7\t0\tNEW_AND_OLD_IMAGES",
    ]


def test_tables_are_listed_as_json(run: Run, file: Path) -> None:
    run("table", "create", file, "others", "-p", "key:B")
    code, printed, _ = run("table", "list", file, "--json")
    tables = json.loads(printed)
    assert code == 0
    assert [table["TableName"] for table in tables] == ["others", "things"]
    assert tables[0]["AttributeDefinitions"] == [{"AttributeName": "key", "AttributeType": "B"}]


def test_a_table_is_described(run: Run, file: Path) -> None:
    code, printed, _ = run("table", "describe", file, "things")
    facts = dict(line.split("\t") for line in printed.splitlines())
    assert code == 0
    assert facts["key"] == "id:S, at:N"
    assert facts["status"] == "ACTIVE"
    assert facts["arn"] == "arn:aws:dynamodb:us-east-1:000000000000:table/things"
    described = json.loads(run("table", "describe", file, "things", "--json")[1])
    assert described["TableArn"] == facts["arn"]


def test_a_table_is_created_once(run: Run, file: Path) -> None:
    assert run("table", "create", file, "more", "-p", "id") == (0, "created more\n", "")
    assert run("table", "create", file, "more", "-p", "id") == (
        1,
        "",
        "pelton: Table already exists: more\n",
    )


def test_a_table_is_deleted(run: Run, file: Path) -> None:
    assert run("table", "delete", file, "things") == (0, "deleted things\n", "")
    code, _, complaint = run("table", "describe", file, "things")
    assert code == 1
    assert complaint == "pelton: Requested resource not found: Table: things not found\n"
