"""Triggers over HTTP, beside MiniStack: one function, called for the same writes in one run."""

from __future__ import annotations

import contextlib
import io
import os
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import boto3

from .figure import Figure
from .servers import CACHE, free_port, running

VERSION = "1.5.33"
PUTS = 300
PAUSE_SECONDS = 0.005
BACKLOG = 5_000
TABLE = "events"
WAIT_SECONDS_MAX = 120.0

FUNCTION = """
import os, time

def handler(event, context):
    now = time.time_ns()
    with open(os.environ["STARTS"], "a") as starts:
        for record in event["Records"]:
            starts.write(record["dynamodb"]["Keys"]["id"]["S"] + " " + str(now) + chr(10))
"""
APP = """
import pelton
from function import handler

app = pelton.App("bench.db")
app.on_stream(app.table("events", partition_key="id", stream="NEW_IMAGE"))(handler)
"""
ROLE = "arn:aws:iam::000000000000:role/bench"


def measure(say: Callable[[str], None]) -> list[Figure]:
    CACHE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as name:
        folder = Path(name).absolute()
        with pelton_running(folder) as pelton_url, ministack_running(folder) as peer_url:
            trigger(peer_url, folder / "peer.starts", "TRIM_HORIZON")
            say(f"{PUTS:,} writes to each")
            urls = {"pelton": pelton_url, "MiniStack": peer_url}
            starts = {"pelton": folder / "pelton.starts", "MiniStack": folder / "peer.starts"}
            latencies = measure_latencies(urls, starts)
        with ministack_running(folder) as peer_url:
            say(f"{BACKLOG:,} records for MiniStack to drain")
            rate = measure_drain(peer_url, folder / "drain.starts")
    figures = []
    for what in ("write begun", "write acknowledged"):
        for server in urls:
            found = latencies[server, what]
            for name, value in (
                ("median", statistics.median(found)),
                ("p99", found[int(len(found) * 0.99)]),
                ("most", found[-1]),
            ):
                told = f"{what} to handler started: {server}, {name}"
                figures.append(Figure(told, value, "ms"))
    medians = [statistics.median(latencies[server, "write begun"]) for server in urls]
    told = "write begun to handler started, median: pelton to MiniStack"
    figures.append(Figure(told, medians[0] / medians[1], "times", at_most=1.0))
    figures.append(Figure("backlog drained, batches of 100: MiniStack", rate, "records/s"))
    return figures


def measure_latencies(
    urls: dict[str, str], starts: dict[str, Path]
) -> dict[tuple[str, str], list[float]]:
    """Milliseconds from the call of each put, and from its answer, to its handler's first line.

    The servers take turns. A handler that is quicker than the answer counts as 0 from there.
    """
    clients = {server: client_of("dynamodb", url) for server, url in urls.items()}
    begun: dict[str, dict[str, int]] = {server: {} for server in urls}
    acknowledged: dict[str, dict[str, int]] = {server: {} for server in urls}
    for number in range(PUTS):
        for server, client in clients.items():
            key = f"event#{number}"
            item = {"id": {"S": key}, "text": {"S": "x" * 850}}
            begun[server][key] = time.time_ns()
            client.put_item(TableName=TABLE, Item=item)
            acknowledged[server][key] = time.time_ns()
            time.sleep(PAUSE_SECONDS)
    latencies = {}
    for server in urls:
        started = wait_for(starts[server], PUTS)
        for what, times in (("write begun", begun), ("write acknowledged", acknowledged)):
            late = [max(0.0, (started[key] - at) / 1e6) for key, at in times[server].items()]
            latencies[server, what] = sorted(late)
    return latencies


def measure_drain(url: str, starts: Path) -> float:
    """Records a second from the making of the trigger to the start of the last call."""
    client = client_of("dynamodb", url)
    make_table(client)
    for first in range(0, BACKLOG, 25):
        puts = [
            {"PutRequest": {"Item": {"id": {"S": f"event#{number}"}, "text": {"S": "x" * 850}}}}
            for number in range(first, first + 25)
        ]
        client.batch_write_item(RequestItems={TABLE: puts})
    began = time.time_ns()
    trigger(url, starts, "TRIM_HORIZON", is_made=True)
    started = wait_for(starts, BACKLOG)
    return BACKLOG / ((max(started.values()) - began) / 1e9)


def wait_for(starts: Path, count: int) -> dict[str, int]:
    """When the handler first started for each key, once there are so many."""
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while time.monotonic() < deadline:
        found: dict[str, int] = {}
        if starts.exists():
            for line in starts.read_text().splitlines():
                key, _, at = line.partition(" ")
                if at:
                    found.setdefault(key, int(at))
        if len(found) >= count:
            return found
        time.sleep(0.1)
    raise SystemExit(f"{starts.name}: the handler was called for {len(found)} of {count} keys")


# --- the servers ----------------------------------------------------------------------------------


@contextlib.contextmanager
def pelton_running(folder: Path) -> Iterator[str]:
    (folder / "function.py").write_text(FUNCTION)
    (folder / "shop.py").write_text(APP)
    port = free_port()
    command = [str(Path(sys.executable).parent / "pelton"), "run", "shop:app", "--port", str(port)]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(folder), str(Path("src").absolute())]),
        "STARTS": str(folder / "pelton.starts"),
    }
    with running(command, port, folder, environment) as url:
        yield url


@contextlib.contextmanager
def ministack_running(folder: Path) -> Iterator[str]:
    port = free_port()
    environment = {**os.environ, "GATEWAY_PORT": str(port), "LAMBDA_EXECUTOR": "local"}
    environment["LOG_LEVEL"] = "ERROR"
    with running([str(ministack_command())], port, folder, environment) as url:
        yield url


def ministack_command() -> Path:
    """MiniStack in a virtual environment of its own, made when it is not there yet."""
    home = (CACHE / f"ministack-{VERSION}").absolute()
    command = home / "bin" / "ministack"
    if not command.exists():
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        install = [str(home / "bin" / "pip"), "install", "--quiet", f"ministack=={VERSION}"]
        subprocess.run(install, check=True, stdout=sys.stderr)
    return command


def client_of(service: Literal["dynamodb", "lambda"], url: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


def make_table(client: Any) -> None:
    client.create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )


def trigger(url: str, starts: Path, position: str, *, is_made: bool = False) -> None:
    """Has the function called for the changes of the table."""
    tables, functions = client_of("dynamodb", url), client_of("lambda", url)
    if not is_made:
        make_table(tables)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("function.py", FUNCTION)
    functions.create_function(
        FunctionName="bench",
        Runtime="python3.11",
        Role=ROLE,
        Handler="function.handler",
        Code={"ZipFile": packed.getvalue()},
        Environment={"Variables": {"STARTS": str(starts)}},
    )
    functions.create_event_source_mapping(
        FunctionName="bench",
        EventSourceArn=tables.describe_table(TableName=TABLE)["Table"]["LatestStreamArn"],
        StartingPosition=position,
        BatchSize=100,
    )
