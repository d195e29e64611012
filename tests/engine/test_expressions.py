"""Conditions, projections and key conditions: what they mean."""

from __future__ import annotations

from typing import Any

import pytest

from pelton.engine.errors import ValidationException
from pelton.engine.expressions import (
    Placeholders,
    bind_condition,
    bind_filter,
    bind_key_condition,
    bind_projection,
    condition_from_tree,
    tree,
)
from pelton.engine.values import AttributeValue, Item

ITEM: Item = {
    "pk": {"S": "user#1"},
    "n": {"N": "5"},
    "big": {"N": "12345678901234567890123456789012345678"},
    "s": {"S": "hello"},
    "clef": {"S": "é𝄞"},
    "bin": {"B": "aGVsbG8="},
    "yes": {"BOOL": True},
    "nil": {"NULL": True},
    "ss": {"SS": ["b", "a"]},
    "ns": {"NS": ["1", "2.5"]},
    "bs": {"BS": ["AQ==", "Ag=="]},
    "lst": {"L": [{"N": "1"}, {"S": "x"}, {"M": {"y": {"N": "7"}}}, {"SS": ["b", "a"]}]},
    "m": {"M": {"nested": {"M": {"deep": {"S": "x"}}}, "a.b": {"N": "1"}}},
}
VALUES: dict[str, AttributeValue] = {
    ":four": {"N": "4"},
    ":five": {"N": "5.0"},
    ":six": {"N": "6"},
    ":one": {"N": "1"},
    ":two": {"N": "2"},
    ":three": {"N": "3"},
    ":big": {"N": "12345678901234567890123456789012345677"},
    ":hello": {"S": "hello"},
    ":he": {"S": "he"},
    ":ll": {"S": "ll"},
    ":x": {"S": "x"},
    ":a": {"S": "a"},
    ":zz": {"S": "zz"},
    ":bin": {"B": "aGVsbG8="},
    ":bhe": {"B": "aGU="},
    ":bll": {"B": "bGw="},
    ":b1": {"B": "AQ=="},
    ":yes": {"BOOL": True},
    ":nil": {"NULL": True},
    ":ss": {"SS": ["a", "b"]},
    ":ns": {"NS": ["2.50", "1"]},
    ":bs": {"BS": ["Ag==", "AQ=="]},
    ":lst": {"L": [{"N": "1"}]},
    ":ym": {"M": {"y": {"N": "7"}}},
    ":tS": {"S": "S"},
    ":tM": {"S": "M"},
    ":tNULL": {"S": "NULL"},
}
NAMES = {"#n": "n", "#m": "m", "#dotted": "a.b"}


def holds(text: str, item: Item | None = ITEM) -> bool:
    names = {name: NAMES[name] for name in NAMES if name in text}
    values = {name: VALUES[name] for name in VALUES if name in text}
    placeholders = Placeholders(names or None, values or None)
    return bind_condition(text, placeholders).matches(item)


@pytest.mark.parametrize(
    "text",
    [
        "n = :five",
        "#n = :five",
        "n <> :four",
        "n > :four",
        "n >= :five",
        "n < :six",
        "n <= :five",
        ":four < n",
        "big > :big",
        "n between :four and :six",
        "n between :five and :five",
        ":five between n and :six",
        "n in (:four, :hello, :five)",
        "s in (:zz, s2, :hello)",
        "s = :hello",
        "bin = :bin",
        "bin > :bhe",
        "yes = :yes",
        "nil = :nil",
        "ss = :ss",
        "ns = :ns",
        "bs = :bs",
        "lst[3] = :ss",
        "lst[2] = :ym",
        "lst[0] = :one",
        "lst[2].y > n",
        "m.nested.deep = lst[1]",
        "#m.#dotted = :one",
        "absent <> :one",
        "absent <> another",
        "s <> :one",
        "attribute_exists(s)",
        "attribute_exists(m.nested.deep)",
        "attribute_exists(lst[2].y)",
        "attribute_not_exists(absent)",
        "attribute_not_exists(m.absent.deep)",
        "attribute_not_exists(lst[4])",
        "attribute_not_exists(s.deep)",
        "attribute_not_exists(m[0])",
        "attribute_not_exists(lst.y)",
        "attribute_type(s, :tS)",
        "attribute_type(m, :tM)",
        "attribute_type(nil, :tNULL)",
        "attribute_type(:hello, :tS)",
        "begins_with(s, :he)",
        "begins_with(bin, :bhe)",
        "begins_with(:hello, :he)",
        "contains(s, :ll)",
        "contains(bin, :bll)",
        "contains(ss, :a)",
        "contains(ns, :one)",
        "contains(bs, :b1)",
        "contains(lst, :one)",
        "contains(lst, :ym)",
        "contains(lst, :ss)",
        "size(s) = :five",
        "size(bin) = n",
        "size(ss) = :two",
        "size(lst) = :four",
        "size(m) > :one",
        "size(:hello) = n",
        "size(clef) = :three",
        "size(lst[2]) = :one",
        "NOT n = :four",
        "NOT NOT NOT n = :four",
        "n = :four OR s = :hello AND yes = :yes",
        "(n = :four OR s = :hello) AND yes = :yes",
        "NOT n = :four AND s = :hello",
        "s = :hello or n = :four and n = :six",
        "n bEtWeEn :four aNd :six And Not absent = :one",
        "n BETWEEN :four AND :six AND s = :hello",
    ],
)
def test_a_condition_holds(text: str) -> None:
    assert holds(text)


@pytest.mark.parametrize(
    "text",
    [
        "n = :four",
        "n = :hello",
        "n > :five",
        "n < :hello",
        "s < n",
        "yes < n",
        "lst > n",
        "big = :big",
        "n between :six and big",
        "n between s and big",
        "n between absent and :six",
        "n in (:four, :hello)",
        "absent in (absent2, :one)",
        "absent = another",
        "absent = :nil",
        "absent < :one",
        "absent >= another",
        "NOT absent <> :one",
        "attribute_exists(absent)",
        "attribute_exists(m.nested.absent)",
        "attribute_exists(lst[100])",
        "attribute_not_exists(s)",
        "attribute_type(n, :tS)",
        "attribute_type(absent, :tS)",
        "begins_with(s, :ll)",
        "begins_with(n, :he)",
        "begins_with(s, :bhe)",
        "begins_with(absent, :he)",
        "contains(s, :zz)",
        "contains(s, :one)",
        "contains(ss, :one)",
        "contains(ns, :a)",
        "contains(n, :one)",
        "contains(lst, :two)",
        "contains(absent, :a)",
        "size(n) = :one",
        "size(yes) = :one",
        "size(absent) >= :one",
        "size(s) = :hello",
        "n = :five AND NOT s = :hello",
        "n = :four OR n = :six",
    ],
)
def test_a_condition_does_not_hold(text: str) -> None:
    assert not holds(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("attribute_not_exists(pk)", True),
        ("attribute_exists(pk)", False),
        ("pk <> :a", True),
        ("pk = :a", False),
    ],
)
def test_an_item_that_does_not_exist_has_no_attributes(text: str, expected: bool) -> None:
    assert holds(text, None) is expected


def test_a_condition_knows_the_attributes_it_speaks_of() -> None:
    condition = bind_filter(
        "#n = :one AND (NOT m.nested.deep = :one OR size(lst[0]) > :one) AND ss IN (:one, bs)",
        Placeholders({"#n": "n"}, {":one": {"N": "1"}}),
    )
    assert condition.attributes == {"n", "m", "lst", "ss", "bs"}


def test_one_text_serves_other_names_and_other_values() -> None:
    text = "#name = :value"
    first = bind_condition(text, Placeholders({"#name": "n"}, {":value": {"N": "5"}}))
    second = bind_condition(text, Placeholders({"#name": "s"}, {":value": {"S": "hello"}}))
    third = bind_condition(text, Placeholders({"#name": "s"}, {":value": {"S": "bye"}}))
    assert [first.matches(ITEM), second.matches(ITEM), third.matches(ITEM)] == [True, True, False]


def test_conditions_can_be_made_of_trees() -> None:
    """The legacy parameters have any names, placeholders' look included, and literal values."""
    condition = condition_from_tree(
        tree.And(
            (
                tree.Comparison("=", tree.Path(("#n",)), tree.Literal({"N": "5"})),
                tree.Not(tree.Call("attribute_exists", (tree.Path(("absent",)),))),
                tree.Between(
                    tree.Path(("b.c",)), tree.Literal({"S": "a"}), tree.Literal({"S": "z"})
                ),
            )
        )
    )
    assert condition.matches({"#n": {"N": "5"}, "b.c": {"S": "m"}})
    assert not condition.matches({"n": {"N": "5"}, "b.c": {"S": "m"}})
    assert condition.attributes == {"#n", "absent", "b.c"}


# --- projections ---------------------------------------------------------------------------------

DOCUMENT: Item = {
    "a": {
        "M": {
            "b": {"L": [{"N": "2"}, {"N": "4"}, {"M": {"x": {"S": "hi"}, "y": {"S": "yo"}}}]},
            "c": {"N": "5"},
        }
    },
    "b": {"S": "hello"},
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("b", {"b": DOCUMENT["b"]}),
        (" b  ,   a ", DOCUMENT),
        ("#n.b[0]", {"a": {"M": {"b": {"L": [{"N": "2"}]}}}}),
        ("a.b[2]", {"a": {"M": {"b": {"L": [{"M": {"x": {"S": "hi"}, "y": {"S": "yo"}}}]}}}}),
        ("a.b[2].y", {"a": {"M": {"b": {"L": [{"M": {"y": {"S": "yo"}}}]}}}}),
        ("a.b[1], a.b[0]", {"a": {"M": {"b": {"L": [{"N": "2"}, {"N": "4"}]}}}}),
        ("a.b[0], a.c", {"a": {"M": {"b": {"L": [{"N": "2"}]}, "c": {"N": "5"}}}}),
        ("a.c, b", {"a": {"M": {"c": {"N": "5"}}}, "b": {"S": "hello"}}),
        ("a.x, a.b[0], x, a.b[3].x", {"a": {"M": {"b": {"L": [{"N": "2"}]}}}}),
        ("x", {}),
        ("a.b[3]", {}),
        ("a.x", {}),
        ("a.x.y", {}),
        ("a.b.x", {}),
        ("a[0]", {}),
        ("a.b[0].x", {}),
        ("a.b[0][0]", {}),
        ("b.x", {}),
    ],
)
def test_a_projection_shows_what_its_paths_lead_to(text: str, expected: Item) -> None:
    placeholders = Placeholders({"#n": "a"} if "#n" in text else None, None)
    assert bind_projection(text, placeholders).project(DOCUMENT) == expected


def test_a_projection_knows_the_attributes_it_shows() -> None:
    projection = bind_projection("#b, a.b[0], a.c", Placeholders({"#b": "x.y"}, None))
    assert projection.top_level == ("x.y", "a")
    assert projection.paths == (("x.y",), ("a", "b", 0), ("a", "c"))


# --- key conditions ------------------------------------------------------------------------------

KEY_VALUES: dict[str, AttributeValue] = {
    ":p": {"S": "p"},
    ":x": {"N": "1.0"},
    ":y": {"N": "2"},
    ":s": {"S": "s"},
}


def key_condition(text: str) -> Any:
    values = {name: value for name, value in KEY_VALUES.items() if name in text}
    names = {"#k": "k"} if "#k" in text else None
    return bind_key_condition(text, Placeholders(names, values or None))


@pytest.mark.parametrize(
    ("text", "sort"),
    [
        ("id = :p", None),
        (":p = id", None),
        ("(id = :p)", None),
        ("id = :p AND k = :x", ("=", [{"N": "1"}])),
        ("(id = :p) AND (#k < :x)", ("<", [{"N": "1"}])),
        ("k >= :x AND id = :p", (">=", [{"N": "1"}])),
        ("id = :p AND :x <= k", (">=", [{"N": "1"}])),
        ("id = :p AND :x > k", ("<", [{"N": "1"}])),
        ("id = :p AND k BETWEEN :x AND :y", ("BETWEEN", [{"N": "1"}, {"N": "2"}])),
        ("id = :p AND begins_with(k, :s)", ("begins_with", [{"S": "s"}])),
    ],
)
def test_a_key_condition_is_a_value_and_maybe_a_range(
    text: str, sort: tuple[str, list[AttributeValue]] | None
) -> None:
    condition = key_condition(text)
    assert condition.for_schema(("id",), ("k",)) == ([{"S": "p"}], [sort] if sort else [])
    assert condition.conditions["id"] == ("=", [{"S": "p"}])
    assert condition.conditions.get("k") == sort


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a > b and size(b) > c or a > c", "Invalid operator used in KeyConditionExpression: OR"),
        ("a in (b, size(c), d)", "Invalid operator used in KeyConditionExpression: IN"),
        (
            "attribute_exists(a)",
            "Invalid operator used in KeyConditionExpression: attribute_exists",
        ),
        ("contains(a.d, b)", "Invalid operator used in KeyConditionExpression: contains"),
        ("not a > b", "Invalid operator used in KeyConditionExpression: NOT"),
        ("a <> b", "Invalid operator used in KeyConditionExpression: <>"),
        (
            ":p between size(b) and size(a) and b > :x",
            "Invalid condition in KeyConditionExpression: "
            "BETWEEN operator must have the key attribute as its first operand",
        ),
        (
            "begins_with(:p, b) and a > :x",
            "Invalid condition in KeyConditionExpression: "
            "begins_with operator must have the key attribute as its first operand",
        ),
        (
            "size(b) > a AND a.b > b AND b > c",
            "KeyConditionExpressions cannot contain nested operations",
        ),
        (
            "a between size(b) and size(a)",
            "KeyConditionExpressions cannot contain nested operations",
        ),
        (
            "b between c[1] and d",
            "Invalid condition in KeyConditionExpression: "
            "Multiple attribute names used in one condition",
        ),
        (
            "begins_with(a, b)",
            "Invalid condition in KeyConditionExpression: "
            "Multiple attribute names used in one condition",
        ),
        (
            "a.d > c",
            "KeyConditionExpressions cannot have conditions on nested attributes",
        ),
        (
            ":x > :y AND a < :x",
            "Invalid condition in KeyConditionExpression: No key attribute specified",
        ),
        (
            "(a > :x and b > :x) and (b > :x and c > :x)",
            "KeyConditionExpressions must only contain one condition per key",
        ),
        (
            " and ".join(f"{name} > :x" for name in "abcdefghi"),
            "Conditions can be of length 1 or 2 only",
        ),
    ],
)
def test_a_key_condition_has_a_shape(text: str, message: str) -> None:
    with pytest.raises(ValidationException) as refused:
        key_condition(text)
    assert refused.value.message == message


@pytest.mark.parametrize(
    ("text", "sort_key", "message"),
    [
        ("a > :x and b > :x and c > :x", "k", "Conditions can be of length 1 or 2 only"),
        ("stray = :p", "k", "Query condition missed key schema element: id"),
        ("k = :x", "k", "Query condition missed key schema element: id"),
        ("id = :p AND z = :x", "k", "Query condition missed key schema element: k"),
        ("id > :p", "k", "Query key condition not supported"),
        ("id = :p AND k = :x", None, "Query key condition not supported"),
        ("y = :p AND z = :x", None, "Query key condition not supported"),
    ],
)
def test_a_key_condition_must_fit_the_keys(text: str, sort_key: str | None, message: str) -> None:
    with pytest.raises(ValidationException) as refused:
        key_condition(text).for_schema(("id",), (sort_key,) if sort_key else ())
    assert refused.value.message == message
