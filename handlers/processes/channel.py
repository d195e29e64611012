"""Channels: messages between the app and a process, each with its length before it.

To the process go pickles. From it comes JSON only: what a handler sends must not be able to run in
the app.
"""

from __future__ import annotations

import pickle
import socket
import time
from struct import Struct
from typing import Any

import orjson

LENGTH = Struct(">I")
ANSWER_BYTES_MAX = 32 * 1024 * 1024
"""More than any request of the API, and than an answer of Lambda, may have."""


class ChannelClosedError(Exception):
    """Raised when nobody is at the other end any more, or what comes from there is no message."""


class Channel:
    """One end of a connection; used by one thread at a time."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def close(self) -> None:
        self._connection.close()

    # --- the app's -----------------------------------------------------------------------------

    def send(self, message: Any, deadline: float | None = None) -> None:
        """Sends any value. Raises ChannelClosedError, TimeoutError behind the deadline.

        Deadlines are of `time.monotonic`.
        """
        self._send(pickle.dumps(message, pickle.HIGHEST_PROTOCOL), deadline)

    def receive_answer(self, deadline: float | None = None) -> list[Any]:
        """What the process says: a list with its kind first. Raises as `send` does."""
        body = self._receive(deadline, ANSWER_BYTES_MAX)
        try:
            answer = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise ChannelClosedError("the process has sent something that is no JSON") from error
        if not isinstance(answer, list) or not answer:
            raise ChannelClosedError("the process has sent something that is no answer")
        return answer

    # --- the process's -------------------------------------------------------------------------

    def receive(self) -> Any:
        """The next message. Raises ChannelClosedError."""
        return pickle.loads(self._receive(None, None))

    def send_answer(self, *answer: Any) -> None:
        """Says something that JSON can hold. Raises ChannelClosedError, TypeError."""
        self._send(orjson.dumps(answer), None)

    # --- inside --------------------------------------------------------------------------------

    def _send(self, body: bytes, deadline: float | None) -> None:
        self._wait_until(deadline)
        try:
            self._connection.sendall(LENGTH.pack(len(body)) + body)
        except TimeoutError:
            raise
        except OSError as error:
            raise ChannelClosedError(str(error)) from error

    def _receive(self, deadline: float | None, bytes_max: int | None) -> bytes:
        (length,) = LENGTH.unpack(self._receive_exactly(LENGTH.size, deadline))
        if bytes_max is not None and length > bytes_max:
            raise ChannelClosedError(f"the process wants to send {length:,} bytes")
        return self._receive_exactly(length, deadline)

    def _receive_exactly(self, count: int, deadline: float | None) -> bytes:
        parts: list[bytes] = []
        while count:
            self._wait_until(deadline)
            try:
                part = self._connection.recv(min(count, 1 << 20))
            except TimeoutError:
                raise
            except OSError as error:
                raise ChannelClosedError(str(error)) from error
            if not part:
                raise ChannelClosedError("the other end is closed")
            parts.append(part)
            count -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _wait_until(self, deadline: float | None) -> None:
        if deadline is None:
            self._connection.settimeout(None)
            return
        seconds = deadline - time.monotonic()
        if seconds <= 0:
            raise TimeoutError
        self._connection.settimeout(seconds)
