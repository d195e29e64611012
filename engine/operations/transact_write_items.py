"""TransactWriteItems: up to 100 writes and checks that happen together or not at all."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from itertools import islice
from typing import Any, NamedTuple

import orjson

from ..capacity import TRANSACTION_FACTOR, Report, report_of
from ..errors import (
    ConditionalCheckFailedException,
    DuplicateItemException,
    IdempotentParameterMismatchException,
    ItemCollectionSizeLimitExceededException,
    ThrottledError,
    ValidationException,
    cancellation,
)
from ..item_keys import ItemKey
from ..schema import Table
from ..storage import Transaction
from ..storage.port import META_SPACE
from ..writes import CheckWrite, Decision, DeleteWrite, PutWrite, UpdateWrite, Write
from .expressions import condition_of, placeholders_of
from .operation import Answer, DatabaseParts, Present, Request
from .update_item import update_of

TOKEN_KIND = b"transaction-token"
TOKEN_MS_MAX = 10 * 60 * 1000
"""How long a client request token makes a repeated transaction a no-op."""

NEIGHBOURS_LOOKED_AT = 3

KINDS = ("ConditionCheck", "Put", "Update", "Delete")
BYTES_MAX = 4 * 1024 * 1024
"""The sum of the sizes of all items that one transaction may be about."""


class Action(NamedTuple):
    """One entry of TransactItems, prepared."""

    table_name: str
    write: Write
    shows_item: bool


class Located(NamedTuple):
    """An action with the table and key it is about."""

    action: Action
    table: Table
    key: ItemKey


def transact_write_items(
    database: DatabaseParts, request: Request, present: Present
) -> Callable[[Any], Answer]:
    actions = [action_of(each) for each in request["TransactItems"]]
    return write_together(database, request, actions, request["TransactItems"])


def write_together(
    database: DatabaseParts, request: Request, actions: list[Action], content: Any
) -> Callable[[Any], Answer]:
    """The work of a transaction; its token stands for `content`, the request's member."""
    located = locate_actions(database, actions)
    token = request.get("ClientRequestToken")
    digest = _digest_of(content) if token is not None else b""
    catalog = database.catalog

    def work(transaction: Transaction) -> Answer:
        current = located
        if any(catalog.tables.get(each.table.name) is not each.table for each in located):
            current = locate_actions(database, actions)
        at_ms = database.clock.now_ms()
        report = report_of(request, factor=TRANSACTION_FACTOR)
        if token is not None and _is_repeated(transaction, token, digest, at_ms):
            return {} if report is None else _report_repetition(transaction, current, report)
        apply_together(database, transaction, current, at_ms, report)
        if token is not None:
            _remember(transaction, token.encode(), digest, at_ms)
        return {} if report is None else report.add_lists_to({}, kind="Write")

    return work


def _report_repetition(transaction: Transaction, located: list[Located], report: Report) -> Answer:
    """A transaction that was done before costs what reading its items costs."""
    for _, table, key in located:
        row = transaction.get(table.space, *key.address)
        report.add_read(table, row[0] if row else 0, consistent=True)
    return report.add_lists_to({}, kind="Read")


def apply_together(
    database: DatabaseParts,
    transaction: Transaction,
    located: list[Located],
    at_ms: int,
    report: Report | None = None,
) -> None:
    """Decides every action, then applies all, as one group in the stream.

    Raises TransactionCanceledException when one cannot be applied.
    """
    decisions: list[Decision] = []
    reasons: list[dict[str, Any]] = []
    for action, table, key in located:
        try:
            decisions.append(database.writer.decide(transaction, table, key, action.write))
            reasons.append({"Code": "None"})
        except ConditionalCheckFailedException as error:
            reason = {"Code": "ConditionalCheckFailed", "Message": error.message}
            if action.shows_item and error.item is not None:
                reason["Item"] = error.item
            reasons.append(reason)
        except DuplicateItemException as error:
            reasons.append({"Code": "DuplicateItem", "Message": error.message})
        except ThrottledError as error:
            reasons.append(error.reason)
        except ValidationException as error:
            reasons.append({"Code": "ValidationError", "Message": error.message})
    if sum(_size_of(decision) for decision in decisions) > BYTES_MAX:
        raise ValidationException(
            "The aggregate size of the items in the transaction has exceeded the maximum allowed "
            "size of 4 MB"
        )
    if len(decisions) < len(located):
        raise cancellation(reasons)
    group = transaction.next_sequence()
    for position, ((_, table, key), decision) in enumerate(zip(located, decisions, strict=True)):
        try:
            database.writer.apply(transaction, table, key, decision, at_ms=at_ms, group=group)
        except ItemCollectionSizeLimitExceededException as error:
            # What was written before it is undone with the transaction.
            reasons[position] = {
                "Code": "ItemCollectionSizeLimitExceeded",
                "Message": error.message,
            }
            raise cancellation(reasons) from None
        if report is not None:
            report.add_write(transaction, table, key, decision)


def _size_of(decision: Decision) -> int:
    stored = decision.new or decision.old
    return stored.size if stored else 0


def action_of(request: Request) -> Action:
    """One entry of TransactItems, prepared. Raises ValidationException as the operation would."""
    # Other members are ignored, as everywhere.
    given = [(kind, request[kind]) for kind in KINDS if request.get(kind) is not None]
    if len(given) != 1:
        raise ValidationException(
            "TransactItems can only contain one of Check, Put, Update or Delete"
        )
    ((kind, body),) = given
    members = ("UpdateExpression",) if kind == "Update" else ()
    placeholders = placeholders_of(body, *members, "ConditionExpression")
    update = update_of(body, placeholders) if kind == "Update" else None
    condition = condition_of(body, placeholders)
    placeholders.check_all_used()
    write: Write
    if kind == "Put":
        write = PutWrite(body["Item"], condition)
    elif kind == "Update":
        write = UpdateWrite(body["Key"], update, condition)
    elif kind == "Delete":
        write = DeleteWrite(body["Key"], condition)
    else:
        write = CheckWrite(body["Key"], condition)
    shows_item = body.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
    return Action(body["TableName"], write, shows_item)


def locate_actions(database: DatabaseParts, actions: list[Action]) -> list[Located]:
    """The actions with their tables and keys. Raises ValidationException for a repeated item."""
    located, seen = [], set()
    for action in actions:
        table = database.catalog.table(action.table_name)
        key = action.write.locate(table)
        located.append(Located(action, table, key))
        seen.add((table.name, key.address))
    if len(seen) < len(located):
        raise ValidationException(
            "Transaction request cannot include multiple operations on one item"
        )
    return located


def _digest_of(content: Any) -> bytes:
    # Sorted keys: the same parameters in another order are the same request.
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).digest()


def _remember(transaction: Transaction, token: bytes, digest: bytes, at_ms: int) -> None:
    """Keeps a token, and drops expired ones that stand behind it.

    Tokens are random texts (SDKs send one with every transaction), so looking at a few neighbours
    each time gets round to all of them, without a sweep that would hold the writer up.
    """
    transaction.put(META_SPACE, 0, TOKEN_KIND, token, at_ms, digest)
    rows = transaction.query(META_SPACE, 0, TOKEN_KIND, low=token + b"\0")
    for neighbour, made_ms, _ in list(islice(rows, NEIGHBOURS_LOOKED_AT)):
        if at_ms - made_ms > TOKEN_MS_MAX:
            transaction.delete(META_SPACE, 0, TOKEN_KIND, neighbour)


def _is_repeated(transaction: Transaction, token: str, digest: bytes, at_ms: int) -> bool:
    row = transaction.get(META_SPACE, 0, TOKEN_KIND, token.encode())
    if row is None or at_ms - row[0] > TOKEN_MS_MAX:
        return False
    if row[1] != digest:
        raise IdempotentParameterMismatchException(
            "The request uses the same client token as a previous, but non-identical request. "
            "Do not reuse a client token with different requests, unless the requests are "
            "identical"
        )
    return True
