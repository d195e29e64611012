"""Expressions that are refused: which complaint comes, and that it has DynamoDB's words."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import example, given
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
from pelton.engine.expressions.reserved_words import RESERVED_WORDS

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


def refusal(bind: Any, text: str, names: Any = None, values: Any = None) -> str:
    """What an expression is refused with, after the words that say which expression it is."""
    with pytest.raises(ValidationException) as refused:
        bind(text, Placeholders(names, values))
    kind, _, complaint = refused.value.message.partition(": ")
    assert kind == KINDS[bind]
    return complaint


KINDS = {
    bind_condition: "Invalid ConditionExpression",
    bind_filter: "Invalid FilterExpression",
    bind_key_condition: "Invalid KeyConditionExpression",
    bind_projection: "Invalid ProjectionExpression",
    bind_update: "Invalid UpdateExpression",
}

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
