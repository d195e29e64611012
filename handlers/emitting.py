"""What a context offers for effects outside the file: they are counted call by call."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from typing import Any

from .transaction import HandlerWrites


class Emitting(ABC):
    """The part of a context that has effects follow its call."""

    __slots__ = ("_emitted",)

    transaction: HandlerWrites

    def __init__(self) -> None:
        self._emitted = 0

    @property
    @abstractmethod
    def idempotency_key(self) -> str:
        """A text that is the same at each attempt at this call."""

    @property
    @abstractmethod
    def emitter_name(self) -> str:
        """Whose effects these are: others' have no order with them."""

    def emit(self, effect: str, payload: Any = None, *, order_key: str | None = None) -> str:
        """Has an effect outside the file happen, such as a mail: once what this call does is kept.

        `payload`, any value that an item can hold, is what the function registered by
        `app.effect(effect)` is called with. Returns the effect's idempotency key, which is the same
        at each attempt. Effects of one name and handler with the same `order_key` happen in the
        order they were emitted in; unless given, that is the item's partition key, and calls
        without one item all have the same. Raises as `HandlerTransaction.emit` does.
        """
        key = f"{self.idempotency_key}/{self._emitted}"
        source_key = self._source_key() if order_key is None else order_key.encode()
        order = self.emitter_name
        if source_key is not None:
            order += f"/{hashlib.blake2b(source_key, digest_size=16).hexdigest()}"
        self.transaction.emit(effect, payload, idempotency_key=key, order_key=order)
        self._emitted += 1
        return key

    def _source_key(self) -> bytes | None:
        """A text of the partition key of the item that the call is about, if it is about one."""
        return None
