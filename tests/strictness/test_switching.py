"""Switching strictness on and off: by the app, over HTTP, on the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pelton import App, Strictness
from pelton.engine import Database
from pelton.server import Server
from tests.cli.processes import Command
from tests.server.raw import Reply, exchange, post

PATH = "/pelton/strictness"


@pytest.fixture
def databases() -> Iterator[dict[str, Database]]:
    databases = {name: Database(":memory:", region=name) for name in ("us-east-1", "eu-west-1")}
    yield databases
    for database in databases.values():
        database.close()


@pytest.fixture
def url(databases: dict[str, Database]) -> Iterator[str]:
    with Server(databases, port=0) as server:
        yield server.url


def get(url: str, path: str = PATH) -> Reply:
    return exchange(url, post(b"", None, method="GET", path=path))


def put(url: str, content: Any, path: str = PATH, **headers: str) -> Reply:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return exchange(url, post(body, None, method="PUT", path=path, **headers))


def test_an_app_is_strict_from_its_start_on() -> None:
    with App(strictness=Strictness(throttles=True)) as app:
        assert app.strictness.throttles
        assert app.database.strictness is app.strictness
        app.strictness = Strictness()
        assert not app.strictness.throttles


def test_all_regions_are_set_together(url: str, databases: dict[str, Database]) -> None:
    off, on = Strictness().to_json(), Strictness(throttles=True, seed=4).to_json()
    assert get(url).json == {"us-east-1": off, "eu-west-1": off}
    assert put(url, {"throttles": True, "seed": 4}).json == {"us-east-1": on, "eu-west-1": on}
    assert get(url).json == {"us-east-1": on, "eu-west-1": on}
    assert all(each.strictness == Strictness.from_json(on) for each in databases.values())
    assert put(url, {}).status == 200
    assert get(url).json == {"us-east-1": off, "eu-west-1": off}


def test_one_region_is_set_by_its_name(url: str, databases: dict[str, Database]) -> None:
    path = f"{PATH}?region=eu-west-1"
    on = Strictness(unprocessed_probability=0.5).to_json()
    assert put(url, {"unprocessed_probability": 0.5}, path).json == {"eu-west-1": on}
    assert get(url, path).json == {"eu-west-1": on}
    assert databases["us-east-1"].strictness.is_off
    assert get(url, f"{PATH}?region=mars").status == 404
    assert put(url, {}, f"{PATH}?region=mars").json == {
        "error": "this server serves no region 'mars'"
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "unexpected end of data"),
        ([], "strictness is an object of switches"),
        ({"kind": 1}, "there is no switch 'kind'"),
        ({"throttles": "yes"}, "throttles is true or false, not 'yes'"),
        (b" " * 70_000, "no more than 65536 bytes"),
    ],
    ids=["no JSON", "no object", "unknown", "no boolean", "too long"],
)
def test_what_is_refused_changes_nothing(
    url: str, databases: dict[str, Database], content: Any, message: str
) -> None:
    put(url, {"throttles": True})
    reply = put(url, content)
    assert reply.status == 400
    assert message in reply.json["error"]
    assert databases["us-east-1"].strictness == Strictness(throttles=True)


def test_web_pages_of_other_places_cannot_set_it(url: str, databases: dict[str, Database]) -> None:
    reply = put(url, {"throttles": True}, origin="https://evil.example.com")
    assert reply.status == 403
    assert "https://evil.example.com are refused" in reply.json["error"]
    assert databases["us-east-1"].strictness.is_off
    assert put(url, {"throttles": True}, origin="http://localhost:3000").status == 200


def test_a_server_starts_strict(tmp_path: Path) -> None:
    options = ("--strict", "throttles", "--strict", "unprocessed_probability=0.5")
    with Command("serve", "--port", "0", *options, cwd=tmp_path) as command:
        url = command.line().rpartition(" ")[2]
        expected = Strictness(throttles=True, unprocessed_probability=0.5)
        assert get(url).json == {"us-east-1": expected.to_json()}
        assert command.stop() == (0, "", "")


def test_a_switch_that_does_not_exist_is_told(tmp_path: Path) -> None:
    with Command("serve", "--port", "0", "--strict", "kind", cwd=tmp_path) as command:
        code, printed, complaint = command.end()
    assert (code, printed) == (1, "")
    assert complaint.startswith("pelton: --strict: there is no switch 'kind'; there are ")
