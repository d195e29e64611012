"""Lambda's errors as HTTP answers. The words are AWS's where they have been observed."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import orjson

from pelton.engine.errors import AccessDeniedException, DynamoDBError, PeltonError, StoreError

from ..credentials import (
    IncompleteSignatureException,
    InvalidSignatureException,
    MissingAuthenticationTokenException,
)
from .model import ErrorForm, error_forms

log = logging.getLogger("pelton.server")

_FORBIDDEN = (
    AccessDeniedException,
    IncompleteSignatureException,
    InvalidSignatureException,
    MissingAuthenticationTokenException,
)

_OTHER_FORMS = {
    "RequestEntityTooLargeException": ErrorForm(413, "message"),
    "UnknownOperationException": ErrorForm(404, "message"),
}
"""Errors that the API's model does not have. Source: the first is AWS's, as observed."""


class LambdaError(PeltonError):
    """An error that a client of Lambda's API sees; `code` is what AWS calls it, `members` are what
    its body has beside the message.
    """

    def __init__(self, code: str, message: str, members: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.members = members or {}


def invalid(message: str) -> LambdaError:
    """A request whose members contradict each other or what there is."""
    return LambdaError("InvalidParameterValueException", message)


def not_found(message: str = "The resource you requested does not exist.") -> LambdaError:
    return LambdaError("ResourceNotFoundException", message)


def present_error(error: BaseException, request_id: str) -> tuple[int, str, bytes]:
    """The status, the error's code and the body that tell a client of `error`."""
    if isinstance(error, LambdaError):
        form = error_forms().get(error.code) or _OTHER_FORMS[error.code]
        body = {"Type": "User", **error.members, form.message: error.message}
        return form.status, error.code, orjson.dumps(body)
    if isinstance(error, DynamoDBError):  # of the structural validation and the signature
        status = 403 if isinstance(error, _FORBIDDEN) else 400
        return status, error.code, orjson.dumps({"message": error.message})
    message = "Internal server error"
    if isinstance(error, StoreError):
        # The store's own words say what to do ("the disk is full ..."), so they are passed on.
        message = str(error)
        log.error("request %s: %s: %s", request_id, type(error).__name__, error)
    else:
        log.error("request %s failed", request_id, exc_info=error)
    body = {"Type": "Service", "Message": message}
    return 500, "ServiceException", orjson.dumps(body)
