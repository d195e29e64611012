"""A handler's transaction in its own process: what it reads and writes is asked of the app."""

from __future__ import annotations

import threading
from typing import Any

from ..python_values import Item
from ..transaction import HandlerWrites
from .channel import Channel


class RemoteTransaction(HandlerWrites):
    """Reads and writes of a delivery whose transaction is in the app.

    Each call waits for its answer, so that it raises what it would raise there.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._asking = threading.Lock()
        self._is_open = True

    def mark(self) -> int:
        return 0  # the app takes its own marks

    def rewind(self, mark: int) -> None:
        pass

    def close(self) -> None:
        """Refuses what a handler that has returned, or its threads, would still do."""
        with self._asking:
            self._is_open = False

    def _add(self, kind: str, request: dict[str, Any]) -> None:
        self._ask("add", kind, request)

    def _find(self, table_name: str, wire_key: Item) -> Item | None:
        found: Item | None = self._ask("find", table_name, wire_key)
        return found

    def _emit(self, effect: str, item: Item) -> None:
        self._ask("emit", effect, item)

    def _ask(self, *question: Any) -> Any:
        with self._asking:
            if not self._is_open:
                raise RuntimeError("this transaction is over: it ends when its handler returns")
            self._channel.send_answer(*question)
            error, answer = self._channel.receive()
        if error is not None:
            raise error
        return answer
