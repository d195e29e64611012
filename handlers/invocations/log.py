"""The end of an invocation's log, for callers who ask for it: what it printed and logged."""

from __future__ import annotations

import logging
import sys
import threading
from contextvars import ContextVar, Token
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self, TextIO

from ...engine import Clock

BYTES_MAX = 4096
"""Source: "LogResult" in Lambda's API reference."""

_current: ContextVar[Tail | None] = ContextVar("pelton_invocation_log", default=None)


class Tail:
    """Gathers, while it is entered, what the code of one invocation prints and logs.

    `sys.stdout` and the root logger are listened to only as long as some invocation wants that;
    what is written still goes where it went.
    """

    def __init__(self, request_id: str, memory_mb: int, clock: Clock) -> None:
        self._request_id = request_id
        self._memory_mb = memory_mb
        self._clock = clock
        self._text = bytearray()
        self._token: Token[Tail | None]

    def __enter__(self) -> Self:
        self._started_ms = self._clock.now_ms()
        self.add(f"START RequestId: {self._request_id} Version: $LATEST\n")
        self._token = _current.set(self)
        _ears.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _ears.close()
        _current.reset(self._token)
        took_ms = self._clock.now_ms() - self._started_ms
        self.add(f"END RequestId: {self._request_id}\n")
        self.add(
            f"REPORT RequestId: {self._request_id}\tDuration: {took_ms:.2f} ms\t"
            f"Billed Duration: {max(1, took_ms)} ms\tMemory Size: {self._memory_mb} MB\t\n"
        )

    def add(self, text: str) -> None:
        self._text += text.encode(errors="replace")
        del self._text[:-BYTES_MAX]

    def note(self, record: logging.LogRecord) -> None:
        """Adds a line as the runtime for Python writes it."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        self.add(
            f"[{record.levelname}]\t{at.removesuffix('+00:00')}Z\t{self._request_id}\t"
            f"{record.getMessage()}\n"
        )

    def note_failure(self, told: dict[str, Any]) -> None:
        """Adds what the runtime logs of an error that it answers with."""
        stack = told.get("stackTrace")
        lines = [f"[ERROR] {told['errorType']}: {told['errorMessage']}\n"]
        if stack:
            lines += ["Traceback (most recent call last):\n", *stack]
        self.add("".join(lines))

    def text(self) -> bytes:
        return bytes(self._text)


class _Ears(logging.Handler):
    """Hears what is printed and logged while at least one invocation gathers it."""

    def __init__(self) -> None:
        super().__init__()
        self._guard = threading.Lock()
        self._count = 0
        self._stdout: _Stdout | None = None

    def open(self) -> None:
        with self._guard:
            self._count += 1
            if self._count == 1:
                logging.getLogger().addHandler(self)
                sys.stdout = self._stdout = _Stdout(sys.stdout)

    def close(self) -> None:
        with self._guard:
            self._count -= 1
            if self._count == 0:
                logging.getLogger().removeHandler(self)
                # Someone may have put another in its place meanwhile: that is theirs to undo.
                if self._stdout is not None and sys.stdout is self._stdout:
                    sys.stdout = self._stdout.original
                self._stdout = None

    def emit(self, record: logging.LogRecord) -> None:
        tail = _current.get()
        if tail is not None:
            tail.note(record)


class _Stdout:
    """Standard output, which tells the invocation whose code writes to it."""

    def __init__(self, original: TextIO) -> None:
        self.original = original

    def write(self, text: str) -> int:
        tail = _current.get()
        if tail is not None:
            tail.add(text)
        return self.original.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.original, name)


_ears = _Ears()
