"""What a handler is told about the call it is in."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING

import orjson

from ..engine import Clock
from ..streams import Record, Shard, to_wire
from .emitting import Emitting
from .lambda_context import LambdaContext
from .limits import MEMORY_MB, Limits
from .mapping import EventSourceMapping
from .transaction import HandlerWrites

if TYPE_CHECKING:
    from .chain import Chain
    from .observing import CallObserver

CALL_MS_MAX = 15 * 60 * 1000
"""Lambda's limit of a call, told where a handler has no timeout of its own."""


class Callee:
    """What is called: what all calls have in common, wherever they come from."""

    def __init__(
        self,
        handler_name: str,
        function_arn: str,
        clock: Clock,
        limits: Limits | None = None,
        version: str = "",
    ) -> None:
        self.handler_name = handler_name
        self.function_arn = f"{function_arn}:{version}" if version else function_arn
        self.clock = clock
        self.limits = limits
        self.version = version

    @property
    def mapping_name(self) -> str:
        """What its positions are kept by, and what its idempotency keys end with."""
        return f"{self.handler_name}@{self.version}" if self.version else self.handler_name

    @property
    def call_ms_max(self) -> int:
        """How long a call may take."""
        seconds = None if self.limits is None else self.limits.timeout_seconds
        return CALL_MS_MAX if seconds is None else int(seconds * 1000)

    @property
    def memory_limit_mb(self) -> int:
        """How much memory a handler is told to have."""
        return (self.limits and self.limits.memory_limit_mb) or MEMORY_MB


class Source(Callee):
    """Where a worker's calls come from: its shard, and what all calls have in common."""

    def __init__(
        self,
        handler_name: str,
        shard: Shard,
        clock: Clock,
        observers: Sequence[CallObserver] = (),
        *,
        limits: Limits | None = None,
        version: str = "",
        chain: Chain | None = None,
    ) -> None:
        region, account = shard.stream_arn.split(":")[3:5]
        arn = f"arn:aws:lambda:{region}:{account}:function:{handler_name}"
        super().__init__(handler_name, arn, clock, limits, version)
        self.shard = shard
        self.observers = observers
        """Who stands around each call."""
        self.chain = chain
        """What the calls are causes in."""

    @classmethod
    def of(
        cls,
        mapping: EventSourceMapping,
        shard: Shard,
        clock: Clock,
        observers: Sequence[CallObserver] = (),
        chain: Chain | None = None,
    ) -> Source:
        """That of a mapping's calls for one shard."""
        return cls(
            mapping.handler.name,
            shard,
            clock,
            observers,
            limits=Limits.of(mapping),
            version=mapping.version,
            chain=chain,
        )

    def key_of(self, first: int, last: int) -> str:
        """What stands for these records and this handler, whenever they are delivered to it."""
        numbers = to_wire(first)
        if last != first:
            numbers += f"-{to_wire(last)}"
        return f"{self.shard.stream_arn}/{numbers}/{self.mapping_name}"


class CallContext(Emitting, LambdaContext):
    """What a function is told about a call, whoever asked for it."""

    __slots__ = ("_function", "_started_ms", "attempt", "transaction")

    def __init__(self, function: Callee, transaction: HandlerWrites, attempt: int) -> None:
        super().__init__()
        self._function = function
        self._started_ms = function.clock.now_ms()
        self.transaction = transaction
        """Writes through it are exactly-once: they commit together with the handler's position."""
        self.attempt = attempt
        """1 for the first call, one more for each that failed before."""

    @property
    def aws_request_id(self) -> str:
        """A UUID of this attempt."""
        raise NotImplementedError

    @property
    def function_name(self) -> str:
        return self._function.handler_name

    @property
    def emitter_name(self) -> str:
        return self._function.mapping_name

    @property
    def function_version(self) -> str:  # type: ignore[override]
        """The mapping's version, $LATEST where it has none."""
        return self._function.version or LambdaContext.function_version

    @property
    def invoked_function_arn(self) -> str:
        return self._function.function_arn

    @property
    def memory_limit_in_mb(self) -> str:
        """A text, as AWS's runtime for Python has it."""
        return str(self._function.memory_limit_mb)

    @property
    def log_group_name(self) -> str:
        return f"/aws/lambda/{self._function.handler_name}"

    @property
    def log_stream_name(self) -> str:
        raise NotImplementedError

    def get_remaining_time_in_millis(self) -> int:
        """What is left of the mapping's timeout, or of Lambda's 15 minutes where it has none."""
        function = self._function
        return max(0, function.call_ms_max - (function.clock.now_ms() - self._started_ms))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.aws_request_id} of {self._function.mapping_name}>"


class Context(CallContext):
    """The second argument of every handler: AWS Lambda's context, and what pelton adds to it.

    Everything here follows from the records of the call, so that a call that is made again finds
    the same, except for `attempt`, the request id that follows from it, and the time.
    """

    __slots__ = ("_first", "_last", "_occasion", "_record", "_source")

    def __init__(
        self,
        source: Source,
        first: int,
        last: int,
        transaction: HandlerWrites,
        attempt: int,
        occasion: str | None = None,
        record: Record | None = None,
    ) -> None:
        """`record` is that of a call with one."""
        super().__init__(source, transaction, attempt)
        self._source = source
        self._first = first
        self._last = last
        self._occasion = occasion
        self._record = record

    @property
    def idempotency_key(self) -> str:
        """A text that is the same whenever these records are delivered to this handler.

        For effects outside the file, which may happen more than once. A batch that was split has
        another key than the whole; record-level handlers always have the same key for a record.
        """
        source = self._source
        if self._occasion is not None:
            return f"{source.shard.stream_arn}/{self._occasion}/{source.mapping_name}"
        return source.key_of(self._first, self._last)

    def _source_key(self) -> bytes | None:
        if self._record is None:
            return None
        keys = orjson.loads(self._record.body)["dynamodb"]["Keys"]
        return orjson.dumps(next(iter(keys.values())))  # the sort key stands behind the other

    @property
    def shard_id(self) -> str:
        return self._source.shard.shard_id

    @property
    def aws_request_id(self) -> str:
        """A UUID of this attempt, the same in a replay."""
        return request_id_of(self.idempotency_key, self.attempt)

    @property
    def log_stream_name(self) -> str:
        return self._source.shard.shard_id


def request_id_of(key: str, attempt: int) -> str:
    """The id of a call with the records that a key stands for: a UUID that follows from both."""
    text = f"{key}/{attempt}"
    return str(uuid.UUID(bytes=hashlib.blake2b(text.encode(), digest_size=16).digest()))
