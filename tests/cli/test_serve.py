"""`pelton serve` and `pelton run` as processes: ready, serving, ending."""

from __future__ import annotations

import os
import pty
import re
import signal
import socket
from pathlib import Path

import pytest

import pelton
from pelton import App
from tests.conftest import client_of
from tests.server.raw import exchange, post
from tests.server.test_protocol import put

from .conftest import Run
from .processes import Command

READY = re.compile(r"pelton (\S+) serving (.+) at (http://127\.0\.0\.1:\d+)")


def url_of(line: str) -> str:
    match = READY.fullmatch(line)
    assert match is not None, line
    assert match[1] == pelton.__version__
    return match[3]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_serves_until_it_is_told_to_end(tmp_path: Path, number: signal.Signals) -> None:
    with Command("serve", "--port", "0", cwd=tmp_path) as command:
        line = command.line()
        assert " serving :memory: at " in line
        assert exchange(url_of(line), post()).json == {"TableNames": []}
        assert command.stop(number) == (0, "", "")
    assert list(tmp_path.iterdir()) == []


def test_a_file_keeps_what_was_answered(run: Run, file: Path) -> None:
    with Command("serve", file.name, "--port", "0", cwd=file.parent) as command:
        line = command.line()
        assert f" serving {file.name} at " in line
        reply = exchange(url_of(line), put("kept", at={"N": "1"}))
        assert (reply.status, reply.json) == (200, {})
        assert command.stop() == (0, "", "")
    code, printed, _ = run("item", "get", file, "things", '{"id": "kept", "at": 1}', "--json")
    assert (code, printed) == (0, '{"id":"kept","at":1}\n')


def test_a_port_in_use_is_told(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with Command("serve", "--port", str(port), cwd=tmp_path) as command:
            code, printed, complaint = command.end()
    assert (code, printed) == (1, "")
    assert complaint.startswith(f"pelton: cannot listen on 127.0.0.1 port {port}")
    assert complaint.count("\n") == 1


def test_pages_of_other_places_are_let_in_by_name(tmp_path: Path) -> None:
    origin = "https://app.example.com"
    with Command("serve", "--port", "0", "--cors", origin, cwd=tmp_path) as command:
        reply = exchange(url_of(command.line()), post(origin=origin))
        assert reply.headers["access-control-allow-origin"] == origin
    with Command("serve", "--port", "0", "--cors", "app.example.com", cwd=tmp_path) as command:
        code, printed, complaint = command.end()
    assert (code, printed) == (1, "")
    assert "write it as a browser does" in complaint


def test_several_regions_are_several_files(tmp_path: Path) -> None:
    regions = ("--region", "us-east-1=east.db", "--region", "eu-west-1=west.db")
    with Command("serve", "--port", "0", *regions, cwd=tmp_path) as command:
        line = command.line()
        assert " serving us-east-1=east.db, eu-west-1=west.db at " in line
        scope = "AWS4-HMAC-SHA256 Credential=a/20260101/{}/dynamodb/aws4_request, SignedHeaders=b, "
        signed = scope + "Signature=c"
        assert exchange(url_of(line), post(authorization=signed.format("eu-west-1"))).status == 200
        assert exchange(url_of(line), post(authorization=signed.format("eu-west-9"))).status == 400
        assert command.stop()[0] == 0
    assert (tmp_path / "east.db").exists()
    assert (tmp_path / "west.db").exists()


def test_a_terminal_gets_colour(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    with (
        os.fdopen(theirs, "wb") as terminal,
        Command("serve", "--port", "0", cwd=tmp_path, stdout=terminal) as command,
    ):
        printed = b""
        while b"\n" not in printed:
            printed += os.read(ours, 1024)
        assert command.stop()[0] == 0
    os.close(ours)
    assert b"\x1b[32mpelton" in printed


APP = """
import pelton

app = pelton.App("shop.db")
users = app.table("users", partition_key="user_id", stream="NEW_AND_OLD_IMAGES")
greeted = app.table("greeted", partition_key="user_id")

@app.on_insert(users)
def welcome(user, context):
    greeted.put({"user_id": user["user_id"]})
    print("welcome,", user["user_id"], flush=True)
"""


def test_an_app_runs_and_serves_its_tables(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(APP)
    with Command("run", "shop:app", "--port", "0", cwd=tmp_path) as command:
        line = command.line()
        assert f"pelton {pelton.__version__} running shop:app at http://127.0.0.1:" in line
        body = b'{"TableName": "users", "Item": {"user_id": {"S": "ada"}}}'
        url = line.rpartition(" ")[2]
        assert exchange(url, post(body, "DynamoDB_20120810.PutItem")).status == 200
        assert command.line() == "welcome, ada"
        code, _, complaint = command.stop()
        assert code == 0, complaint
    with App(tmp_path / "shop.db") as app:
        greeted = app.table("greeted", partition_key="user_id")
        assert greeted.get({"user_id": "ada"}) == {"user_id": "ada"}


def test_an_app_runs_without_a_server(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(APP)
    with Command("run", "shop", cwd=tmp_path) as command:
        assert command.line() == f"pelton {pelton.__version__} running shop"
        with App(tmp_path / "shop.db") as beside:
            users = beside.table("users", partition_key="user_id")
            users.put({"user_id": "eve"})
            assert command.line() == "welcome, eve"
        code, _, complaint = command.stop()
        assert code == 0, complaint


def test_an_app_that_fails_to_import_shows_why(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("import no_such_library\n")
    with Command("run", "broken:app", cwd=tmp_path) as command:
        code, _, complaint = command.end()
    assert code == 1
    assert "No module named 'no_such_library'" in complaint


def test_an_app_is_served_with_its_functions(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(APP)
    with Command("serve", "--app", "shop:app", "--port", "0", cwd=tmp_path) as command:
        line = command.line()
        assert " serving shop:app at " in line
        client = client_of("lambda", url_of(line))
        (function,) = client.list_functions()["Functions"]
        assert (function["FunctionName"], function["Handler"]) == ("welcome", "shop.welcome")
        client.close()
        body = b'{"TableName": "users", "Item": {"user_id": {"S": "ada"}}}'
        assert exchange(url_of(line), post(body, "DynamoDB_20120810.PutItem")).status == 200
        assert command.line() == "welcome, ada"
        assert command.stop() == (0, "", "")


def test_an_app_is_not_served_with_another_file(tmp_path: Path) -> None:
    with Command("serve", "other.db", "--app", "shop:app", cwd=tmp_path) as command:
        code, _, complaint = command.end()
    assert (code, complaint) == (
        1,
        "pelton: --app goes without PATH, --region and --limit: the app says\n",
    )
