"""Queries of indexes with any number of key attributes, against a sorted and filtered list."""

from __future__ import annotations

import itertools
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.consistency import index_faults, sortable
from tests.region import Answer, Item, N, Region, S, Value, index

VALUES_OF: dict[str, st.SearchStrategy[Value]] = {
    "S": st.text(alphabet="\x00\x01ab\uffff", min_size=1, max_size=2).map(S),
    "N": st.sampled_from(["-10", "-1", "0", "1", "2", "10"]).map(N),
    "B": st.binary(min_size=1, max_size=2).map(lambda raw: {"B": b64encode(raw).decode()}),
}
OPERATORS: dict[str, Callable[[Any, list[Any]], bool]] = {
    "=": lambda value, given: value == given[0],
    "<": lambda value, given: value < given[0],
    "<=": lambda value, given: value <= given[0],
    ">": lambda value, given: value > given[0],
    ">=": lambda value, given: value >= given[0],
    "BETWEEN": lambda value, given: given[0] <= value <= given[1],
    "begins_with": lambda value, given: value.startswith(given[0]),
}
ordinals = itertools.count()


@pytest.fixture(scope="module")
def shared_region() -> Iterator[Region]:
    region = Region()
    yield region
    region.close()


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[str], list[str], dict[str, str], list[Item]]:
    """Names of an index's key attributes, their types, and items of which some lack one."""
    partitions = [f"h{number}" for number in range(draw(st.integers(1, 4)))]
    sorts = [f"r{number}" for number in range(draw(st.integers(0, 4)))]
    types = {name: draw(st.sampled_from("SNB")) for name in (*partitions, *sorts)}
    # Few values for each attribute: many items share a partition and a beginning of the sort key.
    pools = {
        name: draw(st.lists(VALUES_OF[kind], min_size=1, max_size=1 if name[0] == "h" else 3))
        for name, kind in types.items()
    }
    items = []
    for number in range(draw(st.integers(1, 12))):
        item = {name: draw(st.sampled_from(pool)) for name, pool in pools.items()}
        if draw(st.integers(0, 9)) == 0:
            del item[draw(st.sampled_from(sorted(item)))]
        items.append({"id": S(f"{number:02}"), **item})
    return partitions, sorts, types, items


def condition_text(names: list[str], operator: str) -> str:
    """A key condition on names, in another order than the key's; the last has the operator."""
    parts = [f"{name} = :{name}" for name in names[:-1]]
    last = names[-1]
    if operator == "BETWEEN":
        parts.append(f"{last} BETWEEN :{last} AND :upper")
    elif operator == "begins_with":
        parts.append(f"begins_with({last}, :{last})")
    else:
        parts.append(f"{last} {operator} :{last}")
    return " AND ".join(reversed(parts))


@settings(max_examples=80, deadline=None)
@given(case=cases(), data=st.data())
def test_a_query_gives_what_a_sorted_and_filtered_list_would(
    shared_region: Region,
    case: tuple[list[str], list[str], dict[str, str], list[Item]],
    data: st.DataObject,
) -> None:
    partitions, sorts, types, items = case
    region, table = shared_region, f"case-{next(ordinals)}"
    region.create(table, types=types, shared=[index("wide", partitions, sorts or None)])
    for item in items:
        region.put(item, table)
    whole = [item for item in items if types.keys() <= item.keys()]
    sought = data.draw(st.sampled_from(items))
    values = {name: sought.get(name) or data.draw(VALUES_OF[types[name]]) for name in types}
    named = data.draw(st.integers(0, len(sorts)))
    names = [*partitions, *sorts[:named]]
    operator, given_values = "=", [values[names[-1]]]
    if named:
        allowed = [each for each in OPERATORS if each != "begins_with" or types[names[-1]] != "N"]
        operator = data.draw(st.sampled_from(allowed))
        values[names[-1]] = data.draw(VALUES_OF[types[names[-1]]] | st.just(values[names[-1]]))
        given_values = [values[names[-1]]]
        if operator == "BETWEEN":
            upper = data.draw(VALUES_OF[types[names[-1]]])
            given_values = sorted([*given_values, upper], key=sortable)
            values[names[-1]] = given_values[0]

    def matches(item: Item) -> bool:
        return all(sortable(item[each]) == sortable(values[each]) for each in names[:-1]) and (
            OPERATORS[operator](
                comparable(item[names[-1]]), [comparable(each) for each in given_values]
            )
        )

    reverse = data.draw(st.booleans())
    expected = sorted(
        filter(matches, whole),
        key=lambda item: [*(sortable(item[each]) for each in sorts), item["id"]["S"]],
        reverse=reverse,
    )
    request: Answer = {
        "TableName": table,
        "IndexName": "wide",
        "KeyConditionExpression": condition_text(names, operator),
        "ExpressionAttributeValues": {f":{name}": values[name] for name in names},
        "ScanIndexForward": not reverse,
    }
    if operator == "BETWEEN":
        request["ExpressionAttributeValues"][":upper"] = given_values[1]
    assert region.items("Query", **request) == expected
    assert region.items("Query", **request, Limit=data.draw(st.integers(1, 3))) == expected
    assert index_faults(region, table) == []
    region.call("DeleteTable", TableName=table)


def comparable(value: Value) -> Any:
    ((kind, content),) = value.items()
    return b64decode(content) if kind == "B" else sortable(value)
