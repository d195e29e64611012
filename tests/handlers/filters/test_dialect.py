"""The dialect: EventBridge's documented examples, and what of each value they accept."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pelton.handlers.filters import compile_filters
from pelton.handlers.filters.pattern import rules_of
from pelton.handlers.filters.rules import CompiledRule

ABSENT: Any = object()


def accepts(pattern: Any, event: dict[str, Any]) -> bool:
    """Whether a pattern matches any JSON object at all, not only a record."""
    text = pattern if isinstance(pattern, str) else json.dumps(pattern)
    return any(CompiledRule(rule).matches(event) for rule in rules_of(text))


CASES = [
    # the value itself
    ("an exact string", ["running"], ["running"], ["Running", "runnin", "", None, 1, True]),
    ("an empty string", [""], [""], ["a", None, ABSENT]),
    ("null", [None], [None], ["null", "", 0, False, ABSENT]),
    ("true", [True], [True], [False, "true", 1]),
    ("false", [False], [False], [True, "false", 0, None]),
    ("a number, however it is written", [3.018e2], [301.8, 3.018e2], [301, "301.8", True]),
    ("one is not true", [1], [1, 1.0], [True, "1"]),
    ("several values: any of them", ["a", 5, None], ["a", 5, None], ["b", 6, False, ABSENT]),
    ("exactly", [{"exactly": "a"}], ["a"], ["A", "ab"]),
    # operators
    ("prefix", [{"prefix": "us-"}], ["us-", "us-east-1"], ["eu-us-", "US-east-1", 5, None]),
    ("an empty prefix: any string", [{"prefix": ""}], ["", "a"], [1, None, ABSENT]),
    (
        "prefix, in any case",
        [{"prefix": {"equals-ignore-case": "eventb"}}],
        ["EventBridge", "eventb"],
        ["event", "xeventb", 1],
    ),
    ("suffix", [{"suffix": ".png"}], ["a.png", ".png"], ["a.PNG", "png", 1, None]),
    (
        "suffix, in any case",
        [{"suffix": {"equals-ignore-case": ".png"}}],
        ["a.PNG", ".pNg", "a\nb.png"],
        ["png", "a.png "],
    ),
    (
        "equals, in any case",
        [{"equals-ignore-case": "Straße"}],
        ["STRASSE", "straße", "STRAßE"],
        ["strasse", "Straß", 1],
    ),
    ("anything but a string", [{"anything-but": "a"}], ["b", "", 1, None, True], ["a", ABSENT]),
    ("anything but a number", [{"anything-but": 5}], ["5", 4, None, True], [5, 5.0, ABSENT]),
    ("anything but strings", [{"anything-but": ["a", "b"]}], ["c", 1], ["a", "b", ABSENT]),
    ("anything but numbers", [{"anything-but": [1, 2]}], [3, "1", True], [1, 2.0, ABSENT]),
    ("anything but a prefix", [{"anything-but": {"prefix": "i"}}], ["a", 5], ["init", ABSENT]),
    (
        "anything but prefixes",
        [{"anything-but": {"prefix": ["init", "err"]}}],
        ["run"],
        ["init", "error"],
    ),
    ("anything but a suffix", [{"anything-but": {"suffix": ".png"}}], ["a.jpg", 1], ["a.png"]),
    (
        "anything but, in any case",
        [{"anything-but": {"equals-ignore-case": ["Init", "stop"]}}],
        ["initial", None],
        ["INIT", "sTop", ABSENT],
    ),
    (
        "anything but a wildcard",
        [{"anything-but": {"wildcard": "*/lib/*"}}],
        ["/bin/a", "/lib", 1],
        ["/lib/", "/usr/lib/x"],
    ),
    ("equal numbers", [{"numeric": ["=", 5]}], [5, 5.0], ["5", 4, True, None]),
    ("greater", [{"numeric": [">", 0]}], [1, 0.5], [0, -1, "1", True, ABSENT]),
    ("greater or equal", [{"numeric": [">=", 0]}], [0, 1], [-0.5, False]),
    ("less", [{"numeric": ["<", 10]}], [9.9, -5e9], [10, "9"]),
    ("less or equal", [{"numeric": ["<=", 10]}], [10], [10.1]),
    ("a range", [{"numeric": [">", 0, "<=", 5]}], [1, 5], [0, 5.1, "3"]),
    ("exists", [{"exists": True}], ["", 0, None, False], [ABSENT, {"b": 1}, {}, []]),
    ("exists not", [{"exists": False}], [ABSENT, {"b": 1}, {}, []], ["", 0, None, False]),
    ("absent or a value", [{"exists": False}, "a"], [ABSENT, "a"], ["b", None]),
    (
        "cidr of IPv4",
        [{"cidr": "10.0.0.5/24"}],
        ["10.0.0.0", "10.0.0.255"],
        ["10.0.1.0", "10.0.0", "::", 10, None, "example.org"],
    ),
    ("cidr of IPv6", [{"cidr": "2001:db8::/32"}], ["2001:db8::1"], ["2001:db9::", "10.0.0.1"]),
    (
        "an address, however it is written",
        ["2001:db8::1"],
        ["2001:db8::1", "2001:0DB8:0::1"],
        ["2001:db8::2", 1],
    ),
    (
        "wildcard",
        [{"wildcard": "Simple*Service"}],
        ["SimpleService", "Simple Queue Service"],
        ["Simple", "SimpleServices", "simpleService", 1],
    ),
    (
        "wildcards",
        [{"wildcard": "*/bin/*.jar"}],
        ["/bin/.jar", "/usr/bin/a.jar", "/bin/bin/x\n.jar"],
        ["/bin.jar", "bin/a.jar"],
    ),
    ("pieces do not overlap", [{"wildcard": "ab*ba"}], ["abba", "ab-ba"], ["aba"]),
    ("escapes", [{"wildcard": "a\\**\\\\"}], ["a*\\", "a* b\\"], ["a*", "ab\\"]),
    ("one wildcard: any string", [{"wildcard": "*"}], ["", "a"], [1, None]),
    # arrays in the event
    ("any element", ["a", 3], [["b", "a"], [3], [["a"]]], [["b"], [], [{"b": "a"}]]),
    ("any element but", [{"anything-but": "a"}], [["a", "b"]], [["a", "a"], []]),
    ("no element exists", [{"exists": False}], [[]], [["a"], [None]]),
]


@pytest.mark.parametrize(
    ("wanted", "matching", "others"), [pytest.param(*rest, id=name) for name, *rest in CASES]
)
def test_a_value(wanted: list[Any], matching: list[Any], others: list[Any]) -> None:
    pattern = {"detail": {"a": wanted}}
    events = {
        True: [{} if value is ABSENT else {"a": value} for value in matching],
        False: [{} if value is ABSENT else {"a": value} for value in others],
    }
    for expected, details in events.items():
        for detail in details:
            assert accepts(pattern, {"detail": detail, "x": 1}) is expected, detail


EVENT = {
    "source": "aws.ec2",
    "time": "2017-10-02T16:24:49Z",
    "resources": ["arn:1", "arn:2"],
    "metric": {"name": "CPU", "id": 1},
    "detail": {
        "c-count": 5,
        "x-limit": 301.8,
        "source-ip": "10.0.0.33",
        "state": "running",
        "employees": [
            {"firstName": "Ann", "lastName": "Lee", "ids": {"web": 1}},
            {"firstName": "Bob", "lastName": "Ray", "ids": {"net": 2}},
        ],
    },
}


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ({"resources": ["arn:2", "arn:3"]}, True),
        ({"source": ["aws.ec2"], "time": [{"prefix": "2017-10-02"}]}, True),
        ({"source": ["aws.ec2"], "time": [{"prefix": "2018"}]}, False),
        (
            {
                "time": [{"prefix": "2017-10-02"}],
                "detail": {
                    "state": [{"anything-but": "initializing"}],
                    "c-count": [{"numeric": [">", 0, "<=", 5]}],
                    "x-limit": [{"anything-but": [100, 200, 300]}],
                    "source-ip": [{"cidr": "10.0.0.0/8"}],
                },
            },
            True,
        ),
        # a path that leads to a value, and on from it
        ({"source": {"x": [{"exists": True}]}}, False),
        ({"source": {"x": [{"exists": False}]}}, True),
        ({"none": {"x": [{"exists": False}]}}, True),
        ({"detail": {"state.x": ["running"]}}, False),
        ({"detail.state": ["running"]}, True),
        # "$or"
        ({"source": ["aws.ec2"], "$or": [{"time": ["x"]}, {"resources": ["arn:1"]}]}, True),
        ({"source": ["other"], "$or": [{"time": ["x"]}, {"resources": ["arn:1"]}]}, False),
        ({"$or": [{"time": ["x"]}, {"resources": ["arn:3"]}]}, False),
        ({"metric": {"$or": [{"name": ["x"]}, {"id": [1], "name": ["CPU"]}]}}, True),
        ({"$or": [{"time": ["x"]}, {"$or": [{"source": ["x"]}, {"metric": {"id": [1]}}]}]}, True),
        # what is named inside "$or" counts, not what was named before it
        ({"source": ["other"], "$or": [{"source": ["aws.ec2"]}, {"time": ["x"]}]}, True),
        # elements of an array belong together
        ({"detail": {"employees": {"firstName": ["Ann"], "lastName": ["Lee"]}}}, True),
        ({"detail": {"employees": {"firstName": ["Ann"], "lastName": ["Ray"]}}}, False),
        ({"detail": {"employees": {"firstName": ["Bob"], "ids": {"net": [2]}}}}, True),
        ({"detail": {"employees": {"firstName": ["Ann"], "ids": {"net": [2]}}}}, False),
        (
            {"detail": {"employees": {"firstName": ["Ann"], "ids": {"net": [{"exists": False}]}}}},
            True,
        ),
        ({"detail": {"employees": {"ids": {"net": [{"exists": False}]}}}}, False),
    ],
)
def test_a_pattern(pattern: dict[str, Any], expected: bool) -> None:
    assert accepts(pattern, EVENT) is expected


def test_of_a_name_that_comes_twice_the_last_counts() -> None:
    pattern = '{"source": ["aws.ec2"], "source": ["aws.s3"]}'
    assert not accepts(pattern, {"source": "aws.ec2"})
    assert accepts(pattern, {"source": "aws.s3"})


def test_objects_of_a_name_that_comes_twice_are_put_together() -> None:
    pattern = '{"detail": {"a": [1], "b": [1]}, "detail": {"b": [2]}}'
    assert accepts(pattern, {"detail": {"a": 1, "b": 2}})
    assert not accepts(pattern, {"detail": {"b": 2}})
    assert not accepts(pattern, {"detail": {"a": 1, "b": 1}})


def test_a_wildcard_takes_a_long_value_at_once() -> None:
    pattern = {"a": [{"wildcard": "*a" * 200 + "*b"}]}
    assert not accepts(pattern, {"a": "a" * 400_000})
    assert accepts(pattern, {"a": "a" * 400_000 + "b"})


def test_without_patterns_every_record_passes() -> None:
    assert compile_filters(()).passes_all
