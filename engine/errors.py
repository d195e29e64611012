"""Every error pelton raises, grouped by when it is raised.

A class that mirrors a DynamoDB error carries DynamoDB's code as its name and DynamoDB's exact
words as its message. HTTP statuses and type prefixes are the server's business, not this module's.
"""

from __future__ import annotations

from typing import Any


class PeltonError(Exception):
    """The base of every error raised on purpose by pelton."""


# --- answers of the DynamoDB API ---------------------------------------------------------------


class DynamoDBError(PeltonError):
    """The base of the errors a DynamoDB client sees; the class name is the error's code."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    @property
    def code(self) -> str:
        return type(self).__name__


class SerializationException(DynamoDBError):
    """Raised when a request's JSON does not have the types its operation declares."""


class ValidationException(DynamoDBError):
    """Raised when a request breaks a constraint, a limit or the grammar of an expression."""


class AccessDeniedException(DynamoDBError):
    """Raised when a request may not be answered, whatever it asks."""


class ResourceNotFoundException(DynamoDBError):
    """Raised when a table, index or stream does not exist."""


class TableNotFoundException(DynamoDBError):
    """Raised when an operation on backups names a table that does not exist."""


class ResourceInUseException(DynamoDBError):
    """Raised when a table exists already, or is busy with another change."""


class LimitExceededException(DynamoDBError):
    """Raised when a control plane quota is exceeded."""


class ThrottledError(DynamoDBError):
    """The base of the two answers to a request that came faster than a capacity allows.

    `throttling_reasons` tell which limit of which resource that was, as on the wire.
    """

    reason_code: str
    """What the error is called among the reasons of a transaction and the errors of a batch."""

    def __init__(
        self, message: str, throttling_reasons: list[dict[str, str]] | None = None
    ) -> None:
        super().__init__(message)
        self.throttling_reasons = throttling_reasons or []

    @property
    def reason(self) -> dict[str, Any]:
        """As an entry of CancellationReasons."""
        return {"Code": self.reason_code, "Message": self.message}


class ProvisionedThroughputExceededException(ThrottledError):
    """Raised when a table's or an index's provisioned capacity is used up for now."""

    reason_code = "ProvisionedThroughputExceeded"


class ThrottlingException(ThrottledError):
    """Raised when a table or an index billed on demand cannot take more for now."""

    reason_code = "ThrottlingError"


class ConditionalCheckFailedException(DynamoDBError):
    """Raised when the condition of a write does not hold; `item` is the item that stood there."""

    def __init__(
        self, message: str = "The conditional request failed", item: Any | None = None
    ) -> None:
        super().__init__(message)
        self.item = item


class DuplicateItemException(DynamoDBError):
    """Raised when PartiQL inserts an item where one stands already."""


class TransactionCanceledException(DynamoDBError):
    """Raised when a transaction is cancelled; `reasons` has one entry an action, in order.

    A reason is `{"Code": ..., "Message"?: ..., "Item"?: ...}` as on the wire.
    """

    def __init__(self, message: str, reasons: list[dict[str, Any]]) -> None:
        super().__init__(message)
        self.reasons = reasons


def cancellation(reasons: list[dict[str, Any]]) -> TransactionCanceledException:
    """The error of a transaction with these reasons, one an action."""
    codes = ", ".join(reason["Code"] for reason in reasons)
    return TransactionCanceledException(
        f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]",
        reasons,
    )


class TransactionConflictException(DynamoDBError):
    """Raised when a write meets a transaction in progress on the same item."""


class IdempotentParameterMismatchException(DynamoDBError):
    """Raised when a client request token is used again with other parameters."""


class ItemCollectionSizeLimitExceededException(DynamoDBError):
    """Raised when an item collection of a table with local indexes passes 10 GB."""


class InternalServerError(DynamoDBError):
    """Raised when the store cannot serve a request; the message says why and what to do."""


class UnknownOperationException(DynamoDBError):
    """Raised when `X-Amz-Target` names no operation."""


# --- answers of the DynamoDB Streams API -------------------------------------------------------


class ExpiredIteratorException(DynamoDBError):
    """Raised when a shard iterator is older than 15 minutes."""


class TrimmedDataAccessException(DynamoDBError):
    """Raised when a position lies before the trim horizon of its shard."""


# --- opening and using a store -----------------------------------------------------------------


class StoreError(PeltonError):
    """The base of errors about the store itself, not about a request."""


class UnsafeSQLiteError(StoreError):
    """Raised at start when the SQLite that apsw carries has a known corruption bug."""


class StoreClosedError(StoreError):
    """Raised when work is given to a store after it was closed."""


class StoreFormatError(StoreError):
    """Raised when a file was not made by pelton, or by a version this one cannot read."""


class StoreFullError(StoreError):
    """Raised when the disk has no room for a write; reads go on, writes resume with room."""


class SpaceDroppedError(StoreError):
    """Raised when a table or index was deleted between the look for it and the read of it."""
