"""What Lambda's API tells of the functions of an app."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from .refusals import refusal
from .shop import Shop

ARN = "arn:aws:lambda:us-east-1:000000000000:function"


def test_functions_are_listed_in_pages_by_their_names(functions: Any) -> None:
    names: list[str] = []
    page: dict[str, Any] = {}
    while not names or "NextMarker" in page:
        more = {"Marker": page["NextMarker"]} if page else {}
        page = functions.list_functions(MaxItems=3, **more)
        assert len(page["Functions"]) <= 3
        names += [each["FunctionName"] for each in page["Functions"]]
    assert names == sorted(names)
    assert names == "answer book echo fail hang later leave note note_too speak".split()


def test_a_function_is_told_with_its_code_and_its_limits(functions: Any) -> None:
    answer = functions.get_function(FunctionName="echo")
    told = answer["Configuration"]
    assert told["FunctionArn"] == f"{ARN}:echo"
    assert told["Handler"] == "tests.server.lambda_api.shop.Shop.echo"
    assert told["Description"] == "Gives back the event and what it knows of the call."
    assert told["Runtime"] == f"python{sys.version_info.major}.{sys.version_info.minor}"
    assert (told["Timeout"], told["MemorySize"]) == (900, 128)
    assert (told["State"], told["LastUpdateStatus"]) == ("Active", "Successful")
    assert told["CodeSize"] > 1000
    assert "Concurrency" not in answer

    told = functions.get_function_configuration(FunctionName=f"{ARN}:echo:$LATEST")
    assert told["FunctionArn"] == f"{ARN}:echo:$LATEST"
    limited = functions.get_function(FunctionName="book")
    assert limited["Concurrency"] == {"ReservedConcurrentExecutions": 5}


def test_handlers_of_tables_are_functions_too(functions: Any, shop: Shop) -> None:
    shop.app.stop()

    @shop.app.on_insert(shop.orders, timeout_seconds=20)
    def welcome(item: Any, context: Any) -> None:
        pass

    told = functions.get_function_configuration(FunctionName="welcome")
    assert (told["FunctionArn"], told["Timeout"]) == (f"{ARN}:welcome", 20)


def test_what_functions_here_do_not_have_is_answered_as_for_those_without_it(
    functions: Any,
) -> None:
    assert functions.list_aliases(FunctionName="echo")["Aliases"] == []
    (version,) = functions.list_versions_by_function(FunctionName="echo")["Versions"]
    assert (version["Version"], version["FunctionArn"]) == ("$LATEST", f"{ARN}:echo:$LATEST")
    answer = functions.get_function_code_signing_config(FunctionName="echo")
    assert "CodeSigningConfigArn" not in answer
    assert "ReservedConcurrentExecutions" not in functions.get_function_concurrency(
        FunctionName="echo"
    )
    assert functions.get_account_settings()["AccountUsage"]["FunctionCount"] == 10
    gone = "The resource you requested does not exist."
    assert refusal(functions.get_policy, FunctionName="echo") == (
        404,
        "ResourceNotFoundException",
        gone,
    )
    assert refusal(functions.get_function_event_invoke_config, FunctionName="echo") == (
        404,
        "ResourceNotFoundException",
        f"The function {ARN}:echo:$LATEST doesn't have an EventInvokeConfig",
    )


NAME_PATTERN = (
    r"(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?"
    r"(\d{12}:)?(function:)?([a-zA-Z0-9-_\.]+)(:(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+))?"
)


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        (
            {"FunctionName": "none"},
            (404, "ResourceNotFoundException", f"Function not found: {ARN}:none"),
        ),
        (
            {"FunctionName": "echo", "Qualifier": "7"},
            (404, "ResourceNotFoundException", f"Function not found: {ARN}:echo:7"),
        ),
        (
            {"FunctionName": "echo:$LATEST", "Qualifier": "7"},
            (
                400,
                "InvalidParameterValueException",
                "The derived qualifier from the function name does not match the specified "
                "qualifier.",
            ),
        ),
        (
            {"FunctionName": "arn:aws:lambda:eu-west-1:000000000000:function:echo"},
            (
                404,
                "ResourceNotFoundException",
                "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')",
            ),
        ),
        (
            {"FunctionName": "a@b"},
            (
                400,
                "ValidationException",
                "1 validation error detected: Value 'a@b' at 'functionName' failed to satisfy "
                f"constraint: Member must satisfy regular expression pattern: {NAME_PATTERN}",
            ),
        ),
    ],
)
def test_a_function_that_is_not_there_is_refused_as_on_aws(
    functions: Any, members: dict[str, Any], expected: tuple[int, str, str]
) -> None:
    assert refusal(functions.get_function, **members) == expected


def test_ranges_and_choices_are_held_as_on_aws(functions: Any) -> None:
    assert refusal(functions.list_functions, MaxItems=0, FunctionVersion="invalid") == (
        400,
        "ValidationException",
        "2 validation errors detected: Value 'invalid' at 'functionVersion' failed to satisfy "
        "constraint: Member must satisfy enum value set: [ALL]; Value '0' at 'maxItems' failed to "
        "satisfy constraint: Member must have value greater than or equal to 1",
    )


def test_functions_are_not_made_over_the_wire(functions: Any) -> None:
    status, code, message = refusal(functions.delete_function, FunctionName="echo")
    assert (status, code) == (404, "UnknownOperationException")
    assert message.startswith("pelton does not support DeleteFunction")
    assert functions.get_function(FunctionName="echo")["Configuration"]["State"] == "Active"
