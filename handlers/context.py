"""What a handler is told about the call it is in."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import orjson

from ..engine import Clock
from ..streams import Record, Shard, to_wire
from .lambda_context import LambdaContext
from .transaction import HandlerTransaction

if TYPE_CHECKING:
    from .observing import CallObserver

CALL_MS_MAX = 15 * 60 * 1000
"""Lambda's limit of a call. pelton ends no call, it only tells how much of that time is left."""


class Source:
    """Where a worker's calls come from: what all of them have in common."""

    def __init__(
        self,
        handler_name: str,
        shard: Shard,
        clock: Clock,
        observers: Sequence[CallObserver] = (),
    ) -> None:
        self.handler_name = handler_name
        self.shard = shard
        self.clock = clock
        self.observers = observers
        """Who stands around each call."""
        region, account = shard.stream_arn.split(":")[3:5]
        self.function_arn = f"arn:aws:lambda:{region}:{account}:function:{handler_name}"

    def key_of(self, first: int, last: int) -> str:
        """What stands for these records and this handler, whenever they are delivered to it."""
        numbers = to_wire(first)
        if last != first:
            numbers += f"-{to_wire(last)}"
        return f"{self.shard.stream_arn}/{numbers}/{self.handler_name}"


class Context(LambdaContext):
    """The second argument of every handler: AWS Lambda's context, and what pelton adds to it.

    Everything here follows from the records of the call, so that a call that is made again finds
    the same, except for `attempt` and the time.
    """

    memory_limit_in_mb = 128

    __slots__ = (
        "_emitted",
        "_first",
        "_last",
        "_occasion",
        "_record",
        "_source",
        "_started_ms",
        "attempt",
        "transaction",
    )

    def __init__(
        self,
        source: Source,
        first: int,
        last: int,
        transaction: HandlerTransaction,
        attempt: int,
        occasion: str | None = None,
        record: Record | None = None,
    ) -> None:
        """`record` is that of a call with one."""
        self._source = source
        self._first = first
        self._last = last
        self._occasion = occasion
        self._record = record
        self._emitted = 0
        self._started_ms = source.clock.now_ms()
        self.transaction = transaction
        """Writes through it are exactly-once: they commit together with the handler's position."""
        self.attempt = attempt
        """1 for the first delivery, one more for each that failed before."""

    # --- pelton's ------------------------------------------------------------------------------

    @property
    def idempotency_key(self) -> str:
        """A text that is the same whenever these records are delivered to this handler.

        For effects outside the file, which may happen more than once. A batch that was split has
        another key than the whole; record-level handlers always have the same key for a record.
        """
        source = self._source
        if self._occasion is not None:
            return f"{source.shard.stream_arn}/{self._occasion}/{source.handler_name}"
        return source.key_of(self._first, self._last)

    def emit(self, effect: str, payload: Any = None, *, order_key: str | None = None) -> str:
        """Has an effect outside the file happen, such as a mail: once what this call does is kept.

        `payload`, any value that an item can hold, is what the function registered by
        `app.effect(effect)` is called with. Returns the effect's idempotency key, which is the same
        at each attempt. Effects of one name and handler with the same `order_key` happen in the
        order they were emitted in; unless given, that is the item's partition key, and a batch
        handler's effects all have the same. Raises as `HandlerTransaction.emit` does.
        """
        key = f"{self.idempotency_key}/{self._emitted}"
        self.transaction.emit(
            effect, payload, idempotency_key=key, order_key=self._order_of(order_key)
        )
        self._emitted += 1
        return key

    def _order_of(self, order_key: str | None) -> str:
        name = self._source.handler_name
        if order_key is not None:
            return f"{name}/{_digest(order_key.encode())}"
        if self._record is None:
            return name
        keys = orjson.loads(self._record.body)["dynamodb"]["Keys"]
        partition_key = next(iter(keys.values()))  # the sort key stands behind it
        return f"{name}/{_digest(orjson.dumps(partition_key))}"

    @property
    def shard_id(self) -> str:
        return self._source.shard.shard_id

    # --- AWS Lambda's --------------------------------------------------------------------------

    @property
    def function_name(self) -> str:
        return self._source.handler_name

    @property
    def invoked_function_arn(self) -> str:
        return self._source.function_arn

    @property
    def aws_request_id(self) -> str:
        """A UUID of this attempt, the same in a replay."""
        return request_id_of(self.idempotency_key, self.attempt)

    @property
    def log_group_name(self) -> str:
        return f"/aws/lambda/{self._source.handler_name}"

    @property
    def log_stream_name(self) -> str:
        return self._source.shard.shard_id

    def get_remaining_time_in_millis(self) -> int:
        """What is left of Lambda's 15 minutes."""
        return max(0, CALL_MS_MAX - (self._source.clock.now_ms() - self._started_ms))


def request_id_of(key: str, attempt: int) -> str:
    """The id of a call with the records that a key stands for: a UUID that follows from both."""
    text = f"{key}/{attempt}"
    return str(uuid.UUID(bytes=hashlib.blake2b(text.encode(), digest_size=16).digest()))


def _digest(text: bytes) -> str:
    return hashlib.blake2b(text, digest_size=16).hexdigest()
