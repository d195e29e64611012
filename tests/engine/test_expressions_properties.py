"""Expressions against a second, naive implementation that knows neither parser nor compiler.

Each generated expression comes as its text and as a plain Python function of a plain item, in
which a value is a pair of its type and a Python value.
"""

from __future__ import annotations

import base64
import copy
import operator
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from pelton.engine.errors import ValidationException
from pelton.engine.expressions import (
    Placeholders,
    bind_condition,
    bind_projection,
    bind_update,
)
from pelton.engine.values import AttributeValue, Item, items_equal, normalise_item

from .test_values import attribute_values

Plain = tuple[str, Any]
Test = Callable[[Item], bool]
Path = tuple[str | int, ...]

# --- plain values --------------------------------------------------------------------------------


def plain(value: AttributeValue) -> Plain:
    ((kind, content),) = value.items()
    return kind, _PLAIN[kind](content)


_PLAIN: dict[str, Callable[[Any], Any]] = {
    "S": str,
    "N": Decimal,
    "B": base64.b64decode,
    "BOOL": bool,
    "NULL": bool,
    "SS": frozenset,
    "NS": lambda texts: frozenset(map(Decimal, texts)),
    "BS": lambda texts: frozenset(map(base64.b64decode, texts)),
    "L": lambda elements: [plain(element) for element in elements],
    "M": lambda members: {name: plain(member) for name, member in members.items()},
}


def look_up(item: Item, path: Path) -> Plain | None:
    found: Any = ("M", {name: plain(value) for name, value in item.items()})
    for element in path:
        kind, content = found
        if isinstance(element, str) and kind == "M" and element in content:
            found = content[element]
        elif isinstance(element, int) and kind == "L" and element < len(content):
            found = content[element]
        else:
            return None
    return found if path else None


# --- conditions ----------------------------------------------------------------------------------

# Few names, types and values: then comparisons hold about as often as not.
_VALUES: list[AttributeValue] = [
    {"S": ""},
    {"S": "a"},
    {"S": "ab"},
    {"N": "1"},
    {"N": "2"},
    {"N": "-2.50"},
    {"B": "AA=="},
    {"B": "AAE="},
    {"BOOL": True},
    {"NULL": True},
    {"SS": ["a", "b"]},
    {"SS": ["b", "a"]},
    {"NS": ["1", "2.0"]},
    {"L": [{"S": "a"}, {"N": "1"}]},
    {"L": []},
    {"M": {"x": {"N": "1"}}},
    {"M": {"x": {"L": [{"N": "2"}, {"SS": ["a"]}]}, "y": {"S": "a"}}},
]
_few_values = st.sampled_from(_VALUES)
_few_items = st.dictionaries(st.sampled_from(["p", "q", "r"]), _few_values, max_size=3)
_paths = st.sampled_from(
    [("p",), ("q",), ("r",), ("p", "x"), ("q", 0), ("r", 1), ("p", "x", 0), ("q", "y")]
)


def name_of(value: AttributeValue) -> str:
    return f":v{_VALUES.index(value)}"


def text_of(path: Path) -> str:
    first, *rest = path
    return f"{first}" + "".join(f"[{e}]" if isinstance(e, int) else f".{e}" for e in rest)


class Operand(NamedTuple):
    text: str
    value: Callable[[Item], Plain | None]
    values: dict[str, AttributeValue]
    ordered: bool


@st.composite
def operands(draw: st.DrawFn) -> Operand:
    if draw(st.booleans()):
        path = draw(_paths)
        return Operand(text_of(path), lambda item: look_up(item, path), {}, True)
    value = draw(_few_values)
    name = name_of(value)
    ((kind, _),) = value.items()
    return Operand(name, lambda item: plain(value), {name: value}, kind in ("S", "N", "B"))


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def compares(symbol: str, left: Plain | None, right: Plain | None) -> bool:
    if symbol == "<>":
        return not compares("=", left, right)
    if left is None or right is None:
        return False
    if symbol == "=":
        return left == right
    return (
        left[0] == right[0] and left[0] in ("S", "N", "B") and _COMPARE[symbol](left[1], right[1])
    )


class Generated(NamedTuple):
    text: str
    test: Test
    values: dict[str, AttributeValue]


@st.composite
def comparisons(draw: st.DrawFn) -> Generated:
    symbol = draw(st.sampled_from(["=", "<>", "<", "<=", ">", ">="]))
    left, right = draw(operands()), draw(operands())
    if symbol in _COMPARE and not (left.ordered and right.ordered):
        symbol = "="
    if left.text == right.text and not left.values:
        right = Operand("other_attribute", lambda item: None, {}, True)
    return Generated(
        f"{left.text} {symbol} {right.text}",
        lambda item: compares(symbol, left.value(item), right.value(item)),
        left.values | right.values,
    )


@st.composite
def existence(draw: st.DrawFn) -> Generated:
    path = draw(_paths)
    wanted = draw(st.booleans())
    name = "attribute_exists" if wanted else "attribute_not_exists"
    return Generated(
        f"{name}({text_of(path)})", lambda item: (look_up(item, path) is not None) is wanted, {}
    )


@st.composite
def memberships(draw: st.DrawFn) -> Generated:
    path = draw(_paths)
    values = draw(st.lists(_few_values, min_size=1, max_size=3))
    names = [name_of(value) for value in values]
    return Generated(
        f"{text_of(path)} IN ({', '.join(names)})",
        lambda item: look_up(item, path) in [plain(value) for value in values],
        dict(zip(names, values, strict=True)),
    )


@st.composite
def containments(draw: st.DrawFn) -> Generated:
    path, value = draw(_paths), draw(_few_values)
    name = name_of(value)

    def test(item: Item) -> bool:
        found, (kind, wanted) = look_up(item, path), plain(value)
        if found is None:
            return False
        if found[0] == "L":
            return (kind, wanted) in found[1]
        pairs = {"S": "S", "B": "B", "SS": "S", "NS": "N", "BS": "B"}
        return pairs.get(found[0]) == kind and wanted in found[1]

    return Generated(f"contains({text_of(path)}, {name})", test, {name: value})


def _both(symbol: str, combine: Callable[[bool, bool], bool]) -> Any:
    def combined(pair: tuple[Generated, Generated]) -> Generated:
        left, right = pair
        return Generated(
            f"({left.text}) {symbol} ({right.text})",
            lambda item: combine(left.test(item), right.test(item)),
            left.values | right.values,
        )

    return combined


conditions = st.recursive(
    st.one_of(comparisons(), existence(), memberships(), containments()),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(_both("AND", operator.and_)),
        st.tuples(inner, inner).map(_both("or", operator.or_)),
        inner.map(
            lambda one: Generated(f"NOT ({one.text})", lambda item: not one.test(item), one.values)
        ),
    ),
    max_leaves=6,
)


@given(conditions, _few_items)
def test_a_condition_means_what_the_naive_one_means(condition: Generated, item: Item) -> None:
    normal, _ = normalise_item(item)
    before = copy.deepcopy(normal)
    bound = bind_condition(condition.text, Placeholders(None, condition.values or None))
    assert bound.matches(normal) == condition.test(normal)
    assert normal == before


@given(
    st.lists(st.lists(comparisons(), min_size=1, max_size=3), min_size=1, max_size=3), _few_items
)
def test_and_binds_tighter_than_or(alternatives: list[list[Generated]], item: Item) -> None:
    normal, _ = normalise_item(item)
    text = " OR ".join(" AND ".join(one.text for one in chain) for chain in alternatives)
    values = {name: v for chain in alternatives for one in chain for name, v in one.values.items()}
    bound = bind_condition(text, Placeholders(None, values or None))
    assert bound.matches(normal) == any(
        all(one.test(normal) for one in chain) for chain in alternatives
    )


# --- updates -------------------------------------------------------------------------------------

_documents: st.SearchStrategy[Item] = st.fixed_dictionaries(
    {
        "n": st.integers(-5, 5).map(lambda number: {"N": str(number)}),
        "l": st.lists(attribute_values, max_size=4).map(lambda elements: {"L": elements}),
        "m": st.dictionaries(st.sampled_from(["x", "y", "z"]), attribute_values, max_size=3).map(
            lambda members: {"M": members}
        ),
        "ss": st.sets(st.sampled_from("abc"), min_size=1).map(lambda s: {"SS": sorted(s)}),
    },
    optional={"o": attribute_values},
)


class Step(NamedTuple):
    """One action: its section, its text, and what it does to a draft by looking at the old item."""

    section: str
    text: str
    values: dict[str, AttributeValue]
    act: Callable[[Item, dict[str, Any]], None]


def _set_attribute(name: str, source: str) -> Step:
    def act(old: Item, draft: dict[str, Any]) -> None:
        if source not in old:
            raise ValidationException("no such attribute")
        draft[name] = old[source]

    return Step("SET", f"{name} = {source}", {}, act)


def _set_member(member: str, value: AttributeValue) -> Step:
    def act(old: Item, draft: dict[str, Any]) -> None:
        draft["m"]["M"][member] = value

    name = f":m{member}"
    return Step("SET", f"m.{member} = {name}", {name: value}, act)


def _remove_member(member: str) -> Step:
    def act(old: Item, draft: dict[str, Any]) -> None:
        draft["m"]["M"].pop(member, None)

    return Step("REMOVE", f"m.{member}", {}, act)


def _set_element(index: int, value: AttributeValue) -> Step:
    def act(old: Item, draft: dict[str, Any]) -> None:
        if index < len(old["l"]["L"]):
            draft["l"]["L"][index] = value
        else:
            draft["beyond"][index] = value

    name = f":l{index}"
    return Step("SET", f"l[{index}] = {name}", {name: value}, act)


def _remove_element(index: int) -> Step:
    def act(old: Item, draft: dict[str, Any]) -> None:
        draft["gone"].add(index)

    return Step("REMOVE", f"l[{index}]", {}, act)


def _add_number(amount: int) -> Step:
    def act(old: Item, draft: dict[str, Any]) -> None:
        draft["n"] = {"N": str(int(old["n"]["N"]) + amount)}

    return Step("ADD", "n :n", {":n": {"N": str(amount)}}, act)


def _set_sum(amount: int) -> Step:
    def act(old: Item, draft: dict[str, Any]) -> None:
        draft["n"] = {"N": str(int(old["n"]["N"]) - amount)}

    return Step("SET", "n = n - :n", {":n": {"N": str(amount)}}, act)


def _change_set(section: str, elements: set[str]) -> Step:
    def act(old: Item, draft: dict[str, Any]) -> None:
        before = set(old["ss"]["SS"])
        after = before | elements if section == "ADD" else before - elements
        draft.pop("ss")
        if after:
            draft["ss"] = {"SS": sorted(after)}

    return Step(section, "ss :ss", {":ss": {"SS": sorted(elements)}}, act)


@st.composite
def updates(draw: st.DrawFn) -> list[Step]:
    """Steps that touch no place twice."""
    steps = []
    members = draw(st.sets(st.sampled_from(["x", "y", "z"])))
    for member in sorted(members):
        put = draw(st.booleans())
        steps.append(_set_member(member, draw(attribute_values)) if put else _remove_member(member))
    for index in sorted(draw(st.sets(st.integers(0, 6), max_size=4))):
        put = draw(st.booleans())
        steps.append(_set_element(index, draw(attribute_values)) if put else _remove_element(index))
    amount = draw(st.integers(-3, 3))
    steps += draw(st.sampled_from([[], [_add_number(amount)], [_set_sum(amount)]]))
    if draw(st.booleans()):
        elements = draw(st.sets(st.sampled_from("abcd"), min_size=1))
        steps.append(_change_set(draw(st.sampled_from(["ADD", "DELETE"])), elements))
    if not steps or draw(st.booleans()):
        steps.append(_set_attribute("twin", draw(st.sampled_from(["n", "l", "m", "ss", "o"]))))
    return draw(st.permutations(steps))


def update_text(steps: Sequence[Step]) -> str:
    sections = dict.fromkeys(step.section for step in steps)
    return " ".join(
        f"{section} " + ", ".join(step.text for step in steps if step.section == section)
        for section in sections
    )


def naive_update(steps: Sequence[Step], old: Item) -> Item:
    draft: dict[str, Any] = {**copy.deepcopy(old), "beyond": {}, "gone": set()}
    for step in steps:
        step.act(old, draft)
    beyond, gone = draft.pop("beyond"), draft.pop("gone")
    kept = [element for index, element in enumerate(draft["l"]["L"]) if index not in gone]
    draft["l"]["L"] = kept + [beyond[index] for index in sorted(beyond)]
    return draft


@given(updates(), _documents)
def test_an_update_does_what_the_naive_one_does(steps: list[Step], document: Item) -> None:
    item, _ = normalise_item(document)
    before = copy.deepcopy(item)
    values = {name: value for step in steps for name, value in step.values.items()}
    update = bind_update(update_text(steps), Placeholders(None, values or None))
    try:
        expected, _ = normalise_item(naive_update(steps, item))
    except ValidationException:
        expected = None
    try:
        result = update.apply(item)
    except ValidationException:
        result = None
    assert item == before, "an update never changes the item it is given"
    assert (result is None) == (expected is None)
    if result is not None and expected is not None:
        assert items_equal(result, expected)
        assert normalise_item(result)[0] == result, "what an update makes is canonical"


# --- projections ---------------------------------------------------------------------------------


def _places(value: AttributeValue, path: Path) -> list[Path]:
    """Every path in a value that has text without placeholders."""
    ((kind, content),) = value.items()
    found = [path]
    if kind == "L":
        for index, element in enumerate(content):
            found += _places(element, (*path, index))
    elif kind == "M":
        for name, member in content.items():
            if name in ("x", "y", "z"):
                found += _places(member, (*path, name))
    return found


@given(_documents, st.data())
def test_a_projection_shows_exactly_what_is_at_its_paths(
    document: Item, data: st.DataObject
) -> None:
    item, _ = normalise_item(document)
    places = [place for name, value in item.items() for place in _places(value, (name,))]
    chosen = data.draw(st.sampled_from(places))
    shown = bind_projection(text_of(chosen), Placeholders(None, None)).project(item)
    expected = _raw(item, chosen)
    for element in reversed(chosen[1:]):
        expected = {"M": {element: expected}} if isinstance(element, str) else {"L": [expected]}
    assert shown == {chosen[0]: expected}


def _raw(item: Item, path: Path) -> AttributeValue:
    value: Any = {"M": item}
    for element in path:
        value = value["M" if isinstance(element, str) else "L"][element]
    found: AttributeValue = value
    return found
