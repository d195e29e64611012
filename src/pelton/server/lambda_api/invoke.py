"""Invoke: calls a function and waits for it, or has it called."""

from __future__ import annotations

import base64
import binascii
from types import SimpleNamespace
from typing import Any

import orjson

from pelton.handlers.functions import Function
from pelton.handlers.invocations import Invocation, Tail, ThrottledInvocation
from pelton.handlers.limits import MEMORY_MB

from .errors import LambdaError
from .names import LATEST, FunctionName
from .region import LambdaRegion
from .reply import Reply

PAYLOAD_BYTES_MAX = {"RequestResponse": 6_291_456, "Event": 1_048_576}
"""Source: the messages of AWS's errors."""

THROTTLED = {"Reason": "ReservedFunctionConcurrentInvocationLimitExceeded"}

CLIENT_FIELDS = (
    "installation_id",
    "app_title",
    "app_version_name",
    "app_version_code",
    "app_package_name",
)


def invoke(region: LambdaRegion, request: dict[str, Any], request_id: str) -> Reply:
    """Raises LambdaError for a function that is not there, and for a payload that is no JSON."""
    kind = request.get("InvocationType", "RequestResponse")
    function, name = _find(region, request)
    payload = _payload_of(request, kind)
    if kind == "DryRun":
        return Reply(204, b"")
    invocation = Invocation(
        function,
        payload,
        request_id,
        name.qualified_arn,
        _client_context_of(request.get("ClientContext")),
    )
    if kind == "Event":
        region.events.put(invocation)
        return Reply(202, b"")
    return _reply_of(region, invocation, keeps_log=request.get("LogType") == "Tail")


def _find(region: LambdaRegion, request: dict[str, Any]) -> tuple[Function, FunctionName]:
    try:
        return region.find(request)
    except LambdaError as error:
        # Here AWS names the version also where it was not asked for.
        if error.message.startswith("Function not found: ") and "Qualifier" not in request:
            if not error.message.endswith(f":{LATEST}"):
                raise LambdaError(error.code, f"{error.message}:{LATEST}") from None
        raise


def _reply_of(region: LambdaRegion, invocation: Invocation, *, keeps_log: bool) -> Reply:
    tail = None
    if keeps_log:
        memory_mb = invocation.function.memory_limit_mb or MEMORY_MB
        tail = Tail(invocation.request_id, memory_mb, region.database.clock)
    try:
        answer = region.invoker.invoke(invocation, tail)
    except ThrottledInvocation as error:
        raise LambdaError("TooManyRequestsException", str(error), THROTTLED) from None
    headers = [("x-amz-executed-version", LATEST)]
    if answer.is_error:
        headers.append(("x-amz-function-error", "Unhandled"))
    if tail is not None:
        headers.append(("x-amz-log-result", base64.b64encode(tail.text()).decode()))
    return Reply(200, answer.payload, headers)


def _payload_of(request: dict[str, Any], kind: str) -> bytes:
    payload: bytes = request.get("Payload") or b"{}"
    bytes_max = PAYLOAD_BYTES_MAX.get(kind)
    if bytes_max is not None and len(payload) > bytes_max:
        raise LambdaError(
            "RequestEntityTooLargeException",
            f"{len(payload)} byte payload is too large for the {kind} invocation type "
            f"(limit {bytes_max} bytes)",
        )
    try:
        orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise LambdaError(
            "InvalidRequestContentException",
            f"Could not parse request body into json: Could not parse payload into json: {error}",
        ) from None
    return payload


def _client_context_of(text: str | None) -> Any:
    """What a mobile client says of itself, as an object with `client`, `custom` and `env`."""
    if not text:
        return None
    try:
        told = orjson.loads(base64.b64decode(text, validate=True))
    except (binascii.Error, orjson.JSONDecodeError):
        told = None
    if not isinstance(told, dict):
        raise LambdaError(
            "InvalidRequestContentException",
            "Client context must be a valid Base64-encoded JSON object.",
        )
    client = told.get("client")
    return SimpleNamespace(
        custom=told.get("custom"),
        env=told.get("env"),
        client=SimpleNamespace(**{name: client.get(name) for name in CLIENT_FIELDS})
        if isinstance(client, dict)
        else None,
    )
