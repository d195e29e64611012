"""Updates: what becomes of an item, and that the item given stays as it is."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from pelton.engine.errors import ValidationException
from pelton.engine.expressions import (
    Placeholders,
    bind_update,
    tree,
    update_from_tree,
    updated_values,
)
from pelton.engine.values import AttributeValue, Item

NO_SUCH_ATTRIBUTE = "The provided expression refers to an attribute that does not exist in the item"
WRONG_TYPE = "An operand in the update expression has an incorrect data type"
INVALID_PATH = "The document path provided in the update expression is invalid for update"

ITEM: Item = {
    "id": {"S": "1"},
    "n": {"N": "5"},
    "s": {"S": "hello"},
    "ss": {"SS": ["a", "b"]},
    "ns": {"NS": ["1", "2"]},
    "lst": {"L": [{"N": "0"}, {"N": "1"}, {"N": "2"}]},
    "m": {"M": {"x": {"N": "1"}, "lst": {"L": [{"M": {"y": {"S": "y"}}}]}, "e": {"M": {}}}},
}
VALUES: dict[str, AttributeValue] = {
    ":one": {"N": "1.0"},
    ":half": {"N": "0.5"},
    ":v": {"S": "v"},
    ":w": {"S": "w"},
    ":l": {"L": [{"S": "v"}]},
    ":ab": {"SS": ["b", "a"]},
    ":bc": {"SS": ["b", "c"]},
    ":n2": {"NS": ["2.0", "3"]},
    ":map": {"M": {}},
}


def bound(text: str) -> Any:
    values = {name: value for name, value in VALUES.items() if name in text}
    names = {"#d": "a.b"} if "#d" in text else None
    return bind_update(text, Placeholders(names, values or None))


def updated(text: str, item: Item = ITEM) -> Item:
    before = copy.deepcopy(item)
    after: Item = bound(text).apply(item)
    assert item == before, "an update never changes the item it is given"
    return after


def lst(*numbers: int) -> AttributeValue:
    return {"L": [{"N": str(number)} for number in numbers]}


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        ("SET a = :v", {"a": {"S": "v"}}),
        ("SET s = :one", {"s": {"N": "1"}}),
        ("SET #d = :v", {"a.b": {"S": "v"}}),
        ("SET a = s, s = n", {"a": {"S": "hello"}, "s": {"N": "5"}}),
        ("SET n = n + :one", {"n": {"N": "6"}}),
        ("SET n = :half - n", {"n": {"N": "-4.5"}}),
        ("SET a = (n + n)", {"a": {"N": "10"}}),
        ("SET a = (n) - (:half)", {"a": {"N": "4.5"}}),
        ("SET a = ((m.x)+(n))", {"a": {"N": "6"}}),
        ("SET a = (s)", {"a": {"S": "hello"}}),
        ("SET a = if_not_exists(a, :one) + :one", {"a": {"N": "2"}}),
        ("SET n = if_not_exists(n, :one) + :one", {"n": {"N": "6"}}),
        ("SET a = if_not_exists(b, if_not_exists(c, :v))", {"a": {"S": "v"}}),
        ("SET a = if_not_exists(m.x, :v)", {"a": {"N": "1"}}),
        ("SET lst = list_append(lst, :l)", {"lst": {"L": [*lst(0, 1, 2)["L"], {"S": "v"}]}}),
        ("SET lst = list_append(:l, lst)", {"lst": {"L": [{"S": "v"}, *lst(0, 1, 2)["L"]]}}),
        ("SET a = list_append(if_not_exists(a, :l), :l)", {"a": {"L": [{"S": "v"}, {"S": "v"}]}}),
        ("ADD n :half", {"n": {"N": "5.5"}}),
        ("ADD a :one", {"a": {"N": "1"}}),
        ("ADD ss :bc", {"ss": {"SS": ["a", "b", "c"]}}),
        ("ADD ns :n2", {"ns": {"NS": ["1", "2", "3"]}}),
        ("ADD a :ab", {"a": {"SS": ["b", "a"]}}),
        ("DELETE ss :bc", {"ss": {"SS": ["a"]}}),
        ("DELETE ns :n2", {"ns": {"NS": ["1"]}}),
        ("set n = n + :one ReMoVe x ADD y :one delete z :ab", {"n": {"N": "6"}, "y": {"N": "1"}}),
    ],
)
def test_top_level_attributes_change(text: str, changed: Item) -> None:
    assert updated(text) == {**ITEM, **changed}


@pytest.mark.parametrize(
    ("text", "gone", "changed"),
    [
        ("REMOVE s", ["s"], {}),
        ("REMOVE s, absent, n", ["s", "n"], {}),
        ("REMOVE s SET a = s", ["s"], {"a": {"S": "hello"}}),
        ("DELETE ss :ab", ["ss"], {}),
        ("DELETE absent :ab", [], {}),
    ],
)
def test_attributes_are_taken_away(text: str, gone: list[str], changed: Item) -> None:
    expected = {name: value for name, value in ITEM.items() if name not in gone}
    assert updated(text) == {**expected, **changed}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SET lst[1] = :v", {"L": [{"N": "0"}, {"S": "v"}, {"N": "2"}]}),
        ("SET lst[7] = :v", {"L": [*lst(0, 1, 2)["L"], {"S": "v"}]}),
        ("SET lst[9] = :w, lst[7] = :v", {"L": [*lst(0, 1, 2)["L"], {"S": "v"}, {"S": "w"}]}),
        ("SET lst[10] = :w, lst[9] = :v", {"L": [*lst(0, 1, 2)["L"], {"S": "v"}, {"S": "w"}]}),
        ("REMOVE lst[0]", lst(1, 2)),
        ("REMOVE lst[2], lst[0]", lst(1)),
        ("REMOVE lst[0], lst[1], lst[2]", lst()),
        ("REMOVE lst[17]", lst(0, 1, 2)),
        ("REMOVE lst[1] SET lst[2] = :v", {"L": [{"N": "0"}, {"S": "v"}]}),
        ("SET lst[2] = :v REMOVE lst[1]", {"L": [{"N": "0"}, {"S": "v"}]}),
        ("REMOVE lst[0] SET lst[5] = :v", {"L": [{"N": "1"}, {"N": "2"}, {"S": "v"}]}),
        ("REMOVE lst[3] SET lst[5] = :v", {"L": [*lst(0, 1, 2)["L"], {"S": "v"}]}),
        ("ADD lst[0] :one", lst(1, 1, 2)),
        ("SET lst[0] = lst[2], lst[2] = lst[0]", lst(2, 1, 0)),
    ],
)
def test_elements_of_lists_change_by_their_old_places(text: str, expected: AttributeValue) -> None:
    assert updated(text) == {**ITEM, "lst": expected}


@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        ("SET m.x = :v", ["x"], {"S": "v"}),
        ("SET m.fresh = :v", ["fresh"], {"S": "v"}),
        ("SET m.#d = :v", ["a.b"], {"S": "v"}),
        ("SET m.e.z = m.x", ["e"], {"M": {"z": {"N": "1"}}}),
        ("SET m.e.z = :v, m.e.y = :w", ["e"], {"M": {"z": {"S": "v"}, "y": {"S": "w"}}}),
        ("SET m.lst[0].y = :v", ["lst"], {"L": [{"M": {"y": {"S": "v"}}}]}),
        ("SET m.lst[1] = :v REMOVE m.lst[0].y", ["lst"], {"L": [{"M": {}}, {"S": "v"}]}),
        ("REMOVE m.lst[0].y", ["lst"], {"L": [{"M": {}}]}),
        ("REMOVE m.lst[0]", ["lst"], {"L": []}),
        ("ADD m.x :half", ["x"], {"N": "1.5"}),
        ("ADD m.y :half", ["y"], {"N": "0.5"}),
        ("SET m.e = :map, m.x = m.x + :one", ["x"], {"N": "2"}),
    ],
)
def test_members_of_maps_change(text: str, path: list[str], expected: AttributeValue) -> None:
    assert updated(text)["m"]["M"][path[0]] == expected


def test_a_nested_update_leaves_everything_else() -> None:
    after = updated("SET m.e.z = :v REMOVE m.x, lst[0] ADD m.lst[0].n :one")
    assert after == {
        **ITEM,
        "lst": lst(1, 2),
        "m": {
            "M": {
                "lst": {"L": [{"M": {"y": {"S": "y"}, "n": {"N": "1"}}}]},
                "e": {"M": {"z": {"S": "v"}}},
            }
        },
    }
    assert after["m"]["M"]["lst"]["L"][0]["M"]["y"] is ITEM["m"]["M"]["lst"]["L"][0]["M"]["y"]


def test_a_copied_document_is_not_the_one_it_was_copied_from() -> None:
    item: Item = {"a": {"M": {"x": {"N": "1"}}}}
    both = updated("SET b = a", item)
    changed = updated("SET b.x = :v", both)
    assert changed == {"a": {"M": {"x": {"N": "1"}}}, "b": {"M": {"x": {"S": "v"}}}}
    assert updated("SET b = a, a.x = :v", item) == {
        "a": {"M": {"x": {"S": "v"}}},
        "b": {"M": {"x": {"N": "1"}}},
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SET a = absent", NO_SUCH_ATTRIBUTE),
        ("SET a = :v, b = a", NO_SUCH_ATTRIBUTE),
        ("SET a = m.absent", NO_SUCH_ATTRIBUTE),
        ("SET a = lst[3]", NO_SUCH_ATTRIBUTE),
        ("SET a = a + :one", NO_SUCH_ATTRIBUTE),
        ("SET a = list_append(a, :l)", NO_SUCH_ATTRIBUTE),
        ("SET a = if_not_exists(a, b)", NO_SUCH_ATTRIBUTE),
        ("SET a = s + :one", WRONG_TYPE),
        ("SET a = :one - lst", WRONG_TYPE),
        ("SET a = list_append(s, :l)", WRONG_TYPE),
        ("SET a = list_append(:l, m)", WRONG_TYPE),
        ("ADD s :one", WRONG_TYPE),
        ("ADD n :ab", WRONG_TYPE),
        ("ADD ss :n2", WRONG_TYPE),
        ("ADD lst :ab", WRONG_TYPE),
        ("DELETE ss :n2", WRONG_TYPE),
        ("DELETE s :ab", WRONG_TYPE),
        ("SET a.b = :v", INVALID_PATH),
        ("SET s.b = :v", INVALID_PATH),
        ("SET lst.b = :v", INVALID_PATH),
        ("SET m[0] = :v", INVALID_PATH),
        ("SET a[0] = :v", INVALID_PATH),
        ("SET n[0] = :v", INVALID_PATH),
        ("SET m.a.b = :v", INVALID_PATH),
        ("SET lst[5].a = :v", INVALID_PATH),
        ("REMOVE a.b", INVALID_PATH),
        ("REMOVE s.b", INVALID_PATH),
        ("REMOVE lst.b", INVALID_PATH),
        ("REMOVE m.a.b", INVALID_PATH),
        ("ADD a.b :one", INVALID_PATH),
    ],
)
def test_an_update_that_does_not_fit_the_item_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValidationException) as refused:
        updated(text)
    assert refused.value.message == message


def test_a_member_that_is_missing_may_be_removed() -> None:
    assert updated("REMOVE m.absent, lst[0], m.lst[4]") == {**ITEM, "lst": lst(1, 2)}


def test_an_update_may_not_nest_deeper_than_32_levels() -> None:
    deep: AttributeValue = {"S": "leaf"}
    for _ in range(30):
        deep = {"L": [deep]}
    item: Item = {"m": {"M": {}}, "deep": deep}
    assert updated("SET m.x = deep", item)["m"] == {"M": {"x": deep}}
    with pytest.raises(ValidationException) as refused:
        updated("SET m.x = deep", {**item, "deep": {"L": [deep]}})
    assert refused.value.message == "Nesting Levels have exceeded supported limits"


@pytest.mark.parametrize(
    ("text", "before", "after"),
    [
        ("SET n = :one, a = :v", {"n": ITEM["n"]}, {"n": {"N": "1"}, "a": {"S": "v"}}),
        ("REMOVE s", {"s": ITEM["s"]}, {}),
        ("SET a = :v", {}, {"a": {"S": "v"}}),
        ("SET m.x = :v", {"m": {"M": {"x": {"N": "1"}}}}, {"m": {"M": {"x": {"S": "v"}}}}),
        ("SET m.fresh = :v", {}, {"m": {"M": {"fresh": {"S": "v"}}}}),
        # as on AWS: a place past the end stays a place where nothing is ...
        ("SET lst[9] = :v", {}, {}),
        # ... and the place of an element that went shows the one that moved there
        ("REMOVE lst[0]", {"lst": lst(0)}, {"lst": lst(1)}),
    ],
)
def test_updated_values_are_what_lies_at_the_paths(text: str, before: Item, after: Item) -> None:
    update = bound(text)
    assert updated_values(update, ITEM) == before
    assert updated_values(update, update.apply(ITEM)) == after


@pytest.mark.parametrize(
    ("text", "paths", "top_level", "creates"),
    [
        ("SET a = :v, m.x[2] = b", (("a",), ("m", "x", 2)), {"a", "m"}, True),
        ("REMOVE m.#d, m.y", (("m", "a.b"), ("m", "y")), {"m"}, False),
        ("ADD a :one", (("a",),), {"a"}, True),
        ("DELETE a :ab REMOVE b", (("a",), ("b",)), {"a", "b"}, False),
    ],
)
def test_an_update_knows_what_it_touches(
    text: str, paths: Any, top_level: set[str], creates: bool
) -> None:
    update = bound(text)
    assert update.paths == paths
    assert update.top_level == top_level
    assert update.creates is creates


def test_updates_can_be_made_of_trees() -> None:
    update = update_from_tree(
        (
            tree.Set(tree.Path(("#a",)), tree.Literal({"S": "v"})),
            tree.Add(tree.Path(("n",)), tree.Literal({"N": "1"})),
            tree.Remove(tree.Path(("s",))),
        )
    )
    assert update.apply({"n": {"N": "5"}, "s": {"S": "x"}}) == {
        "n": {"N": "6"},
        "#a": {"S": "v"},
    }
