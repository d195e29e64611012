"""Expressions that are refused for what their placeholders stand for, or for their paths."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pelton.engine.errors import SerializationException, ValidationException
from pelton.engine.expressions import (
    Placeholders,
    bind_condition,
    bind_filter,
    bind_key_condition,
    bind_projection,
    bind_update,
)

from .refusals import refusal

A_STRING = {":a": {"S": "a"}, ":b": {"S": "b"}, ":c": {"S": "c"}}
A_NAME = {"#a": "a", "#b": "b"}
EVERY_TYPE = {
    ":a": {"S": "a"},
    ":b": {"N": "1"},
    ":c": {"B": "YQ=="},
    ":d": {"BOOL": True},
    ":e": {"NULL": True},
    ":f": {"SS": ["a"]},
    ":g": {"NS": ["1"]},
    ":h": {"BS": ["YQ=="]},
    ":i": {"M": {}},
    ":j": {"L": []},
}

# --- placeholders --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bind", "text", "placeholder"),
    [
        (bind_filter, "attribute_exists(#Pictures.RearView, :a) and a=a", "#Pictures"),
        (bind_filter, "begins_with(Pictures.#RearView)", "#RearView"),
        (bind_filter, "(#P between :lo and :hi) and (#PC in (:cat1, :cat2))", "#P"),
        (bind_filter, "#4g > a", "#4g"),
        (bind_filter, "#_ > a", "#_"),
        (bind_filter, "(a)between(b.c[45].#d)and(:a)", "#d"),
        (bind_update, "SET #c = if_not_exists(:c)", "#c"),
        (bind_projection, "a,b,a,#c", "#c"),
        (bind_key_condition, "#c = :a", "#c"),
    ],
)
def test_a_name_must_be_defined(bind: Any, text: str, placeholder: str) -> None:
    complaint = "An expression attribute name used in the document path is not defined; "
    assert refusal(bind, text) == complaint + f"attribute name: {placeholder}"


@pytest.mark.parametrize(
    ("bind", "text", "placeholder"),
    [
        (bind_filter, "begins_with(:hello, #a, #b)", ":hello"),
        (bind_filter, ":x < :y", ":x"),
        (bind_filter, ":_ > a", ":_"),
        (bind_update, "SET a = :v", ":v"),
        (bind_update, "SET #a = if_not_exists(:c)", ":c"),
    ],
)
def test_a_value_must_be_defined(bind: Any, text: str, placeholder: str) -> None:
    complaint = "An expression attribute value used in expression is not defined; "
    assert refusal(bind, text, A_NAME) == complaint + f"attribute value: {placeholder}"


@pytest.mark.parametrize(
    ("names", "values", "message"),
    [
        ({}, {}, "ExpressionAttributeNames must not be empty"),
        (None, {}, "ExpressionAttributeValues must not be empty"),
        (
            {"a": "a"},
            None,
            'ExpressionAttributeNames contains invalid key: Syntax error; key: "a"',
        ),
        (
            {"#hi-there": "a"},
            None,
            'ExpressionAttributeNames contains invalid key: Syntax error; key: "#hi-there"',
        ),
        (
            None,
            {":b": {"a": ""}, "b": {"S": "a"}},
            'ExpressionAttributeValues contains invalid key: Syntax error; key: "b"',
        ),
        (
            None,
            {":": {"S": "a"}},
            'ExpressionAttributeValues contains invalid key: Syntax error; key: ":"',
        ),
        (
            None,
            {":a": {"S": "a"}, ":b": {"NS": ["1", "b"]}},
            "ExpressionAttributeValues contains invalid value: "
            "The parameter cannot be converted to a numeric value: b for key :b",
        ),
        (
            None,
            {":b": {"SS": []}},
            "ExpressionAttributeValues contains invalid value: One or more parameter values were "
            "invalid: An string set  may not be empty for key :b",
        ),
        (
            {"#a": ""},
            None,
            "ExpressionAttributeNames contains invalid value: Empty attribute name for key #a",
        ),
        (
            {"#a": "é" * 32768},
            None,
            "ExpressionAttributeNames contains invalid value: Attribute name is too large, "
            "must be at most 65535 bytes for key #a",
        ),
    ],
)
def test_bad_placeholders_are_refused(names: Any, values: Any, message: str) -> None:
    with pytest.raises(ValidationException) as refused:
        Placeholders(names, values)
    assert refused.value.message == message


def test_a_value_of_the_wrong_json_type_stays_a_serialization_error() -> None:
    with pytest.raises(SerializationException):
        Placeholders(None, {":a": {"S": 1}})


def test_names_may_have_65535_bytes() -> None:
    long = "x" * 65535
    assert bind_projection("#a", Placeholders({"#a": long}, None)).top_level == (long,)


def test_every_placeholder_must_be_used() -> None:
    placeholders = Placeholders({"#a": "a", "#b": "b", "#c": "c"}, {":a": {"S": "a"}})
    bind_condition("#a = :a", placeholders)
    with pytest.raises(ValidationException) as refused:
        placeholders.check_all_used()
    assert refused.value.message == (
        "Value provided in ExpressionAttributeNames unused in expressions: keys: {#b, #c}"
    )
    bind_projection("#b, #c", placeholders)
    placeholders.check_all_used()


def test_every_value_must_be_used() -> None:
    placeholders = Placeholders(None, A_STRING)
    bind_update("SET a = :a, b = :a", placeholders)
    with pytest.raises(ValidationException) as refused:
        placeholders.check_all_used()
    assert refused.value.message == (
        "Value provided in ExpressionAttributeValues unused in expressions: keys: {:b, :c}"
    )


def test_no_placeholders_are_all_used() -> None:
    placeholders = Placeholders(None, None)
    placeholders.check_all_used()
    bind_condition("attribute_exists(a)", placeholders)
    placeholders.check_all_used()


# --- complaints about operands -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bind", "text", "function", "operands"),
    [
        (bind_filter, "attribute_exists(things, a) and a=a", "attribute_exists", 2),
        (bind_filter, "attribute_not_exists(things, b)", "attribute_not_exists", 2),
        (bind_filter, "attribute_type(things)", "attribute_type", 1),
        (bind_filter, "begins_with(things)", "begins_with", 1),
        (bind_filter, "begins_with(things, size(a), b)", "begins_with", 3),
        (bind_filter, "contains(things)", "contains", 1),
        (bind_filter, "size(things, a) > b", "size", 2),
        (bind_update, "set a = if_not_exists(c)", "if_not_exists", 1),
        (bind_update, "set a = list_append(c)", "list_append", 1),
        (bind_update, "set a = list_append(c, d, e)", "list_append", 3),
    ],
)
def test_functions_have_a_number_of_operands(
    bind: Any, text: str, function: str, operands: int
) -> None:
    assert refusal(bind, text) == (
        "Incorrect number of operands for operator or function; "
        f"operator or function: {function}, number of operands: {operands}"
    )


@pytest.mark.parametrize(
    ("text", "operator", "path"),
    [
        ("a = a AND #a = b AND :views > a", "=", "[a]"),
        ("#a <> a", "<>", "[a]"),
        ("a > #a", ">", "[a]"),
        ("((a=a) OR (a=a))", "=", "[a]"),
        ("contains(ab.bc[1].a, ab.bc[1].#a)", "contains", "[ab, bc, [1], a]"),
        ("attribute_type(ab.bc[1].#a, ab.bc[1].a)", "attribute_type", "[ab, bc, [1], a]"),
        ("begins_with(ab.bc[1].a, ab.bc[1].#a)", "begins_with", "[ab, bc, [1], a]"),
        ("a in (b, #a)", "IN", "[a]"),
    ],
)
def test_an_attribute_is_not_compared_with_itself(text: str, operator: str, path: str) -> None:
    assert refusal(bind_filter, text, {"#a": "a"}) == (
        "The first operand must be distinct from the remaining operands for this operator or "
        f"function; operator: {operator}, first operand: {path}"
    )


@pytest.mark.parametrize(
    ("bind", "text", "operator", "kind"),
    [
        (bind_filter, "attribute_type(a, size(a)) and a=a and a=:a", "attribute_type", "N"),
        *(
            (bind_filter, f"attribute_type(a, {name})", "attribute_type", kind)
            for name, kind in [
                (":b", "N"),
                (":c", "B"),
                (":d", "BOOL"),
                (":e", "NULL"),
                (":f", "SS"),
                (":j", "L"),
                ("b", "{NS,SS,L,BS,N,M,B,BOOL,NULL,S}"),
            ]
        ),
        (bind_filter, "begins_with(a, size(a)) and a=:a", "begins_with", "N"),
        (bind_filter, "begins_with(a, :b)", "begins_with", "N"),
        (bind_filter, "begins_with(:i, a)", "begins_with", "M"),
        (bind_filter, "size(size(a)) > :a", "size", "N"),
        (bind_filter, "attribute_not_exists(size(:b))", "size", "N"),
        (bind_filter, "size(:d) > a", "size", "BOOL"),
        (bind_filter, "size(:e) > a", "size", "NULL"),
        (bind_filter, "a < :d", "<", "BOOL"),
        (bind_filter, ":j >= a", ">=", "L"),
        (bind_filter, "a between :f and b", "BETWEEN", "SS"),
        (bind_key_condition, "attribute_type(a, :b)", "attribute_type", "N"),
        (bind_update, "set a = list_append(:a, a)", "list_append", "S"),
        (bind_update, "set a = list_append(a, :b)", "list_append", "N"),
        (bind_update, "set a = list_append(:i, a)", "list_append", "M"),
        (bind_update, "set a = a + :a", "+", "S"),
        (bind_update, "set a = :c + a", "+", "B"),
        (bind_update, "set a = a - :j", "-", "L"),
        (bind_update, "set a = if_not_exists(a, :b) - :g", "-", "NS"),
    ],
)
def test_values_must_have_a_type_that_their_operator_takes(
    bind: Any, text: str, operator: str, kind: str
) -> None:
    assert refusal(bind, text, None, EVERY_TYPE) == (
        "Incorrect operand type for operator or function; "
        f"operator or function: {operator}, operand type: {kind}"
    )


@pytest.mark.parametrize(
    ("operator", "name", "kind"),
    [
        ("add", ":a", "STRING"),
        ("add", ":c", "BINARY"),
        ("add", ":d", "BOOLEAN"),
        ("add", ":e", "NULL"),
        ("add", ":i", "MAP"),
        ("add", ":j", "LIST"),
        ("delete", ":a", "STRING"),
        ("delete", ":b", "NUMBER"),
        ("delete", ":j", "LIST"),
    ],
)
def test_add_and_delete_take_sets_and_add_numbers_too(operator: str, name: str, kind: str) -> None:
    text = f"{operator} a.b {name} set b = list_append(:a, a), c = if_not_exists(a)"
    assert refusal(bind_update, text, None, EVERY_TYPE) == (
        "Incorrect operand type for operator or function; "
        f"operator: {operator.upper()}, operand type: {kind}"
    )


@pytest.mark.parametrize(
    ("bind", "text", "function"),
    [
        (bind_filter, "attribute_exists(:a) and a=a", "attribute_exists"),
        (bind_filter, "attribute_not_exists(size(:a))", "attribute_not_exists"),
        (bind_update, "set a = if_not_exists(:a, c)", "if_not_exists"),
        (bind_update, "set a = if_not_exists(if_not_exists(a, b), c)", "if_not_exists"),
    ],
)
def test_some_functions_ask_for_a_path(bind: Any, text: str, function: str) -> None:
    assert refusal(bind, text, None, A_STRING) == (
        f"Operator or function requires a document path; operator or function: {function}"
    )


def test_attribute_type_knows_ten_types() -> None:
    values = {":a": {"S": "T"}}
    assert refusal(bind_filter, "attribute_type(a, :a)", None, values) == (
        "Invalid attribute type name found; type: T, valid types: {B,NULL,SS,BOOL,L,BS,N,NS,S,M}"
    )


def test_the_bounds_of_between_have_one_type() -> None:
    values = {":a": {"S": "a"}, ":b": {"N": "1"}}
    assert refusal(bind_key_condition, "a between :b and :a", None, values) == (
        "The BETWEEN operator requires same data type for lower and upper bounds; lower bound "
        "operand: AttributeValue: {N:1}, upper bound operand: AttributeValue: {S:a}"
    )


def test_the_bounds_of_between_have_an_order() -> None:
    assert refusal(bind_filter, "a between :b and :a", None, A_STRING) == (
        "The BETWEEN operator requires upper bound to be greater than or equal to lower bound; "
        "lower bound operand: AttributeValue: {S:b}, upper bound operand: AttributeValue: {S:a}"
    )


# --- paths ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bind", "text", "one", "two"),
    [
        (
            bind_update,
            "set d[1] = a, d.b = a, c[1].a = a, #c = if_not_exists(a)",
            "[c, [1], a]",
            "[c]",
        ),
        (bind_update, "set #c[3].#d = a, #c[3] = a", "[c, [3], [3]]", "[c, [3]]"),
        (bind_update, "set a = b remove a.c", "[a]", "[a, c]"),
        (bind_update, "set a.b = c add a.b :v", "[a, b]", "[a, b]"),
        (bind_projection, "b[1], b.a, #c.b, c", "[c, b]", "[c]"),
        (bind_projection, "c, #c[1]", "[c]", "[c, [1]]"),
    ],
)
def test_paths_may_not_overlap(bind: Any, text: str, one: str, two: str) -> None:
    names, values = {"#c": "c", "#d": "[3]"}, {":v": {"N": "1"}}
    assert refusal(bind, text, names, values) == (
        "Two document paths overlap with each other; must remove or rewrite one of these paths; "
        f"path one: {one}, path two: {two}"
    )


@pytest.mark.parametrize(
    ("bind", "text", "one", "two"),
    [
        (
            bind_update,
            "set #c[3].#d = a, #c.#d[3] = if_not_exists(a)",
            "[c, [3], [3]]",
            "[c, [3], [3]]",
        ),
        (bind_update, "remove a.#c set a[1] = #d", "[a, c]", "[a, [1]]"),
        (bind_projection, "a.b[1], a[1], #d", "[a, b, [1]]", "[a, [1]]"),
    ],
)
def test_paths_may_not_conflict(bind: Any, text: str, one: str, two: str) -> None:
    assert refusal(bind, text, {"#c": "c", "#d": "[3]"}) == (
        "Two document paths conflict with each other; must remove or rewrite one of these paths; "
        f"path one: {one}, path two: {two}"
    )


@given(
    st.lists(
        st.tuples(
            st.sampled_from("abc"), *[st.sampled_from([".x", ".y", "[0]", "[1]", ""])] * 3
        ).map("".join),
        min_size=1,
        max_size=6,
    )
)
def test_clashing_paths_are_found_wherever_they_stand(paths: list[str]) -> None:
    steps = [path.replace("[", ".[").split(".") for path in paths]
    clash = any(_clash(one, other) for one, other in itertools.combinations(steps, 2))
    try:
        bind_projection(",".join(paths), Placeholders(None, None))
    except ValidationException as refused:
        assert "Two document paths" in refused.message
        assert clash
    else:
        assert not clash


def _clash(one: list[str], other: list[str]) -> bool:
    while one and other and one[0] == other[0]:
        one, other = one[1:], other[1:]
    return not one or not other or (one[0][0] == "[") != (other[0][0] == "[")
