"""Any pattern, any record: what is told by bytes and compiled tests is what the plain rules say."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pelton.handlers.event import batch_event
from pelton.handlers.filters import compile_filters
from tests.handlers.filters.records import ARN, TTL, record_of
from tests.handlers.filters.reference import reference_matches
from tests.handlers.filters.test_dialect import accepts

NAMES = ("a", "b", "c")
TEXTS = (
    "",
    "a",
    "b",
    "ab",
    "aB",
    "abc",
    "bab",
    "*",
    "\\",
    '"',
    "é",
    "1",
    "10.0.0.1",
    "::1",
    "0::1",
)

texts = st.sampled_from(TEXTS)
numbers = st.sampled_from([0, 1, 1.0, -1, 2.5, 7])
scalars = texts | numbers | st.booleans() | st.none()


def listed(members: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return members | st.lists(members, min_size=1, max_size=2)


def globs() -> st.SearchStrategy[str]:
    parts = st.lists(st.sampled_from(["a", "b", "\\*", "\\\\"]), max_size=3)
    return st.lists(parts, min_size=1, max_size=3).map(
        lambda pieces: "*".join("".join(piece) or "a" for piece in pieces)
    ) | st.sampled_from(["*", "*a", "a*", "*a*b*"])


def operators() -> st.SearchStrategy[dict[str, Any]]:
    in_any_case = st.builds(lambda text: {"equals-ignore-case": text}, texts)
    filled = texts.filter(bool)
    excluded = st.one_of(
        listed(texts),
        listed(numbers),
        st.builds(lambda name, text: {name: text}, st.sampled_from(["prefix", "suffix"]), filled),
        in_any_case,
        st.builds(lambda text: {"wildcard": text}, listed(globs())),
    )
    compared = st.tuples(st.sampled_from(["=", "<", "<=", ">", ">="]), numbers).map(list)
    ranges = st.tuples(st.sampled_from([">", ">="]), st.just(0), st.sampled_from(["<", "<="]))
    return st.one_of(
        st.builds(lambda text: {"prefix": text}, texts | in_any_case),
        st.builds(lambda text: {"suffix": text}, texts | in_any_case),
        in_any_case,
        st.builds(lambda values: {"anything-but": values}, excluded),
        st.builds(lambda values: {"numeric": values}, compared),
        st.builds(lambda values, top: {"numeric": [*values, top]}, ranges, st.just(2.5)),
        st.builds(lambda wanted: {"exists": wanted}, st.booleans()),
        st.builds(lambda wanted: {"exists": wanted}, st.just(False)),
        st.builds(lambda text: {"cidr": text}, st.sampled_from(["10.0.0.0/30", "::/64"])),
        st.builds(lambda text: {"wildcard": text}, globs()),
    )


leaves = st.lists(scalars | operators(), min_size=1, max_size=2)


def objects(members: st.SearchStrategy[Any], names: st.SearchStrategy[str]) -> Any:
    return st.dictionaries(names, members, min_size=1, max_size=2)


def with_or(members: st.SearchStrategy[Any], names: st.SearchStrategy[str]) -> Any:
    plain = objects(members, names)
    branches = st.lists(plain, min_size=2, max_size=2)
    return st.builds(lambda one, either: {**one, "$or": either}, plain, branches)


def json_patterns() -> st.SearchStrategy[dict[str, Any]]:
    names = st.sampled_from(NAMES)
    inner = leaves | objects(leaves, names)
    found: st.SearchStrategy[dict[str, Any]] = st.one_of(
        objects(inner | objects(inner, names), names),
        with_or(inner, names),
        objects(with_or(leaves, names), names),
    )
    return found


def json_events() -> st.SearchStrategy[dict[str, Any]]:
    names = st.sampled_from(NAMES)
    values = st.recursive(
        scalars,
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(names, inner, min_size=1, max_size=3)
        ),
        max_leaves=6,
    )
    return st.dictionaries(names, values, max_size=3)


@settings(max_examples=400, deadline=None)
@given(pattern=json_patterns(), event=json_events())
def test_any_object(pattern: dict[str, Any], event: dict[str, Any]) -> None:
    assert accepts(pattern, event) is reference_matches(pattern, event)


# --- records --------------------------------------------------------------------------------------

typed_values = st.recursive(
    st.builds(lambda text: {"S": text}, texts)
    | st.builds(lambda number: {"N": str(number)}, numbers)
    | st.builds(lambda value: {"BOOL": value}, st.booleans())
    | st.just({"NULL": True})
    | st.builds(lambda values: {"SS": values}, st.lists(texts, min_size=1, max_size=2)),
    lambda inner: (
        st.builds(lambda values: {"L": values}, st.lists(inner, max_size=2))
        | st.builds(
            lambda values: {"M": values},
            st.dictionaries(st.sampled_from(NAMES), inner, min_size=1, max_size=2),
        )
    ),
    max_leaves=4,
)
items = st.dictionaries(st.sampled_from(NAMES), typed_values, max_size=3)
types = st.sampled_from(["S", "N", "BOOL", "NULL", "SS", "L", "M"])


def record_patterns() -> st.SearchStrategy[dict[str, Any]]:
    steps = types | st.sampled_from(NAMES)
    typed = objects(leaves | objects(leaves, steps), types)
    image = objects(leaves | typed, st.sampled_from(NAMES))
    images = st.sampled_from(["NewImage", "OldImage", "Keys"])
    data = objects(image, images) | with_or(image, images)
    top = st.fixed_dictionaries(
        {},
        optional={
            "eventName": st.lists(
                st.sampled_from(
                    ["INSERT", "MODIFY", "REMOVE", {"prefix": "R"}, {"anything-but": "INSERT"}]
                ),
                min_size=1,
                max_size=2,
            ),
            "eventSourceARN": st.just([{"suffix": "678"}]),
            "userIdentity": st.sampled_from(
                [{"type": ["Service"]}, {"principalId": [{"exists": False}]}]
            ),
            "dynamodb": data,
        },
    )
    return top.filter(bool)


@settings(max_examples=250, deadline=None)
@given(
    found=st.lists(record_patterns(), min_size=1, max_size=3),
    changes=st.lists(st.tuples(items | st.none(), items | st.none(), st.booleans()), max_size=6),
    view=st.sampled_from(["NEW_AND_OLD_IMAGES", "NEW_IMAGE", "KEYS_ONLY"]),
)
def test_any_record(found: list[dict[str, Any]], changes: list[Any], view: str) -> None:
    records = [
        record_of(new, old, sequence=number, view=view, identity=TTL if expires else None)
        for number, (new, old, expires) in enumerate(changes)
        if not (new is None and old is None)
    ]
    selected = compile_filters([json.dumps(each) for each in found]).select(records, ARN)
    assert selected == [
        record
        for record in records
        if any(
            reference_matches(pattern, batch_event([record], ARN)["Records"][0])
            for pattern in found
        )
    ]
