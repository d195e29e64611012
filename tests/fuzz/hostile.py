"""What a hostile client sends: bytes for a socket, of several kinds, from one seed."""

from __future__ import annotations

import gzip
import random
import zlib
from collections.abc import Callable
from typing import NamedTuple

import orjson

from pelton.engine.model import operations
from pelton.server.wire import service_of
from tests.server.raw import SIGNED, post
from tests.server.specimens import KEY, TABLE, Request

from .damage import Damage, nested, to_json
from .shaped import Shaped

LETTERS = [chr(code) for code in (*range(0x20, 0x7F), *range(0xA0, 0x100))]
METHODS = ["PUT", "DELETE", "OPTIONS", "HEAD", "GET", "PATCH", "TRACE", "CONNECT", "POST"]
PATHS = ["/", "/health", "/nothing", "/%ff%00", "/a?b=%zz", "*", "//", "/docs", "/?" + "q" * 900]
CONTENT_TYPES = [
    *("application/json", "application/x-amz-json-1.1", "application/x-amz-json-1.0;a=b"),
    *("text/html", "", ";", "application/x-amz-json-1.0, text/html"),
]
ENCODINGS = ["gzip", "deflate", "*", "gzip;q=nan", "gzip;q=-1, *;q=1e999", ",;=,;q=", "identity"]


class Attack(NamedTuple):
    kind: str
    data: bytes
    goes_alone: bool = False
    """Whether it needs a connection of its own: it may end it."""
    ends: bool = False
    """Whether the client ends its side behind it: more will not come."""


class Hostility:
    """Makes attacks for ever, the same ones for the same seed and requests to damage."""

    def __init__(self, seed: int, whole: list[tuple[str, Request]]) -> None:
        self.whole = whole
        self._source = source = random.Random(seed)
        self._damage = Damage(source)
        self._shaped = Shaped(source)
        self._all = sorted(operations())
        self._bombs = [gzip.compress(bytes(17_000_000)), zlib.compress(bytes(17_000_000))]
        kinds: dict[Callable[[], Attack], int] = {
            self._undamaged: 100,
            self._members_damaged: 300,
            self._made_up: 200,
            self._text_damaged: 150,
            self._extreme: 30,
            self._new_text: 20,
            self._wrongly_addressed: 100,
            self._compressed: 49,
            self._bomb: 1,
            self._http_damaged: 25,
            self._http_strange: 25,
        }
        self._kinds, self._weights = list(kinds), list(kinds.values())

    def attack(self) -> Attack:
        return self._source.choices(self._kinds, self._weights)[0]()

    def _undamaged(self) -> Attack:
        operation, body = self._whole()
        return Attack("undamaged", post(body, target_of(operation)))

    def _members_damaged(self) -> Attack:
        operation, request = self._source.choice(self.whole)
        body = to_json(self._damage.members(request))
        return Attack("damaged members", post(body, target_of(operation)))

    def _made_up(self) -> Attack:
        there = [operation for operation, _ in self.whole]
        operation = self._source.choice(there if self._source.random() < 0.9 else self._all)
        body = to_json(self._shaped.request(operation))
        return Attack("made up from the model", post(body, target_of(operation)))

    def _text_damaged(self) -> Attack:
        operation, body = self._whole()
        return Attack("damaged text", post(self._damage.text(body), target_of(operation)))

    def _extreme(self) -> Attack:
        operation, request = self._source.choice(self.whole)
        size = self._source.choice([10, 100, 1000, 10_000])
        extreme: bytes = self._source.choice(EXTREMES)(size)
        member = self._source.choice([*request, "Item", "FilterExpression", "Statement"])
        body = orjson.dumps({name: value for name, value in request.items() if name != member})
        comma = b"," if len(body) > 2 else b""
        body = b"%s%s%s:%s}" % (body[:-1], comma, orjson.dumps(member), extreme)
        return Attack("extremes", post(body, target_of(operation)))

    def _new_text(self) -> Attack:
        """An expression, names or a statement that no request had before, often long."""
        salt = f"a{self._source.getrandbits(60):x}"
        count = self._source.choice([1, 10, 100, 200])
        paths = [f"{salt}{at}" for at in range(count)]
        names = {f"#{path}": path * 20 for path in paths}
        operation: str
        member, text, operation = self._source.choice(
            [
                ("ProjectionExpression", ", ".join(paths), "GetItem"),
                ("ProjectionExpression", ", ".join(names), "GetItem"),
                ("FilterExpression", " OR ".join(f"{path} = :v" for path in paths), "Scan"),
                ("UpdateExpression", "REMOVE " + ", ".join(paths), "UpdateItem"),
                ("ConditionExpression", " OR ".join(f"{path} = :v" for path in paths), "PutItem"),
                ("Statement", f"SELECT {', '.join(paths)} FROM {TABLE}", "ExecuteStatement"),
                ("IndexName", salt * 20, "Query"),
            ]
        )
        request: Request = {"TableName": TABLE, member: text}
        if operation == "ExecuteStatement":
            del request["TableName"]
        elif operation != "Scan":
            request["Item" if operation == "PutItem" else "Key"] = KEY
        if ":v" in text:
            request["ExpressionAttributeValues"] = {":v": {"S": salt}}
        if "#" in text:
            request["ExpressionAttributeNames"] = names
        return Attack("new texts", post(to_json(request), target_of(operation)))

    def _wrongly_addressed(self) -> Attack:
        operation, body = self._whole()
        target: str | None = target_of(operation)
        source = self._source
        kind = source.randrange(6)
        changes: dict[str, str | None] = {}
        path = "/"
        if kind == 0:
            target = source.choice([None, "", self._splintered(str(target)), self._noise()])
        elif kind == 1:
            changes["content_type"] = source.choice([None, self._noise(), *CONTENT_TYPES])
        elif kind == 2:
            signature = SIGNED["Authorization"]
            changes["authorization"] = source.choice(
                [None, self._noise(), self._splintered(signature), "AWS4-" + self._noise()]
            )
            changes["x_amz_date"] = source.choice([None, SIGNED["X-Amz-Date"]])
        elif kind == 3:
            path = "/?" + "&".join(self._parameter() for _ in range(source.randrange(7)))
            changes["authorization"] = source.choice([None, SIGNED["Authorization"]])
        elif kind == 4:
            changes["origin"] = source.choice(["null", "http://[", "http://localhost", "//", ""])
        else:
            changes["accept_encoding"] = source.choice([*ENCODINGS, self._noise()])
        return Attack("wrong heads", post(body, target, path=path, **changes))  # type: ignore[arg-type]

    def _compressed(self) -> Attack:
        operation, body = self._whole()
        source = self._source
        encoding = source.choice(["gzip", "gzip", "deflate", "deflate", "GZIP", "br", "", ","])
        body = gzip.compress(body) if source.random() < 0.5 else zlib.compress(body)
        body *= source.choice([1, 1, 1, 2, 40])
        if source.random() < 0.4:
            body = self._damage.text(body)
        return Attack("compressed", post(body, target_of(operation), content_encoding=encoding))

    def _bomb(self) -> Attack:
        at = self._source.randrange(2)
        bomb = post(self._bombs[at], content_encoding=["gzip", "deflate"][at])
        return Attack("compressed bombs", bomb)

    def _http_damaged(self) -> Attack:
        """Bytes changed anywhere, a piece left out, or the end missing."""
        operation, body = self._whole()
        source = self._source
        data = bytearray(post(body, target_of(operation)))
        kind = source.randrange(3)
        if kind == 0:
            for _ in range(source.randrange(1, 6)):
                data[source.randrange(len(data))] = source.randrange(256)
        elif kind == 1:
            at = source.randrange(len(data))
            del data[at : at + source.randrange(1, 60)]
        else:
            del data[source.randrange(len(data)) :]
        return Attack("damaged HTTP", bytes(data), goes_alone=True, ends=True)

    def _http_strange(self) -> Attack:
        operation, body = self._whole()
        source = self._source
        kind = source.randrange(7)
        target = target_of(operation)
        if kind == 0:
            data = post(body, target, connection="close", method=source.choice(METHODS))
            return Attack("strange HTTP", data, goes_alone=True, ends=source.random() < 0.5)
        if kind == 1:
            method, path = source.choice(METHODS), source.choice(PATHS)
            data = post(body, target, connection="close", method=method, path=path)
        elif kind == 2:
            data = post(body, target, x=self._noise() * source.choice([100, 2000, 20_000]))
        elif kind == 3:
            length = source.choice(["-1", "+2", "0x2", "9" * 18, "9" * 40, "1, 2", "", "17000000"])
            data = post(body, target, content_length=length)
        elif kind == 4:
            size = source.choice(["%x", "-%x", "%x;a=b", "%x" + "f" * 20, "0%x"]) % len(body)
            chunks = size.encode() + b"\r\n" + body + source.choice([b"\r\n0\r\n\r\n", b"0\r\n"])
            data = post(b"", target, content_length=None, transfer_encoding="chunked") + chunks
        elif kind == 5:
            data = post(body, target, expect=source.choice(["100-continue", "x"]), upgrade="h2c")
        else:
            data = source.randbytes(source.randrange(1, 3000))
        return Attack("strange HTTP", data, goes_alone=True, ends=True)

    def _whole(self) -> tuple[str, bytes]:
        operation, request = self._source.choice(self.whole)
        return operation, orjson.dumps(request)

    def _noise(self) -> str:
        return "".join(self._source.choices(LETTERS, k=self._source.randrange(1, 30)))

    def _splintered(self, text: str) -> str:
        """A header's value with damage that leaves it one: no line ends in it."""
        return self._damage.splintered(text).replace("\n", " ")

    def _parameter(self) -> str:
        names = ["Algorithm", "Credential", "Signature", "SignedHeaders", "Date", "x"]
        values = ["AWS4-HMAC-SHA256", "a%2F20260101%2Fus-east-1%2Fdynamodb%2Faws4_request", "%", ""]
        return f"X-Amz-{self._source.choice(names)}={self._source.choice(values)}"


def target_of(operation: str) -> str:
    return f"{service_of(operation)}.{operation}"


EXTREMES: list[Callable[[int], bytes]] = [
    lambda size: b"[" * size + b"]" * size,
    lambda size: b'{"M":{"a":' * size + b'{"S":"x"}' + b"}}" * size,
    lambda size: orjson.dumps({"id": {"S": "x"}, "at": nested(min(size, 100))}),
    lambda size: b"9" * size,
    lambda size: b"1e" + b"9" * size,
    lambda size: b'{"N":"' + b"9" * size + b'"}',
    lambda size: b'{"id":{"S":"x"},"at":{"N":"1"},"n":{"N":"1e' + b"9" * size + b'"}}',
    lambda size: orjson.dumps("x" * size),
    lambda size: orjson.dumps("(" * size + "a = :v" + ")" * size),
    lambda size: orjson.dumps(" AND ".join(["n = :v"] * size)),
    lambda size: orjson.dumps("SET " + ", ".join(f"a{at} = :v" for at in range(size))),
    lambda size: orjson.dumps("a" + ".b" * size + "[0]" * size),
    lambda size: orjson.dumps(f"SELECT * FROM {TABLE} WHERE " + "NOT " * size + "id = 'x'"),
    lambda size: orjson.dumps(f"SELECT * FROM {TABLE} WHERE id IN (" + "?," * size + "?)"),
    lambda size: b"{" + b'"id":{"S":"x"},' * size + b'"at":{"N":"1"}}',
    lambda size: orjson.dumps({f"a{at}": {"NULL": True} for at in range(size)}),
    lambda size: orjson.dumps([{"S": "x"}] * size),
    lambda size: orjson.dumps({":v": {"SS": [str(at) for at in range(size)]}}),
]
"""JSON that is large in one way; the argument is how large."""
