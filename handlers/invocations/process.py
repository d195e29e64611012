"""Invocations of functions that run in processes of their own: here, and in the process."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from ...engine import Clock
from ..answers import answer_of
from ..handler import Handler
from ..limits import Limits
from ..processes.channel import ChannelClosedError
from ..processes.exchange import Exchange
from ..processes.pool import Processes
from ..transaction import HandlerTransaction, HandlerWrites
from .context import InvocationContext
from .failures import InvocationTimeout
from .records import arguments_of

if TYPE_CHECKING:
    from .invoker import Invocation


class Errand(NamedTuple):
    """What a process is sent of an invocation; the function is its own."""

    payload: bytes
    request_id: str
    function_arn: str
    client_context: Any
    attempt: int
    timeout_seconds: float | None
    memory_limit_mb: int | None


def invoke_in_process(
    processes: Processes, invocation: Invocation, transaction: HandlerTransaction
) -> Any:
    """What the function returns. Raises what it raises there, InvocationTimeout, and
    ProcessExitedError where its process ends."""
    function = invocation.function
    limits = Limits(function.timeout_seconds, True, function.memory_limit_mb)
    exchange = Exchange(
        processes,
        function.handler,
        limits,
        transaction,
        begun=_nothing,
        ended=_result,
        request_id=lambda: invocation.request_id,
    )
    try:
        error, result = exchange.run(
            Errand(
                payload=invocation.payload,
                request_id=invocation.request_id,
                function_arn=invocation.function_arn,
                client_context=invocation.client_context,
                attempt=invocation.attempt,
                timeout_seconds=function.timeout_seconds,
                memory_limit_mb=function.memory_limit_mb,
            )
        )
    except TimeoutError:
        raise InvocationTimeout(exchange.seconds) from None
    if error is not None:
        raise error
    return result


async def run_errand(
    errand: Errand,
    handler: Handler,
    transaction: HandlerWrites,
    clock: Clock,
    begin: Callable[[], None],
) -> Any:
    """What the function returns, in its process; None where it is called for each record."""
    from ..functions import Function
    from .invoker import Invocation

    function = Function(
        handler,
        timeout_seconds=errand.timeout_seconds,
        run_in="process",
        memory_limit_mb=errand.memory_limit_mb,
    )
    invocation = Invocation(
        function,
        errand.payload,
        errand.request_id,
        errand.function_arn,
        errand.client_context,
        errand.attempt,
    )
    event = orjson.loads(errand.payload)
    arguments = [event] if handler.takes_batches else arguments_of(handler, event)
    context = InvocationContext(invocation, clock, clock.now_ms(), transaction)
    begin()
    result = None
    for argument in arguments:
        result = handler.function(argument, context)
        if handler.is_async:
            result = await result
    return result if handler.takes_batches else None


def _nothing(done: object) -> None:
    pass


def _result(
    done: object, error: BaseException | None, answer: object
) -> tuple[BaseException | None, Any]:
    if error is None and done != 0:
        raise ChannelClosedError(f"the process has done {done!r} of an invocation")
    return error, answer_of(answer)
