"""Requests a second over HTTP: pelton on disk beside DynamoDB Local, in turn, in one run."""

from __future__ import annotations

import os
import re
import shutil
import statistics
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import boto3
from types_boto3_dynamodb import DynamoDBClient

from .figure import Figure
from .servers import dynamodb_local_in_memory, dynamodb_local_on_disk, pelton_on_disk

SCRIPT = Path(__file__).with_name("requests.lua")
OPERATIONS = ("PutItem", "UpdateItem", "GetItem", "Query")
CONNECTIONS = 16
SECONDS = 4
WARM_UP_SECONDS = 1
FIRST_WARM_UP_SECONDS = 3
"""Java compiles what it runs often: without this its first round would be its worst."""
ROUNDS = 3
ITEMS = 4_000
LISTS, LIST_ITEMS = 20, 100

SERVERS: dict[str, Callable[[], AbstractContextManager[str]]] = {
    "pelton": pelton_on_disk,
    "DynamoDB Local on disk": dynamodb_local_on_disk,
    "DynamoDB Local in memory": dynamodb_local_in_memory,
}
TARGETS = {
    ("PutItem", "DynamoDB Local on disk"): 8.0,
    ("PutItem", "DynamoDB Local in memory"): 1.0,
    ("UpdateItem", "DynamoDB Local on disk"): 8.0,
    ("UpdateItem", "DynamoDB Local in memory"): 1.0,
    ("GetItem", "DynamoDB Local on disk"): 1.3,
    ("Query", "DynamoDB Local on disk"): 2.0,
}

Rates = dict[str, list[float]]
"""Requests a second in each round, by server."""


def measure(say: Callable[[str], None]) -> list[Figure]:
    """Starts all servers, then loads one after the other: what they are compared by is a ratio of
    runs that are seconds apart, so that a neighbour's noise falls on both."""
    install_wrk(say)
    figures = []
    with ExitStack() as stack:
        urls = {}
        for name, serve in SERVERS.items():
            say(f"filling {name}")
            urls[name] = stack.enter_context(serve())
            fill(urls[name])
        for operation in OPERATIONS:
            figures += figures_of(operation, measure_rates(operation, urls, say))
    return figures


def measure_rates(operation: str, urls: dict[str, str], say: Callable[[str], None]) -> Rates:
    rates: Rates = {name: [] for name in urls}
    for round_ in range(1, ROUNDS + 1):
        for name, url in urls.items():
            say(f"{operation}, round {round_} of {ROUNDS}: {name}")
            load(url, operation, WARM_UP_SECONDS if round_ > 1 else FIRST_WARM_UP_SECONDS, seed=0)
            rates[name].append(load(url, operation, SECONDS, seed=round_))
    return rates


def install_wrk(say: Callable[[str], None]) -> None:
    """Gets the load generator from Debian's packages where that is possible."""
    if shutil.which("wrk") is None and shutil.which("apt-get") and os.geteuid() == 0:
        say("installing wrk")
        for step in (["update", "-qq"], ["install", "-y", "-qq", "wrk"]):
            subprocess.run(["apt-get", *step], check=True, stdout=subprocess.DEVNULL)
    if shutil.which("wrk") is None:
        raise SystemExit("the benchmark needs wrk to make its load (Debian: apt-get install wrk)")


def figures_of(operation: str, rates: Rates) -> list[Figure]:
    figures = []
    for name, runs in rates.items():
        note = "runs: " + ", ".join(f"{each:,.0f}" for each in runs)
        figures.append(Figure(f"{operation}: {name}", statistics.median(runs), "/s", note=note))
    for name, runs in rates.items():
        if name != "pelton":
            ratio = statistics.median(
                ours / theirs for ours, theirs in zip(rates["pelton"], runs, strict=True)
            )
            target = TARGETS.get((operation, name))
            figures.append(Figure(f"{operation}: pelton to {name}", ratio, "times", target))
    return figures


def fill(url: str) -> None:
    """Makes the tables, with streams, and the items that are read and replaced."""
    client = boto3.client(
        "dynamodb",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="bench",
        aws_secret_access_key="bench",
    )
    create_table(client, "items", sort_key=False)
    create_table(client, "lists", sort_key=True)
    text = {"S": "x" * 850}
    items = [
        ("items", {"id": {"S": f"item#{n:06d}"}, "text": text, "n": {"N": "0"}})
        for n in range(1, ITEMS + 1)
    ]
    lists = [
        ("lists", {"id": {"S": f"list#{n}"}, "at": {"S": f"{at:03d}"}, "text": text})
        for n in range(1, LISTS + 1)
        for at in range(LIST_ITEMS)
    ]
    for group in (items, lists):
        for start in range(0, len(group), 25):
            name = group[start][0]
            puts = [{"PutRequest": {"Item": item}} for _, item in group[start : start + 25]]
            answer = client.batch_write_item(RequestItems={name: puts})  # type: ignore[dict-item]
            assert not answer["UnprocessedItems"], "the peer throttled while it was filled"
    check_query(client)


def check_query(client: DynamoDBClient) -> None:
    """The query that is measured finds what it should: wrk only looks at the status."""
    answer = client.query(
        TableName="lists",
        KeyConditionExpression="id = :i",
        ExpressionAttributeValues={":i": {"S": f"list#{LISTS}"}},
    )
    assert answer["Count"] == LIST_ITEMS, f"the query found {answer['Count']} items"


def create_table(client: DynamoDBClient, name: str, *, sort_key: bool) -> None:
    names = ["id", "at"] if sort_key else ["id"]
    client.create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": each, "AttributeType": "S"} for each in names],
        KeySchema=[
            {"AttributeName": each, "KeyType": kind}  # type: ignore[typeddict-item]
            for each, kind in zip(names, ("HASH", "RANGE"), strict=False)
        ],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )


def load(url: str, operation: str, seconds: int, *, seed: int, put_table: str = "items") -> float:
    """Requests a second that were answered with 2xx; any other answer ends the benchmark."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(SCRIPT), url, "--"]
    output = subprocess.run(
        [*command, operation, str(seed), put_table], capture_output=True, text=True, check=True
    ).stdout
    if "Non-2xx" in output or "Socket errors" in output:
        raise SystemExit(f"{operation} at {url} was answered with errors:\n{output}")
    rate = re.search(r"Requests/sec:\s+([\d.]+)", output)
    if rate is None:
        raise SystemExit(f"wrk told no rate:\n{output}")
    return float(rate[1])
