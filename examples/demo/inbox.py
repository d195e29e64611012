"""A mail server for the demo: real SMTP on the loopback interface, letters kept in memory."""

from __future__ import annotations

import asyncio
import threading
from email import message_from_bytes
from email.message import Message
from types import TracebackType

from aiosmtpd.smtp import SMTP, Envelope, Session

HICCUP_EVERY = 40
"""Every so many letters the server takes one and then claims to be busy, as servers do."""


class Inbox:
    """Keeps one letter a Message-ID, however often it arrives; `with` runs it."""

    def __init__(self) -> None:
        self.letters: dict[str, Message] = {}
        self.deliveries = 0
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="demo-inbox")

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Called by aiosmtpd with each letter; the answer goes to the sender."""
        content = envelope.content
        assert isinstance(content, bytes)
        letter = message_from_bytes(content)
        is_new = letter["Message-ID"] not in self.letters
        self.letters.setdefault(letter["Message-ID"], letter)
        self.deliveries += 1
        # The letter is kept but the sender does not learn of it: the case for which handlers get
        # an idempotency key.
        if is_new and len(self.letters) % HICCUP_EVERY == 0:
            return "451 busy, try again later"
        return "250 OK"

    def __enter__(self) -> Inbox:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()
        return self

    async def _listen(self) -> None:
        self._server = await self._loop.create_server(
            lambda: SMTP(self, loop=self._loop, hostname="localhost"), "127.0.0.1", 0
        )
        self.port = self._server.sockets[0].getsockname()[1]

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _close(self) -> None:
        self._server.close()
        await self._server.wait_closed()
        await self._loop.shutdown_asyncgens()
