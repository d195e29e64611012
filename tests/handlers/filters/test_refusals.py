"""Patterns that are none: AWS's words, then what is wrong and where."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pelton.handlers.filters import FilterPatternError, compile_filters

NESTED = '{"a":' * 300 + "[1]" + "}" * 300


@pytest.mark.parametrize(
    ("pattern", "what"),
    [
        ("", "it is not JSON: "),
        ("eventName = INSERT", "it is not JSON: "),
        ('{"a": [NaN]}', "it is not JSON: NaN is no JSON value"),
        ('{"a": ["x"]} more', "it is not JSON: "),
        ("[]", "it is not an object"),
        ('"INSERT"', "it is not an object"),
        ("{}", "an object is not empty"),
        ('{"a": {}}', 'at "a": an object is not empty'),
        ('{"a": []}', 'at "a": an array is not empty'),
        ('{"a": "INSERT"}', 'at "a": values stand in an array, or names in an object'),
        ('{"a": {"b": null}}', 'at "a.b": values stand in an array, or names in an object'),
        ('{"a": [["x"]]}', 'at "a": a value is a string, a number, true, false, null or an op'),
        ('{"a": [{}]}', 'at "a": an operator has one member, not none'),
        ('{"a": [{"prefix": "a", "suffix": "b"}]}', 'at "a": an operator has one member, not pre'),
        ('{"a": [{"begins": "a"}]}', 'at "a": there is no operator "begins"'),
        ('{"a": [{"prefix": 1}]}', 'at "a": "prefix" is a string, not 1'),
        ('{"a": [{"prefix": {"suffix": "a"}}]}', '"prefix" is a string or has "equals-ignore-c'),
        ('{"a": [{"suffix": {"equals-ignore-case": null}}]}', '"equals-ignore-case" is a string'),
        ('{"a": [{"suffix": null}]}', 'at "a": "suffix" is a string, not null'),
        ('{"a": [{"equals-ignore-case": ["a"]}]}', "\"equals-ignore-case\" is a string, not ['a']"),
        ('{"a": [{"exactly": 1}]}', '"exactly" is a string, not 1'),
        ('{"a": [{"exists": "true"}]}', 'at "a": "exists" is true or false, not "true"'),
        ('{"a": [{"numeric": 5}]}', '"numeric" is a list such as [">", 0]'),
        ('{"a": [{"numeric": ["=", 5, "<", 6, "<"]}]}', '"numeric" is a list such as'),
        ('{"a": [{"numeric": ["!", 5]}]}', '"numeric" compares with =, <, <=, > or >=, not "!"'),
        ('{"a": [{"numeric": [[], 5]}]}', '"numeric" compares with =, <, <=, > or >=, not []'),
        ('{"a": [{"numeric": [">", "5"]}]}', '"numeric" compares with a number, not "5"'),
        ('{"a": [{"numeric": [">", true]}]}', '"numeric" compares with a number, not true'),
        ('{"a": [{"numeric": [">", 5e9, "<", 5.1e9]}]}', "a number is between -5e9 and 5e9"),
        ('{"a": [{"numeric": ["<", 5, ">", 1]}]}', "a range of"),
        ('{"a": [{"numeric": [">", 5, "<", 5]}]}', "a range of"),
        ('{"a": [{"anything-but": []}]}', '"anything-but" is a string, a number, or a list of'),
        ('{"a": [{"anything-but": ["a", 1]}]}', '"anything-but" is a string, a number, or a list'),
        ('{"a": [{"anything-but": null}]}', '"anything-but" is a string, a number, or a list'),
        ('{"a": [{"anything-but": [-6e9]}]}', "a number is between -5e9 and 5e9"),
        ('{"a": [{"anything-but": {"cidr": "::/1"}}]}', '"anything-but" has no "cidr"'),
        ('{"a": [{"anything-but": {"prefix": ""}}]}', '"prefix" in "anything-but" is not empty'),
        ('{"a": [{"anything-but": {"prefix": []}}]}', '"prefix" in "anything-but" has an empty li'),
        ('{"a": [{"anything-but": {"suffix": 1}}]}', '"suffix" is a string, not 1'),
        ('{"a": [{"anything-but": {"wildcard": "**"}}]}', '"wildcard" has two * in a row'),
        ('{"a": [{"wildcard": "a**b"}]}', '"wildcard" has two * in a row: "a**b"'),
        ('{"a": [{"wildcard": "a\\\\b"}]}', 'a backslash in "wildcard" stands before * or \\'),
        ('{"a": [{"wildcard": "a\\\\"}]}', 'a backslash in "wildcard" stands before * or \\'),
        ('{"a": [{"cidr": "10.0.0.0"}]}', '"cidr" is an address, a slash and a number of bits'),
        ('{"a": [{"cidr": "10.0.0.0/x"}]}', '"cidr" is an address, a slash and a number of bits'),
        ('{"a": [{"cidr": "10.0.0.256/8"}]}', '"cidr" is an address, a slash and a number of bi'),
        ('{"a": [{"cidr": "example.org/8"}]}', '"cidr" is an address, a slash and a number of b'),
        ('{"a": [{"cidr": "10.0.0.0/32"}]}', '"cidr" fixes fewer than 32 bits of an IPv4 addre'),
        ('{"a": [{"cidr": "::/128"}]}', '"cidr" fixes fewer than 128 bits of an IPv6 address'),
        ('{"a": {"$or": {"b": [1]}}}', 'at "a": "$or" is an array of two objects or more'),
        ('{"$or": [{"b": [1]}]}', '"$or" is an array of two objects or more'),
        ('{"$or": [{"b": [1]}, "c"]}', 'in "$or" there are only objects'),
        (
            '{"$or": [{"b": [1]}, {"prefix": ["a"]}]}',
            '"prefix" is no name of a record inside "$or"',
        ),
        (NESTED, "it is nested too deeply"),
        ('{"a":' * 680, "it is n"),
        ("[" * 4000, "it is nested too deeply"),
        ('{"a": ["' + "x" * 4100 + '"]}', "it has 4,111 characters, more than 4,096"),
    ],
)
def test_a_bad_pattern_is_refused_in_the_words_of_aws_and_told_what_is_wrong(
    pattern: str, what: str
) -> None:
    with pytest.raises(FilterPatternError) as caught:
        compile_filters(['{"a": ["x"]}', pattern])
    assert caught.value.message == "Invalid filter pattern definition."
    assert str(caught.value).startswith("Invalid filter pattern definition. Pattern 2: ")
    assert what in str(caught.value)


def test_or_comes_to_a_thousand_combinations_at_most() -> None:
    def pattern(levels: int) -> str:
        found: dict[str, Any] = {"z": [1]}
        for level in range(levels):
            found = {"x": found, "$or": [{f"a{level}": [1]}, {f"b{level}": [1]}]}
        return json.dumps(found)

    compile_filters([pattern(9)])
    with pytest.raises(FilterPatternError, match="comes to more than 1000 combinations"):
        compile_filters([pattern(10)])
