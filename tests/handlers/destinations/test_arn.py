"""Which destinations are taken, and in what words the others are refused."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest

from pelton.handlers.destinations import check_destination
from pelton.handlers.destinations.arn import PATTERN, parse_destination


@pytest.mark.parametrize(
    ("arn", "parts"),
    [
        ("arn:aws:sqs:us-east-1:123456789012:late", ("sqs", "us-east-1", "123456789012", "late")),
        ("arn:aws-cn:sns:cn-north-1:123456789012:t", ("sns", "cn-north-1", "123456789012", "t")),
        ("arn:aws:s3:::my.late-ones", ("s3", "", "", "my.late-ones")),
    ],
)
def test_queues_topics_and_buckets_are_taken(arn: str, parts: tuple[str, ...]) -> None:
    check_destination(arn)
    assert parse_destination(arn) == parts


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:events:us-east-1:123456789012:event-bus/default",
        "arn:aws:lambda:us-east-1:123456789012:function:late",
        "arn:aws:sqs:us-east-1:123456789012:late.fifo",
        "arn:aws:sns:us-east-1:123456789012:late.fifo",
        "arn:aws:sqs:us-east-1::late",
        "arn:aws:sqs::123456789012:late",
        "arn:aws:sqs:us-east-1:123456789012:",
        "arn:aws:s3:::late/folder",
        "arn:aws:s3:us-east-1:123456789012:late",
        "kafka://late",
    ],
)
def test_other_arns_are_refused_in_lambdas_words(arn: str) -> None:
    with pytest.raises(ValueError) as caught:
        check_destination(arn)
    assert str(caught.value) == f"The destination ARN {arn} is invalid."


@pytest.mark.parametrize(
    ("text", "constraint"),
    [
        (
            "https://sqs.us-east-1.amazonaws.com/123456789012/late",
            f"satisfy regular expression pattern: {PATTERN}",
        ),
        (
            "arn:aws:s3:::" + "b" * 340,
            "have length less than or equal to 350",
        ),
    ],
)
def test_what_is_no_arn_is_refused_as_the_model_says(text: str, constraint: str) -> None:
    with pytest.raises(ValueError) as caught:
        check_destination(text)
    assert str(caught.value) == (
        f"1 validation error detected: Value '{text}' at 'destinationConfig.onFailure.destination' "
        f"failed to satisfy constraint: Member must {constraint}"
    )


def test_without_boto3_a_destination_is_refused_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    find = importlib.util.find_spec

    def find_spec(name: str, package: str | None = None) -> Any:
        return None if name == "boto3" else find(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", find_spec)
    with pytest.raises(ValueError, match=r"pip install 'pelton\[destinations\]'"):
        check_destination("arn:aws:s3:::late")
