"""Clients that write until their server dies, and remember what was acknowledged."""

from __future__ import annotations

import http.client
import json
import random
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

HEADERS = {
    "Content-Type": "application/x-amz-json-1.0",
    "X-Amz-Date": "20260101T000000Z",
    "Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/dynamodb/aws4_request, "
    "SignedHeaders=host;x-amz-target, Signature=0",
}
SLOTS = 6
GROUPS = 5
ACCOUNTS = 4
COUNTERS = 3

Request = dict[str, Any]
Address = tuple[str, str]
"""Client and slot of an item."""


class Refused(Exception):
    """Raised when the server answers with an error; the status and the error's code."""


class Connection:
    """One kept-alive connection; every request is sent once."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def call(self, operation: str, request: Request) -> Request:
        headers = {**HEADERS, "X-Amz-Target": f"DynamoDB_20120810.{operation}"}
        self._connection.request("POST", "/", json.dumps(request), headers)
        response = self._connection.getresponse()
        answer: Request = json.loads(response.read())
        if response.status != 200:
            message = answer.get("message", answer.get("Message"))
            raise Refused(response.status, answer["__type"].rpartition("#")[2], message)
        return answer

    def close(self) -> None:
        self._connection.close()


class Acknowledgements:
    """Counts the answers that all clients have got."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._wanted = 0
        self.count = 0

    def one_more(self) -> None:
        with self._changed:
            self.count += 1
            if self.count == self._wanted:
                self._changed.notify_all()

    def wait_for_more(self, number: int) -> None:
        with self._changed:
            self._wanted = self.count + number
            assert self._changed.wait_for(lambda: self.count >= self._wanted, 60), self.count


class Log:
    """What one client knows: everything answered, and the one request that was not.

    An item's entries are the numbers it was given in order, None for a delete; only changes are in
    it. `doubtful` holds what the last request may or may not have done, in the same form.
    """

    def __init__(self) -> None:
        self.items: dict[Address, list[int | None]] = {}
        self.counters: Counter[str] = Counter()
        self.transfers: list[str] = []
        self.doubtful_items: dict[Address, int | None] = {}
        self.doubtful_counter: str | None = None
        self.doubtful_transfer: str | None = None


class Client:
    """Writes its own items, and counters and accounts that it shares with the other clients.

    One request at a time, until the connection breaks. `numbers` are its items' `n` as they stand
    when it begins; each write takes a greater one, so that every write of an item is a change,
    except those that are meant not to be.
    """

    def __init__(
        self,
        name: str,
        port: int,
        seed: int,
        numbers: dict[Address, int | None],
        acknowledgements: Acknowledgements,
    ) -> None:
        self.name = name
        self.log = Log()
        self.failure: BaseException | None = None
        self._random = random.Random(seed)
        self._seed = seed
        self._numbers = {
            (name, f"s{slot}"): numbers.get((name, f"s{slot}")) for slot in range(SLOTS)
        }
        self._next = 1 + max((n for n in self._numbers.values() if n is not None), default=0)
        self._connection = Connection(port)
        self._acknowledgements = acknowledgements
        self._thread = threading.Thread(target=self._run, name=name)
        self._last_put: Request | None = None
        self._actions: list[tuple[Callable[[], None], int]] = [
            (self._put, 8),
            (self._put_the_same_again, 2),
            (self._put_in_vain, 2),
            (self._update, 5),
            (self._delete, 3),
            (self._write_a_batch, 3),
            (self._count, 4),
            (self._transfer, 3),
        ]

    def start(self) -> None:
        self._thread.start()

    def end(self) -> Log:
        """What it knows, once its connection is broken."""
        self._thread.join(60)
        assert not self._thread.is_alive()
        if self.failure is not None:
            raise self.failure
        return self.log

    def _run(self) -> None:
        actions, weights = zip(*self._actions, strict=True)
        try:
            while True:
                (action,) = self._random.choices(actions, weights)
                action()
                self._acknowledgements.one_more()
        except (OSError, http.client.HTTPException, json.JSONDecodeError):
            pass  # the server is dead
        except BaseException as error:
            self.failure = error
        finally:
            self._connection.close()

    # --- items ---------------------------------------------------------------------------------

    def _put(self) -> None:
        address = self._any_address()
        number = self._take_number()
        self._last_put = {"TableName": "items", "Item": self._item(address, number)}
        self._write("PutItem", self._last_put, {address: number})

    def _put_the_same_again(self) -> None:
        if self._last_put is not None:
            number = int(self._last_put["Item"]["n"]["N"])
            if number in self._numbers.values():
                self._connection.call("PutItem", self._last_put)

    def _put_in_vain(self) -> None:
        standing = [address for address, n in self._numbers.items() if n is not None]
        if not standing:
            return
        address = self._random.choice(standing)
        condition = {"ConditionExpression": "attribute_not_exists(slot)"}
        put = {"TableName": "items", "Item": self._item(address, 0), **condition}
        try:
            self._connection.call("PutItem", put)
        except Refused as refused:
            assert refused.args[:2] == (400, "ConditionalCheckFailedException"), refused
        else:
            raise AssertionError(f"{address} stands, and yet a put found its place empty")

    def _update(self) -> None:
        address = self._any_address()
        number = self._take_number()
        request = {
            "TableName": "items",
            "Key": key_of(address),
            "UpdateExpression": "SET n = :n, #g = :g",
            "ExpressionAttributeNames": {"#g": "group"},
            "ExpressionAttributeValues": {
                ":n": {"N": str(number)},
                ":g": {"S": f"g{number % GROUPS}"},
            },
        }
        self._last_put = None
        self._write("UpdateItem", request, {address: number})

    def _delete(self) -> None:
        address = self._any_address()
        request = {"TableName": "items", "Key": key_of(address)}
        changed = {address: None} if self._numbers[address] is not None else {}
        self._write("DeleteItem", request, dict(changed))

    def _write_a_batch(self) -> None:
        writes: dict[Address, int | None] = {}
        requests = []
        for address in self._random.sample(list(self._numbers), 3):
            if self._numbers[address] is not None and self._random.random() < 0.3:
                writes[address] = None
                requests.append({"DeleteRequest": {"Key": key_of(address)}})
            else:
                writes[address] = number = self._take_number()
                requests.append({"PutRequest": {"Item": self._item(address, number)}})
        self._last_put = None
        self._write("BatchWriteItem", {"RequestItems": {"items": requests}}, writes)

    def _write(self, operation: str, request: Request, changed: dict[Address, int | None]) -> None:
        self.log.doubtful_items = changed
        self._connection.call(operation, request)
        self.log.doubtful_items = {}
        for address, number in changed.items():
            self.log.items.setdefault(address, []).append(number)
            self._numbers[address] = number

    def _any_address(self) -> Address:
        return self._random.choice(list(self._numbers))

    def _take_number(self) -> int:
        number, self._next = self._next, self._next + 1
        return number

    def _item(self, address: Address, number: int) -> Request:
        return {
            **key_of(address),
            "n": {"N": str(number)},
            "group": {"S": f"g{number % GROUPS}"},
            "text": {"S": "x" * self._random.randrange(900)},
        }

    # --- what clients share --------------------------------------------------------------------

    def _count(self) -> None:
        name = f"c{self._random.randrange(COUNTERS)}"
        self.log.doubtful_counter = name
        request = {
            "TableName": "counters",
            "Key": {"id": {"S": name}},
            "UpdateExpression": "ADD n :one",
            "ExpressionAttributeValues": {":one": {"N": "1"}},
        }
        self._connection.call("UpdateItem", request)
        self.log.doubtful_counter = None
        self.log.counters[name] += 1

    def _transfer(self) -> None:
        source, target = self._random.sample([f"a{n}" for n in range(ACCOUNTS)], 2)
        amount = self._random.randrange(1, 100)
        transfer = f"{self.name}/{self._seed}/{len(self.log.transfers)}"
        self.log.doubtful_transfer = transfer
        item = {
            "id": {"S": transfer},
            "source": {"S": source},
            "target": {"S": target},
            "amount": {"N": str(amount)},
        }
        request = {
            "ClientRequestToken": f"{self._seed}-{len(self.log.transfers)}",
            "TransactItems": [
                _pay(source, -amount),
                {"Put": {"TableName": "transfers", "Item": item}},
                _pay(target, amount),
            ],
        }
        self._connection.call("TransactWriteItems", request)
        self.log.doubtful_transfer = None
        self.log.transfers.append(transfer)


def key_of(address: Address) -> Request:
    client, slot = address
    return {"client": {"S": client}, "slot": {"S": slot}}


def _pay(account: str, amount: int) -> Request:
    return {
        "Update": {
            "TableName": "accounts",
            "Key": {"id": {"S": account}},
            "UpdateExpression": "ADD balance :amount",
            "ExpressionAttributeValues": {":amount": {"N": str(amount)}},
        }
    }
