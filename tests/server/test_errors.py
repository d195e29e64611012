"""Errors as answers: status, type prefix, and the members each error carries."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pelton.engine import errors
from pelton.server.errors import present_error

AVAILABILITY = "com.amazon.coral.availability#"
DYNAMODB = "com.amazonaws.dynamodb.v20120810#"
CANCELLED: list[dict[str, Any]] = [
    {"Code": "None"},
    {"Code": "ConditionalCheckFailed", "Item": {"id": {"S": "x"}}},
]

ANSWERS: list[tuple[BaseException, int, dict[str, Any]]] = [
    (
        errors.ValidationException("wrong"),
        400,
        {"__type": "com.amazon.coral.validate#ValidationException", "message": "wrong"},
    ),
    (
        errors.SerializationException("wrong"),
        400,
        {"__type": "com.amazon.coral.service#SerializationException", "Message": "wrong"},
    ),
    (
        errors.ConditionalCheckFailedException(),
        400,
        {
            "__type": DYNAMODB + "ConditionalCheckFailedException",
            "message": "The conditional request failed",
        },
    ),
    (
        errors.ConditionalCheckFailedException(item={"id": {"S": "x"}}),
        400,
        {
            "__type": DYNAMODB + "ConditionalCheckFailedException",
            "message": "The conditional request failed",
            "Item": {"id": {"S": "x"}},
        },
    ),
    (
        errors.TransactionCanceledException("cancelled", CANCELLED),
        400,
        {
            "__type": DYNAMODB + "TransactionCanceledException",
            "Message": "cancelled",
            "CancellationReasons": CANCELLED,
        },
    ),
    (
        errors.IdempotentParameterMismatchException("other"),
        400,
        {"__type": DYNAMODB + "IdempotentParameterMismatchException", "Message": "other"},
    ),
    (
        errors.ExpiredIteratorException("late"),
        400,
        {"__type": DYNAMODB + "ExpiredIteratorException", "message": "late"},
    ),
    (
        errors.InternalServerError("why"),
        500,
        {"__type": DYNAMODB + "InternalServerError", "message": "why"},
    ),
]


@pytest.mark.parametrize(("error", "status", "body"), ANSWERS, ids=lambda each: repr(each)[:40])
def test_an_error_is_told_as_aws_tells_it(
    error: BaseException, status: int, body: dict[str, Any]
) -> None:
    got_status, got_body = present_error(error, b"ID")
    assert (got_status, json.loads(got_body)) == (status, body)


def test_members_that_the_model_spells_with_a_capital_are_spelled_so() -> None:
    # Held against the service's own model, so that no error added later is forgotten.
    import botocore.loaders

    loader = botocore.loaders.Loader()
    for service in ("dynamodb", "dynamodbstreams"):
        shapes = loader.load_service_model(service, "service-2")["shapes"]
        for name, shape in shapes.items():
            known = getattr(errors, name, None)
            if not shape.get("exception") or known is None:
                continue
            error = known("words", []) if name == "TransactionCanceledException" else known("words")
            told = json.loads(present_error(error, b"ID")[1])
            # What the model only takes over from the framework keeps the framework's prefix.
            prefix = AVAILABILITY if shape.get("synthetic") else DYNAMODB
            assert told["__type"] == prefix + name
            assert set(told) - {"__type"} <= set(shape["members"])
