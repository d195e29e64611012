"""Attacks on a server, many at once, and the account of how it answered them."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

from tests.server.raw import exchange, post
from tests.server.specimens import Request

from .ground import lay
from .hostile import Attack, Hostility, target_of

CONNECTIONS = 8
PIPELINE = 32
"""How many requests a connection sends before it reads the replies."""

RELAY_ATTACKS = 2_000
"""After how many attacks the tables are made anew."""

TELLING_ATTACKS = 20_000

PATIENCE_SECONDS = 60
FAULTS_KEPT = 10

_HEAD = re.compile(rb"HTTP/1\.1 (\d\d\d).*?\r\n\r\n", re.DOTALL)
_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)
_TYPE = re.compile(rb'"__type":"[^"#]*#(\w+)"')


@dataclass
class Account:
    """What came of the attacks so far."""

    statuses: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    faults: list[tuple[Attack, bytes]] = field(default_factory=list)
    """Attacks that were answered with 5xx or not at all, with what came back."""

    @property
    def attacks(self) -> int:
        return self.kinds.total()

    def enter(self, attack: Attack, status: str, reply: bytes) -> None:
        self.kinds[attack.kind] += 1
        self.statuses[status] += 1
        if (found := _TYPE.search(reply)) is not None:
            self.errors[found[1].decode()] += 1
        is_fault = status.startswith("5") or (status == "none" and not attack.goes_alone)
        if is_fault and len(self.faults) < FAULTS_KEPT:
            self.faults.append((attack, reply))


class Storm:
    """Attacks a server at `url`, the same way for the same seed. `account` tells how it goes."""

    def __init__(self, url: str, seed: int) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname, parts.port)
        self._url = url
        self.account = Account()
        self._hostility = Hostility(seed, lay(self.call))

    def call(self, operation: str, request: Request) -> Any:
        """The answer to a request that is right. Raises AssertionError if there is none."""
        reply = exchange(self._url, post(json.dumps(request).encode(), target_of(operation)))
        assert reply.status == 200, (operation, request, reply)
        return reply.json

    def rage(self, count: int, say: Callable[[Account], None] = lambda _: None) -> None:
        """Sends so many attacks; `say` hears of it after every 20,000."""
        while count > 0:
            part = min(count, RELAY_ATTACKS)
            count -= part
            asyncio.run(self._attack(part))
            if self.account.attacks % TELLING_ATTACKS == 0:
                say(self.account)
            self._hostility.whole = lay(self.call)

    async def _attack(self, count: int) -> None:
        attacks = (self._hostility.attack() for _ in range(count))
        async with asyncio.TaskGroup() as group:
            for number in range(CONNECTIONS):
                group.create_task(self._attack_over_one(attacks, goes_round=number == 0))

    async def _attack_over_one(self, attacks: Iterator[Attack], *, goes_round: bool) -> None:
        """Attacks over one connection until there are no more; `goes_round` as in `_open`."""
        reader, writer = await self._open(goes_round=goes_round)
        try:
            while batch := list(islice(attacks, PIPELINE)):
                together = [attack for attack in batch if not attack.goes_alone]
                if not await self._send_together(together, reader, writer):
                    writer.close()
                    reader, writer = await self._open(goes_round=goes_round)
                for attack in batch:
                    if attack.goes_alone:
                        await self._send_alone(attack)
        finally:
            writer.close()

    async def _open(self, *, goes_round: bool) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection; one that `goes_round` is answered by the ASGI application from now on."""
        reader, writer = await asyncio.open_connection(*self._address)
        if goes_round:
            writer.write(post(b"", method="GET"))
            async with asyncio.timeout(PATIENCE_SECONDS):
                await reader.readuntil(b"healthy: dynamodb.us-east-1.amazonaws.com ")
        return reader, writer

    async def _send_together(
        self, batch: list[Attack], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Pipelines attacks; whether the connection is still there, as it should be."""
        writer.write(b"".join(attack.data for attack in batch))
        buffer = b""
        for at, attack in enumerate(batch):
            while (reply := split_reply(buffer)) is None:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    data = await reader.read(1 << 18)
                if not data:
                    for unanswered in batch[at:]:
                        self.account.enter(unanswered, "none", b"")
                    return False
                buffer += data
            status, body, buffer = reply
            self.account.enter(attack, status, body)
        return True

    async def _send_alone(self, attack: Attack) -> None:
        reader, writer = await asyncio.open_connection(*self._address)
        buffer, status, body = b"", "none", b""
        try:
            writer.write(attack.data)
            if attack.ends:
                writer.write_eof()
            while (reply := split_reply(buffer)) is None or reply[0] == "100":
                if reply is not None:
                    buffer = reply[2]
                    continue
                async with asyncio.timeout(PATIENCE_SECONDS):
                    data = await reader.read(1 << 18)
                if not data:
                    break
                buffer += data
            if reply is not None:
                status, body, _ = reply
        except ConnectionError:
            pass  # It was cut off in the middle, as it may.
        finally:
            writer.close()
        self.account.enter(attack, status, body)


def split_reply(buffer: bytes) -> tuple[str, bytes, bytes] | None:
    """The status and body of the first reply and what follows it; None until it is whole."""
    head = _HEAD.match(buffer)
    if head is None:
        return None
    length = _LENGTH.search(head[0])
    end = head.end() + (int(length[1]) if length is not None else 0)
    if len(buffer) < end:
        return None
    return head[1].decode(), buffer[head.end() : end], buffer[end:]
