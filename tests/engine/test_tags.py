"""TagResource, UntagResource, ListTagsOfResource and the tags of a new table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.region import Answer, Region, definitions, key_schema

ARN = "arn:aws:dynamodb:us-east-1:000000000000:table/things"
ABSENT_ARN = "arn:aws:dynamodb:us-east-1:000000000000:table/absent"
INVALID = "One or more parameter values were invalid: "


def wire(**tags: str) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def numbered(start: int, end: int) -> list[dict[str, str]]:
    return wire(**{f"k{number}": "v" for number in range(start, end)})


def tags_of(region: Region) -> Any:
    return region.call("ListTagsOfResource", ResourceArn=ARN)["Tags"]


def tag(region: Region, tags: list[dict[str, str]]) -> Answer:
    return region.call("TagResource", ResourceArn=ARN, Tags=tags)


def create_request(**more: Any) -> Answer:
    return {
        "TableName": "things",
        "KeySchema": key_schema("id"),
        "AttributeDefinitions": definitions(["id"], {}),
        "BillingMode": "PAY_PER_REQUEST",
        **more,
    }


def test_tags_are_given_replaced_and_taken(region: Region) -> None:
    region.create()
    assert tags_of(region) == []
    assert tag(region, wire(env="test", team="a")) == {}
    tag(region, wire(env="production", cost="1"))
    assert tags_of(region) == wire(env="production", team="a", cost="1")
    keys = ["team", "never-there"]
    assert region.call("UntagResource", ResourceArn=ARN, TagKeys=keys) == {}
    assert tags_of(region) == wire(env="production", cost="1")


def test_a_table_may_be_made_with_tags(tmp_path: Path) -> None:
    first = Region(tmp_path / "region.db")
    created = first.call("CreateTable", **create_request(Tags=wire(env="test")))
    assert "Tags" not in created["TableDescription"]
    first.close()
    second = Region(tmp_path / "region.db")
    assert tags_of(second) == wire(env="test")
    second.call("DeleteTable", TableName="things")
    second.call("CreateTable", **create_request())
    assert tags_of(second) == []
    second.close()


REFUSED_TAGS = [
    (
        wire(env="a") + wire(env="b"),
        f"{INVALID}Duplicate tag key: env",
    ),
    (
        wire(**{"aws:env": "a"}),
        f"{INVALID}Tag keys starting with aws: are reserved for system use: aws:env",
    ),
    (
        wire(env="a*b"),
        f"{INVALID}Tag keys and values may consist of letters, numbers, spaces and "
        "+ - = . _ : / @: a*b",
    ),
    (numbered(0, 51), f"{INVALID}Too many tags: a resource has at most 50, not 51"),
]


@pytest.mark.parametrize(("tags", "message"), REFUSED_TAGS)
def test_tags_that_cannot_be_are_refused(
    region: Region, tags: list[dict[str, str]], message: str
) -> None:
    expected = ("ValidationException", message)
    assert region.refusal("CreateTable", **create_request(Tags=tags)) == expected
    region.create()
    assert region.refusal("TagResource", ResourceArn=ARN, Tags=tags) == expected
    assert tags_of(region) == []


def test_the_limit_counts_what_is_there(region: Region) -> None:
    region.create()
    tag(region, numbered(0, 50))
    tag(region, numbered(40, 50))
    code, message = region.refusal("TagResource", ResourceArn=ARN, Tags=numbered(50, 52))
    assert code == "ValidationException"
    assert message == f"{INVALID}Too many tags: a resource has at most 50, not 52"
    assert tags_of(region) == numbered(0, 50)


def test_letters_of_all_scripts_may_be_in_tags(region: Region) -> None:
    region.create()
    tags = wire(**{"ключ 1": "Wert ü", "+-=._:/@": ""})
    tag(region, tags)
    assert tags_of(region) == tags


@pytest.mark.parametrize(
    ("operation", "more", "code", "message"),
    [
        (
            "TagResource",
            {"Tags": wire(env="a")},
            "ResourceNotFoundException",
            f"Requested resource not found: ResourcArn: {ABSENT_ARN} not found",
        ),
        (
            "UntagResource",
            {"TagKeys": ["env"]},
            "ResourceNotFoundException",
            "Requested resource not found",
        ),
        (
            "ListTagsOfResource",
            {},
            "AccessDeniedException",
            "User: arn:aws:iam::000000000000:root is not authorized to perform: "
            f"dynamodb:ListTagsOfResource on resource: {ABSENT_ARN}",
        ),
    ],
)
def test_a_table_that_is_not_there(
    region: Region, operation: str, more: Answer, code: str, message: str
) -> None:
    assert region.refusal(operation, ResourceArn=ABSENT_ARN, **more) == (code, message)


@pytest.mark.parametrize("arn", ["not-an-arn", f"{ARN}/index/by-v", "arn:aws:s3:::bucket"])
@pytest.mark.parametrize(
    ("operation", "more"),
    [
        ("TagResource", {"Tags": []}),
        ("UntagResource", {"TagKeys": []}),
        ("ListTagsOfResource", {}),
    ],
)
def test_only_the_arn_of_a_table_is_taken(
    region: Region, operation: str, more: Answer, arn: str
) -> None:
    assert region.refusal(operation, ResourceArn=arn, **more) == (
        "ValidationException",
        f"Invalid TableArn: Invalid ResourceArn provided as input {arn}",
    )


@pytest.mark.parametrize(
    ("operation", "more", "message"),
    [
        ("TagResource", {"Tags": []}, "Atleast one Tag needs to be provided as Input."),
        ("UntagResource", {"TagKeys": []}, "Atleast one Tag Key needs to be provided as Input."),
    ],
)
def test_a_request_without_tags_is_refused(
    region: Region, operation: str, more: Answer, message: str
) -> None:
    region.create()
    refused = region.refusal(operation, ResourceArn=ARN, **more)
    assert refused == ("ValidationException", message)
