"""Clients that write until their server dies, and remember what was acknowledged."""

from __future__ import annotations

import http.client
import json
import random
import threading
from dataclasses import dataclass, field

HEADERS = {
    "Content-Type": "application/x-amz-json-1.0",
    "X-Amz-Date": "20260101T000000Z",
    "Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/dynamodb/aws4_request, "
    "SignedHeaders=host;x-amz-target, Signature=0",
}
KEYS_A_CLIENT = 6
GROUPS = 5


@dataclass
class History:
    """What one client did to one item in one round: `None` stands for a delete."""

    acknowledged: list[int | None] = field(default_factory=list)
    in_doubt: list[int | None] = field(default_factory=list)
    """The write that had no answer yet, if any."""


class Client(threading.Thread):
    """Writes its own items, one request at a time, until the connection breaks.

    `numbers` are the items' `n` as they stand when the round begins; each write takes a greater
    one, so that every write is a change. `acknowledged_some` is set after the first few answers.
    """

    def __init__(self, name: str, port: int, seed: int, numbers: dict[str, int | None]) -> None:
        super().__init__(name=name)
        self.histories = {key: History() for key in numbers}
        self.acknowledged_some = threading.Event()
        self._random = random.Random(seed)
        self._numbers = dict(numbers)
        self._next = 1 + max((n for n in numbers.values() if n is not None), default=0)
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def run(self) -> None:
        count = 0
        try:
            while True:
                self._write_one()
                count += 1
                if count == 3:
                    self.acknowledged_some.set()
        except (OSError, http.client.HTTPException):
            pass
        finally:
            self.acknowledged_some.set()
            self._connection.close()

    def _write_one(self) -> None:
        key = self._random.choice(list(self._numbers))
        number: int | None = self._next
        if self._numbers[key] is not None and self._random.random() < 0.2:
            number = None
        self._next += 1
        history = self.histories[key]
        history.in_doubt = [number]
        if number is None:
            self._send("DeleteItem", {"TableName": "items", "Key": {"id": {"S": key}}})
        else:
            item = {
                "id": {"S": key},
                "n": {"N": str(number)},
                "group": {"S": f"g{number % GROUPS}"},
                "text": {"S": "x" * self._random.randrange(900)},
            }
            self._send("PutItem", {"TableName": "items", "Item": item})
        history.in_doubt = []
        history.acknowledged.append(number)
        self._numbers[key] = number

    def _send(self, operation: str, request: dict[str, object]) -> None:
        headers = {**HEADERS, "X-Amz-Target": f"DynamoDB_20120810.{operation}"}
        self._connection.request("POST", "/", json.dumps(request), headers)
        response = self._connection.getresponse()
        body = response.read()
        assert response.status == 200, body
