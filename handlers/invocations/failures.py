"""What an invocation that failed answers with: the error as AWS's runtime for Python tells it."""

from __future__ import annotations

import traceback
from pathlib import Path
from types import TracebackType
from typing import Any

from ...engine import PeltonError
from ..errors import MarshalError, ProcessExitedError

_PELTON = str(Path(__file__).parents[2])


class InvocationTimeout(PeltonError):
    """Raised when a function took longer than it may."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"Task timed out after {seconds:.2f} seconds")


class ThrottledInvocation(PeltonError):
    """Raised when a function runs as often at once as its `concurrency_max` lets it."""


def tell_error(error: BaseException, request_id: str) -> dict[str, Any]:
    """`errorMessage` and `errorType`, for an exception of the function with its `stackTrace`.

    Source: answers of AWS; what the runtime itself ends with has no stack.
    """
    if isinstance(error, InvocationTimeout):
        return _of_runtime("Sandbox.Timedout", str(error), request_id)
    if isinstance(error, ProcessExitedError):
        return {"errorType": "Runtime.ExitError", "errorMessage": str(error)}
    if isinstance(error, SystemExit):
        status = error.code if isinstance(error.code, int) else int(error.code is not None)
        how = f"with error: exit status {status}" if status else "without providing a reason"
        return _of_runtime("Runtime.ExitError", f"Runtime exited {how}", request_id)
    if isinstance(error, MarshalError):
        name, message, stack = "Runtime.MarshalError", f"Unable to marshal response: {error}", []
    else:
        name, message, stack = type(error).__name__, str(error), _stack_of(error)
    return {
        "errorMessage": message,
        "errorType": name,
        "requestId": request_id,
        "stackTrace": stack,
    }


def _of_runtime(name: str, what: str, request_id: str) -> dict[str, Any]:
    return {"errorType": name, "errorMessage": f"RequestId: {request_id} Error: {what}"}


def _stack_of(error: BaseException) -> list[str]:
    """The frames from the function on, outermost first: pelton's own tell its author nothing."""
    frames: TracebackType | None = error.__traceback__
    while frames is not None and _is_ours(frames):
        frames = frames.tb_next
    return traceback.format_list(traceback.extract_tb(frames))


def _is_ours(frames: TracebackType) -> bool:
    name = frames.tb_frame.f_code.co_filename
    return name.startswith(_PELTON) or "/concurrent/futures/" in name
