"""Moto's server as a process of its own, and clients of it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.conftest import client_of

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "example",
    "AWS_DEFAULT_REGION": "us-west-2",
}
ACCOUNT = "123456789012"

Client = Callable[[str], Any]


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, **ENVIRONMENT},
        text=True,
    )
    assert process.stderr is not None
    try:
        lines = []
        for line in process.stderr:
            lines.append(line)
            if found := re.search(r"Running on (http://127\.0\.0\.1:\d+)", line):
                break
        else:
            raise AssertionError("".join(lines))
        yield found[1]
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def aws(moto_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """Makes clients; the environment leads everyone else to the server too."""
    for name, value in {**ENVIRONMENT, "AWS_ENDPOINT_URL": moto_url}.items():
        monkeypatch.setenv(name, value)
    clients = []

    def connect(service: str) -> Any:
        clients.append(client_of(service, moto_url))
        return clients[-1]

    yield connect
    for client in clients:
        client.close()


@pytest.fixture
def queue(aws: Client, request: pytest.FixtureRequest) -> Queue:
    return Queue(aws("sqs"), re.sub(r"\W", "-", request.node.name)[:70])


class Queue:
    """A queue whose messages are read to the end."""

    def __init__(self, client: Any, name: str) -> None:
        self._client = client
        self.name = name
        self.url = client.create_queue(QueueName=name)["QueueUrl"]
        self.arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"

    def take(self) -> list[str]:
        """The bodies of all messages, which are gone then."""
        bodies: list[str] = []
        while messages := self._client.receive_message(
            QueueUrl=self.url, MaxNumberOfMessages=10
        ).get("Messages"):
            for message in messages:
                bodies.append(message["Body"])
                self._client.delete_message(
                    QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"]
                )
        return bodies
