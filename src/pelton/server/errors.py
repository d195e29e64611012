"""Errors as HTTP answers: the status, the type prefix and the members AWS gives each of them."""

from __future__ import annotations

import logging
from typing import Any

from pelton.engine.errors import (
    ConditionalCheckFailedException,
    DynamoDBError,
    StoreError,
    ThrottledError,
    TransactionCanceledException,
)

from .wire import present_answer

log = logging.getLogger("pelton.server")

SERVICE = "com.amazon.coral.service#"
AVAILABILITY = "com.amazon.coral.availability#"
VALIDATE = "com.amazon.coral.validate#"
DYNAMODB = "com.amazonaws.dynamodb.v20120810#"

_PREFIXES = {
    "AccessDeniedException": SERVICE,
    "IncompleteSignatureException": SERVICE,
    "InvalidSignatureException": SERVICE,
    "MissingAuthenticationTokenException": SERVICE,
    "SerializationException": SERVICE,
    "ThrottlingException": AVAILABILITY,
    "UnknownOperationException": SERVICE,
    "UnrecognizedClientException": SERVICE,
    "ValidationException": VALIDATE,
}
"""Prefixes of `__type`; every other error is DynamoDB's own. Source: observed answers of AWS."""

_CAPITAL_MESSAGE = frozenset(
    {
        "IdempotentParameterMismatchException",
        "SerializationException",
        "TransactionCanceledException",
        "TransactionInProgressException",
    }
)
"""The errors that spell their message member `Message`. Source: the service's API model."""

_STATUSES = {"InternalServerError": 500}


def present_error(error: BaseException, request_id: bytes) -> tuple[int, bytes]:
    """The status and body that tell a client of `error`.

    What was not raised for the client is logged with its request id and becomes an
    InternalServerError, whose message keeps the details to the log.
    """
    if isinstance(error, StoreError):
        # The store's own words say what to do ("the disk is full ..."), so they are passed on.
        log.error("request %s: %s: %s", request_id.decode(), type(error).__name__, error)
        return 500, _body("InternalServerError", str(error))
    if not isinstance(error, DynamoDBError):
        log.error("request %s failed", request_id.decode(), exc_info=error)
        return 500, _body("InternalServerError", "Internal server error")
    code = error.code
    members: dict[str, Any] = {}
    if isinstance(error, ConditionalCheckFailedException) and error.item is not None:
        members["Item"] = error.item
    elif isinstance(error, TransactionCanceledException):
        members["CancellationReasons"] = error.reasons
    elif isinstance(error, ThrottledError) and error.throttling_reasons:
        # The framework's own error spells it with a small letter. Source: the API model.
        member = "throttlingReasons" if code == "ThrottlingException" else "ThrottlingReasons"
        members[member] = error.throttling_reasons
    return _STATUSES.get(code, 400), _body(code, error.message, members)


def _body(code: str, message: str, members: dict[str, Any] | None = None) -> bytes:
    body: dict[str, Any] = {"__type": _PREFIXES.get(code, DYNAMODB) + code}
    if message:
        # Some of AWS's errors, such as an unknown operation, come without a message.
        body["Message" if code in _CAPITAL_MESSAGE else "message"] = message
    return present_answer(body | members if members else body)
