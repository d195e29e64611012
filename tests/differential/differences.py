"""Where DynamoDB Local is known to answer otherwise, and why pelton does not follow it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .operations import Request, table_name
from .side import Answer

Explains = Callable[[Request, Answer, Answer], bool]
"""Whether a difference between DynamoDB Local's answer and pelton's is this one."""

UPDATE_FAULTS = {
    "The document path provided in the update expression is invalid for update",
    "The provided expression refers to an attribute that does not exist in the item",
    "An operand in the update expression has an incorrect data type",
}
"""What only the item that is there makes of an update."""


def which_fault_comes_first(request: Request, local: Answer, ours: Answer) -> bool:
    """An update with two faults: AWS documents no order in which it looks for them."""
    return {local.get("message"), ours.get("message")} <= UPDATE_FAULTS and (
        local["error"] == ours["error"]
    )


def faults_of_updates_in_transactions(request: Request, local: Answer, ours: Answer) -> bool:
    """AWS lists them as "Validation Error" among the reasons of a TransactionCanceledException."""
    if request.method != "transact_write_items" or local.get("message") not in UPDATE_FAULTS:
        return False
    reasons = [each.get("Message") for each in ours["reasons"] if each["Code"] == "ValidationError"]
    return ours["error"] == "TransactionCanceledException" and bool(UPDATE_FAULTS & set(reasons))


def name_of_duplicates(request: Request, local: Answer, ours: Answer) -> bool:
    """AWS's model calls the error DuplicateItemException, DynamoDB Local DuplicateItem."""
    return (local.get("error"), ours.get("error")) == ("DuplicateItem", "DuplicateItemException")


def reason_of_duplicates(request: Request, local: Answer, ours: Answer) -> bool:
    """AWS's list of cancellation reasons has DuplicateItem for it; Local says ValidationError."""
    codes = [[reason["Code"] for reason in side.get("reasons", ())] for side in (local, ours)]
    return codes == [["ValidationError"], ["DuplicateItem"]]


def responses_of_written_statements(request: Request, local: Answer, ours: Answer) -> bool:
    """AWS's ExecuteTransaction has a response for each statement, Local one for each that reads."""
    return (
        request.method == "execute_transaction"
        and local == {"Responses": []}
        and ours == {"Responses": [{}]}
    )


def table_of_failed_statements(request: Request, local: Answer, ours: Answer) -> bool:
    """Local names the table beside the error of a statement in a batch."""
    if request.method != "batch_execute_statement" or "error" in local:
        return False
    bare = [{**each} for each in local["Responses"]]
    for each in bare:
        if "Error" in each:
            each.pop("TableName", None)
    return ours == {"Responses": bare}


def paths_of_updated_attributes(request: Request, local: Answer, ours: Answer) -> bool:
    """Of a path into a map AWS returns what stands there (UPDATED_NEW), Local the whole map."""
    asks = request.members.get("ReturnValues")
    if asks not in ("UPDATED_NEW", "UPDATED_OLD") or "error" in local:
        return False
    whole, part = local.get("Attributes", {}), ours.get("Attributes", {})
    return "." in request.members["UpdateExpression"] and _is_part(part, whole)


def _is_part(part: Any, whole: Any) -> bool:
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(name in whole and _is_part(each, whole[name]) for name, each in part.items())
    return bool(part == whole)


def _update(name: str, key: str, text: str, values: Mapping[str, Any], **more: Any) -> Request:
    members = {
        "TableName": table_name(name),
        "Key": {"id": {"S": key}},
        "UpdateExpression": text,
        **more,
    }
    if values:
        members["ExpressionAttributeValues"] = dict(values)
    return Request("update_item", members)


_ONE = {":one": {"N": "1"}}
_INSERT = {
    "Statement": f"""INSERT INTO "{table_name("keys")}" VALUE {{'id': ?}}""",
    "Parameters": [{"S": "known"}],
}
_MAPS = {":m": {"M": {"k": {"N": "1"}, "other": {"N": "2"}}}}

EXAMPLES: dict[Explains, list[Request]] = {
    which_fault_comes_first: [
        _update("keys", "missing", "SET a = b + :one, c.k = :one", _ONE),
    ],
    faults_of_updates_in_transactions: [
        Request(
            "transact_write_items",
            {
                "TransactItems": [
                    {"Update": _update("keys", "missing", "SET c.k = :one", _ONE).members}
                ]
            },
        )
    ],
    name_of_duplicates: [
        Request("execute_statement", _INSERT),
        Request("execute_statement", _INSERT),
    ],
    reason_of_duplicates: [
        Request("execute_transaction", {"TransactStatements": [_INSERT]}),
    ],
    responses_of_written_statements: [
        Request(
            "execute_transaction",
            {
                "TransactStatements": [
                    {
                        "Statement": f'DELETE FROM "{table_name("keys")}" WHERE "id" = ?',
                        "Parameters": [{"S": "known"}],
                    }
                ]
            },
        )
    ],
    table_of_failed_statements: [
        Request(
            "batch_execute_statement",
            {
                "Statements": [
                    {
                        "Statement": f'UPDATE "{table_name("keys")}" REMOVE "a" WHERE "id" = ?',
                        "Parameters": [{"S": "missing"}],
                    }
                ]
            },
        )
    ],
    paths_of_updated_attributes: [
        _update("keys", "maps", "SET m = :m", _MAPS),
        _update("keys", "maps", "SET m.k = :two", {":two": {"N": "2"}}, ReturnValues="UPDATED_NEW"),
    ],
}
"""For each known difference requests whose last one is answered differently."""


def explanation_of(request: Request, local: Answer, ours: Answer) -> str | None:
    """The name of the known difference that these answers are, if they are one."""
    return next((known.__name__ for known in EXAMPLES if known(request, local, ours)), None)
