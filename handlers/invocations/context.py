"""What a function is told about an invocation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...engine import Clock
from ..context import CALL_MS_MAX
from ..emitting import Emitting
from ..lambda_context import LambdaContext
from ..limits import MEMORY_MB
from ..transaction import HandlerWrites

if TYPE_CHECKING:
    from .invoker import Invocation


class InvocationContext(Emitting, LambdaContext):
    """The second argument of an invoked function: AWS Lambda's context, and pelton's additions.

    Those of a delivery that come from its shard are missing here: there is none.
    """

    shard_id = None

    __slots__ = ("_clock", "_invocation", "_started_ms", "transaction")

    def __init__(
        self,
        invocation: Invocation,
        clock: Clock,
        started_ms: int,
        transaction: HandlerWrites,
    ) -> None:
        super().__init__()
        self._invocation = invocation
        self._clock = clock
        self._started_ms = started_ms
        self.transaction = transaction
        """Writes through it are made together, when the function has returned."""

    # --- pelton's ------------------------------------------------------------------------------

    @property
    def attempt(self) -> int:
        """1 for the first call of an invocation, one more for each that failed before."""
        return self._invocation.attempt

    @property
    def idempotency_key(self) -> str:
        """A text that is the same in all attempts at this invocation."""
        return f"{self._invocation.function_arn}/{self._invocation.request_id}"

    @property
    def emitter_name(self) -> str:
        return self.function_name

    # --- AWS Lambda's --------------------------------------------------------------------------

    @property
    def function_name(self) -> str:
        return self._invocation.function.name

    @property
    def invoked_function_arn(self) -> str:
        return self._invocation.function_arn

    @property
    def memory_limit_in_mb(self) -> str:
        """A text, as AWS's runtime for Python has it."""
        return str(self._invocation.function.memory_limit_mb or MEMORY_MB)

    @property
    def aws_request_id(self) -> str:
        return self._invocation.request_id

    @property
    def log_group_name(self) -> str:
        return f"/aws/lambda/{self.function_name}"

    @property
    def log_stream_name(self) -> str:
        return "invocations"

    @property
    def client_context(self) -> Any:
        """What the caller sent as its context, as an object with `client`, `custom` and `env`."""
        return self._invocation.client_context

    def get_remaining_time_in_millis(self) -> int:
        """What is left of the time that the call may take."""
        seconds = self._invocation.function.timeout_seconds
        limit_ms = CALL_MS_MAX if seconds is None else int(seconds * 1000)
        return max(0, limit_ms - (self._clock.now_ms() - self._started_ms))
