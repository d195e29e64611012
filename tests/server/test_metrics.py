"""The figures of a server: as Prometheus reads them, and as JSON."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

import pelton
from pelton import App, Context, ManualClock
from pelton.engine import Database
from pelton.metrics import METRICS, metrics_text
from pelton.server import Server

from .raw import Reply, exchange, post

DOCS = Path(__file__).parents[2] / "docs" / "observability.md"
QUOTED = 'na"me \\ of\nthings'


def get(url: str, path: str) -> Reply:
    return exchange(url, post(b"", None, method="GET", path=path))


def parsed(text: str) -> dict[str, Metric]:
    return {family.name: family for family in text_string_to_metric_families(text)}


def value_of(text: str, name: str, **labels: str) -> float:
    """The value of the one sample of that name with these labels among its own."""
    (value,) = [
        sample.value
        for family in parsed(text).values()
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    ]
    return value


@pytest.fixture
def app() -> Iterator[App]:
    """An app whose handler `note` has done two of three records; the third always fails."""
    app = App(":memory:", clock=ManualClock())
    things = app.table("things", partition_key="id", stream="NEW_AND_OLD_IMAGES")

    @app.on_insert(things, maximum_retry_attempts=0)
    def note(item: dict[str, Any], context: Context) -> None:
        if item["id"] == "bad":
            raise ValueError("not this one")

    @app.on_stream(things, name=QUOTED)
    def other(event: dict[str, Any], context: Context) -> None:
        pass

    @app.schedule("rate(1 hour)")
    def sweep(event: dict[str, Any], context: object) -> None: ...

    with app:
        things.put({"id": "a"})
        things.put({"id": "b"})
        app.drain()
        things.put({"id": "bad"})
        app.drain()
        yield app


@pytest.fixture
def url(app: App) -> Iterator[str]:
    with Server(app.database, port=0, apps=[app]) as server:
        yield server.url


def test_prometheus_reads_the_metrics(app: App, url: str) -> None:
    reply = get(url, "/metrics")
    assert reply.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    text = reply.body.decode()
    assert value_of(text, "pelton_build_info", version=pelton.__version__) == 1
    assert value_of(text, "pelton_handler_records_total", handler="note", table="things") == 2
    assert value_of(text, "pelton_handler_dead_letters_total", handler="note") == 1
    assert value_of(text, "pelton_handler_failures_total", handler="note") == 1
    assert value_of(text, "pelton_handler_records_total", handler=QUOTED) == 3
    assert value_of(text, "pelton_oldest_record_age_seconds", handler="note") == 0
    assert value_of(text, "pelton_stream_shards", table="things", state="open") == 4
    assert value_of(text, "pelton_writes_total", region="us-east-1") >= 3
    assert value_of(text, "pelton_wal_size_bytes", region="us-east-1") > 0
    assert value_of(text, "pelton_schedule_running", schedule="sweep") == 1
    next_s = value_of(text, "pelton_schedule_next_fire_timestamp_seconds", schedule="sweep")
    assert next_s * 1000 > app.database.clock.now_ms()
    assert app.metrics_text().splitlines()[0] == text.splitlines()[0]


def test_every_sample_belongs_to_a_metric_of_its_kind_and_labels(app: App) -> None:
    families = parsed(app.metrics_text())
    assert set(families) == {metric.name.removesuffix("_total") for metric in METRICS}
    for metric in METRICS:
        family = families[metric.name.removesuffix("_total")]
        assert family.type == metric.kind
        assert family.documentation == metric.help
        for sample in family.samples:
            assert tuple(name for name in sample.labels if name != "le") == metric.labels


def test_the_latencies_are_a_histogram(app: App) -> None:
    family = parsed(app.metrics_text())["pelton_handler_latency_seconds"]
    counts = [
        (float(sample.labels["le"]), sample.value)
        for sample in family.samples
        if sample.labels["handler"] == "note" and sample.name.endswith("_bucket")
    ]
    assert counts == sorted(counts)
    assert counts[-1][0] == math.inf
    text = app.metrics_text()
    assert value_of(text, "pelton_handler_latency_seconds_count", handler="note") == counts[-1][1]
    assert value_of(text, "pelton_handler_latency_seconds_sum", handler="note") > 0


def test_the_stats_are_told_as_json(url: str) -> None:
    told = get(url, "/pelton/stats").json["us-east-1"]
    assert [each["name"] for each in told["handlers"]] == [QUOTED, "note"]
    note = told["handlers"][1]
    assert (note["state"], note["last_error"]) == ("running", "ValueError: not this one")
    assert note["last_processing_result"] == "PROBLEM: Function call failed"
    assert told["shards"] == [{"table_name": "things", "open": 4, "closed": 0}]
    assert [each["name"] for each in told["schedules"]] == ["sweep"]
    assert set(told["store"]) == {"commits", "writes", "file_bytes", "wal_bytes"}


def test_a_server_of_files_tells_of_these_alone() -> None:
    databases = {name: Database(":memory:", region=name) for name in ("us-east-1", "eu-west-1")}
    with Server(databases, port=0) as server:
        text = get(server.url, "/metrics").body.decode()
        assert value_of(text, "pelton_commits_total", region="eu-west-1") == 0
        told = get(server.url, "/pelton/stats").json
    for database in databases.values():
        database.close()
    assert list(told) == list(databases)
    assert told["us-east-1"]["handlers"] == []


def test_figures_that_cannot_be_read_are_an_error(app: App, url: str) -> None:
    app.database.close()
    for path in ("/metrics", "/pelton/stats"):
        reply = get(url, path)
        assert (reply.status, reply.json) == (503, {"error": "the store is closed"})


def test_an_app_that_is_not_started_tells_no_handlers() -> None:
    app = App(":memory:")
    assert app.figures().handlers == ()
    assert "pelton_handler_records_total{" not in app.metrics_text()
    assert metrics_text([]).count("# TYPE") == len(METRICS)
    app.close()


def test_the_documented_names_are_those_there_are() -> None:
    rows = re.findall(r"^\| `(pelton_\w+)` \| (\w+) \| ([^|]*) \| (.*) \|$", DOCS.read_text(), re.M)
    expected = [
        (metric.name, metric.kind, ", ".join(f"`{name}`" for name in metric.labels), metric.help)
        for metric in METRICS
    ]
    assert rows == expected
