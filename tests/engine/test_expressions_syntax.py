"""Expressions that are refused for their text alone, and that it is done in DynamoDB's words."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pelton.engine.errors import ValidationException
from pelton.engine.expressions import (
    Placeholders,
    bind_condition,
    bind_filter,
    bind_key_condition,
    bind_projection,
    bind_update,
)
from pelton.engine.expressions.reserved_words import RESERVED_WORDS

from .refusals import KINDS, refusal

A_STRING = {":a": {"S": "a"}, ":b": {"S": "b"}, ":c": {"S": "c"}}
A_NAME = {"#a": "a", "#b": "b"}

# --- syntax --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bind", "text", "token", "near"),
    [
        (bind_condition, "foo", "<EOF>", "foo"),
        (bind_condition, "a = :v AND ", "<EOF>", "AND"),
        (bind_condition, "things are not gonna be ok", "are", "things are not"),
        (bind_condition, "a > 4", "4", "> 4"),
        (bind_condition, "a IN ()", ")", "()"),
        (bind_condition, "[object Object] = :v", "[", "[object"),
        (bind_condition, "a = :v = :v", "=", ":v = :v"),
        (bind_condition, "a AND b = :v", "AND", "a AND b"),
        (bind_condition, "a = b + c", "+", "b + c"),
        (bind_update, "SET _123 = :v", "_", "SET _123"),
        (bind_update, "SET a = VALUE 1", "1", "VALUE 1"),
        (bind_update, "INVALID SYNTAX HERE", "INVALID", "INVALID SYNTAX"),
        (bind_update, "SET a = b + c + d", "+", "c + d"),
        (bind_update, "SET a.b = 0", "0", "= 0"),
        (bind_projection, "!!! INVALID !!!", "!", "!!"),
        (bind_projection, "a-b", "-", "a-b"),
        (bind_projection, "a,", "<EOF>", ","),
    ],
)
def test_a_syntax_error_shows_the_token_between_its_neighbours(
    bind: Any, text: str, token: str, near: str
) -> None:
    assert refusal(bind, text) == f'Syntax error; token: "{token}", near: "{near}"'


@pytest.mark.parametrize(
    "text",
    [
        "attribute_exists(Pictures-RearView)",
        'attribute_exists("Pictures.RearView")',
        "attribute_exists(Pictures..RearView)",
        "attribute_exists(Pi#ctures.RearView)",
        "attribute_exists(asdf[a])",
        "a in b, c",
        "a > between",
        "a in b",
        "a in (b,c,)",
        "(a)between(b.(c.d))and(c)",
        "(a)between(b.c.d)and((c)",
        "#$.b > a",
        "a > :things.stuff",
        "b[:a] > a",
        "b[#_] > a",
        "ü > a",
        "(a)between(b.c[4.5].#d)and(:a)",
        "size(a).b > a",
        "(size(a)).b > a",
        "size(a)[0] > a",
        "(size(a))[0] > a",
        "(a)",
        "a",
        "not a",
        "(a = :v",
        "a = :v)",
        "# = :v",
        ": = a",
        "contains((a = b), c)",
    ],
)
def test_conditions_have_a_grammar(text: str) -> None:
    assert refusal(bind_filter, text).startswith("Syntax error; token: ")


@pytest.mark.parametrize(
    "text",
    [
        "whatever",
        "set a",
        "add a",
        "delete a",
        "set a=set",
        "remove a = b",
        "add a = b",
        "delete a b",
        "add abort b",
        "add a if_not_exist(b)",
        "remove a b",
        "set a b",
        "set :a = b",
        "add :a b",
        "remove :a",
        "set a = b / c",
        "set a = b * c",
        'set a[1] = "eight"',
        "set a[1] = 1",
        "SET a = if_not_exist(a, 100)",
        "SET if_not_exist(a, b) = a",
        "set (a = (b + c))",
        "set a = (b.c).d + e",
        "set a = (b.c)[0] + e",
        "set a[:v] = :v",
        "set a[#v] = :v",
        "SET c = if_not_exists(c, :a + :b)",
        "SET hi-there = :a",
        "SET a = :a,",
        "SET a = :a, REMOVE b",
        "SET a = :a SET",
    ],
)
def test_updates_have_a_grammar(text: str) -> None:
    assert refusal(bind_update, text).startswith("Syntax error; token: ")


@pytest.mark.parametrize(
    "text",
    ["whatever(stuff)", ":a", "abort,", "a,,b", "a..b", "a[b]", "(a.b).c", "(a)", "(a),(b)", ",a"],
)
def test_projections_have_a_grammar(text: str) -> None:
    assert refusal(bind_projection, text).startswith("Syntax error; token: ")


@pytest.mark.parametrize("bind", KINDS)
@pytest.mark.parametrize("text", ["", " \n"])
def test_an_expression_may_not_be_empty(bind: Any, text: str) -> None:
    assert refusal(bind, text) == "The expression can not be empty;"


# --- limits --------------------------------------------------------------------------------------


def test_an_expression_has_4096_bytes_at_most() -> None:
    complaint = "Expression size has exceeded the maximum allowed size; expression size: "
    assert bind_projection("x" * 4096, Placeholders(None, None)).top_level == ("x" * 4096,)
    assert refusal(bind_projection, "x" * 4097) == complaint + "4097"
    assert refusal(bind_condition, "(" * 15000) == complaint + "15000"
    assert refusal(bind_update, "é" * 2049) == complaint + "4098"


@pytest.mark.parametrize(
    ("text", "operators"),
    [
        ("a<b " + "or (a<b " * 150 + ")" * 150, 301),
        ("a<b " + "or (a<b " * 454 + ")" * 454, 909),
        ("a<b" + " and a<b" * 150, 301),
        ("not " * 300 + "a<b", 301),
        ("not " * 1000 + "a<b", 1001),
    ],
)
def test_an_expression_has_300_operators_at_most(text: str, operators: int) -> None:
    assert refusal(bind_condition, text) == (
        f"The expression contains too many operators; operator count: {operators}"
    )


@pytest.mark.parametrize(
    "text",
    [
        "a<b " + "or (a<b " * 149 + ")" * 149,
        "a<b" + " and a<b" * 149,
        "not " * 299 + "a<b",
        "a in (" + ",".join(f"b{number}" for number in range(100)) + ")",
    ],
)
def test_what_keeps_within_the_limits_is_accepted(text: str) -> None:
    condition = bind_condition(text, Placeholders(None, None))
    assert condition.matches({"a": {"N": "1"}, "b": {"N": "2"}, "b7": {"N": "1"}}) is (
        not text.startswith("not")
    )


@pytest.mark.parametrize(
    ("bind", "text"),
    [(bind_update, "SET a[{}] = b"), (bind_projection, "a[{}]"), (bind_filter, "a[{}] = b")],
)
def test_an_index_has_32_bits(bind: Any, text: str) -> None:
    bind(text.format(4294967294), Placeholders(None, None))
    assert refusal(bind, text.format(4294967295)) == (
        "List index is not within the allowable range; index: [4294967295]"
    )


def test_the_in_operator_takes_100_operands_at_most() -> None:
    options = ",".join(f"b{number}" for number in range(101))
    assert refusal(bind_condition, f"a in ({options})") == (
        "The IN operator is provided with too many operands; number of operands: 101"
    )


@pytest.mark.parametrize("text", ["(" * 4096, "(" * 2046 + "a<b" + ")" * 2046, "f(" * 1300])
def test_the_deepest_nesting_is_refused_and_breaks_nothing(text: str) -> None:
    assert refusal(bind_condition, text)
    assert refusal(bind_update, "SET a = " + text[:4000])


# --- complaints that need no placeholders --------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "((a = :v))",
        "a=a and a > ((views))",
        "(a)between(((b.c)).d)and(c)",
        "a > whatever((:things), ((a)))",
        "a=a AND ((a=a AND a=a)) AND a=a",
        "a=a OR ((a=a OR a=a)) OR a=a",
        "a=a AND ((a=a AND (a=a AND a=a)))",
        "a=a OR ((a=a OR (a=a OR a=a)))",
        "((size(a))) > b",
    ],
)
def test_doubled_parentheses_are_redundant(text: str) -> None:
    assert refusal(bind_filter, text) == "The expression has redundant parentheses;"


@pytest.mark.parametrize(
    "text",
    [
        "(a = :a)",
        "(a = :a) AND (b = :a)",
        "((a = :a) AND b = :a)",
        "(a = :a OR (b = :a))",
        "((a = :a) OR (b = :a))",
        "NOT (NOT (a = :a))",
        "(a) = (:a)",
        "(size(a)) > :a",
        "(a) in ((:a), (b))",
        "(a.b).c = :a",
    ],
)
def test_single_parentheses_are_welcome(text: str) -> None:
    bind_condition(text, Placeholders(None, A_STRING))


@pytest.mark.parametrize(
    ("bind", "text", "complaint"),
    [
        (
            bind_filter,
            "a=a and whatever((:things)) > a",
            "Invalid function name; function: whatever",
        ),
        (
            bind_filter,
            "attRIbute_exIsts((views), #a)",
            "Invalid function name; function: attRIbute_exIsts",
        ),
        (
            bind_filter,
            "if_not_exists(a, b) = c",
            "The function is not allowed in a condition expression; function: if_not_exists",
        ),
        (
            bind_update,
            "SET #c = if_not_exist(:c) SET c = d",
            "Invalid function name; function: if_not_exist",
        ),
        (bind_update, "SET a = LIST_APPEND(b, c)", "Invalid function name; function: LIST_APPEND"),
        (
            bind_update,
            "SET a = size(b)",
            "The function is not allowed in an update expression; function: size",
        ),
    ],
)
def test_functions_are_known_by_their_exact_names(bind: Any, text: str, complaint: str) -> None:
    assert refusal(bind, text) == complaint


@pytest.mark.parametrize(
    ("bind", "text", "function"),
    [
        (bind_filter, "a=a and attribute_exists((views), (#a)) > b", "attribute_exists"),
        (bind_filter, "attribute_not_exists(things) > b", "attribute_not_exists"),
        (bind_filter, "attribute_type(things, :a) > b", "attribute_type"),
        (bind_filter, "begins_with(things, a) > b", "begins_with"),
        (bind_filter, "contains(:things, c) > b", "contains"),
        (bind_filter, "size(contains(a, b)) > a", "contains"),
        (bind_filter, "size(things)", "size"),
        (bind_filter, "a = b AND NOT (size(things))", "size"),
        (bind_filter, "a between b and attribute_exists(things)", "attribute_exists"),
        (bind_filter, "a in (b, attribute_exists(things))", "attribute_exists"),
        (bind_update, "SET a = list_append(list_append(:a, :b), :c)", "list_append"),
    ],
)
def test_functions_have_their_places(bind: Any, text: str, function: str) -> None:
    assert refusal(bind, text) == (
        f"The function is not allowed to be used this way in an expression; function: {function}"
    )


@pytest.mark.parametrize(
    ("bind", "text", "word"),
    [
        (bind_filter, "attribute_exists(views, #a)", "views"),
        (bind_filter, ":a < abOrT", "abOrT"),
        (bind_update, " set #c = :c set abOrt = true ", "abOrt"),
        (bind_update, " remove Absolute ", "Absolute"),
        (bind_projection, "a.abORt", "abORt"),
        (bind_projection, "#a,ABSoLUTE", "ABSoLUTE"),
        (bind_key_condition, "name = :a", "name"),
    ],
)
def test_reserved_words_need_a_placeholder(bind: Any, text: str, word: str) -> None:
    assert refusal(bind, text) == (
        f"Attribute name is a reserved keyword; reserved keyword: {word}"
    )


def test_there_are_573_reserved_words() -> None:
    assert len(RESERVED_WORDS) == 573
    assert {"STATUS", "NAME", "ZONE", "ABORT", "FLATTERN"} <= RESERVED_WORDS


@pytest.mark.parametrize(
    ("text", "section"),
    [
        ("set a = #c set c = :d", "SET"),
        ("remove #d set a = b remove e", "REMOVE"),
        ("add #d :e set a = b add e :f", "ADD"),
        ("delete #d :e set a = b delete #e :f", "DELETE"),
    ],
)
def test_a_section_comes_once(text: str, section: str) -> None:
    assert refusal(bind_update, text) == (
        f'The "{section}" section can only be used once in an update expression;'
    )


# --- whatever comes ------------------------------------------------------------------------------

_pieces = st.sampled_from(
    [
        *("a", "b", "#a", ":a", ":b", "0", "9", "size", "contains", "attribute_exists", "name"),
        *("if_not_exists", "list_append", "SET", "REMOVE", "ADD", "DELETE", "AND", "OR", "NOT"),
        *("IN", "BETWEEN", "=", "<>", "<", "(", ")", "(", ")", "[", "]", ".", ",", "+", "-", "_"),
        *("é", "\x00", "#", ":", "\ud800"),
    ]
)


@given(st.lists(_pieces, max_size=25), st.sampled_from(list(KINDS)))
@example(["\ud800"], bind_update)
def test_no_text_whatever_breaks_the_parser(pieces: list[str], bind: Any) -> None:
    try:
        bind(" ".join(pieces), Placeholders(A_NAME, A_STRING))
    except ValidationException as refused:
        assert refused.message.startswith(("Invalid ", "KeyCondition", "Conditions "))
