"""Rules held against all fields of a record at once, with arrays on the way to them.

What lies in one element of an array belongs together: a rule that names two members of an array's
objects wants both in the same element. Source: AWS's open-source matcher, aws/event-ruler.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any

from .operators import Alternative
from .pattern import Rule

Elements = dict[int, int]
"""Which element of each array a value lies in, by the array's number in its record."""

Fields = dict[str, list[tuple[Any, Elements]]]
"""The values of a record by their dotted paths."""

Conditions = Sequence[tuple[str, tuple[Alternative, ...]]]


def conditions_of(rule: Rule) -> Conditions:
    """A rule by dotted paths, in the order in which they are looked at."""
    dotted = {".".join(path): alternatives for path, alternatives in rule.items()}
    return sorted(dotted.items(), key=itemgetter(0))


def fields_of(record: Mapping[str, Any]) -> Fields:
    fields: Fields = {}
    numbers = itertools.count()
    _gather(record, "", {}, fields, numbers)
    return fields


def _gather(
    value: Any, path: str, elements: Elements, fields: Fields, numbers: Iterator[int]
) -> None:
    if isinstance(value, dict):
        for name, member in value.items():
            _gather(member, f"{path}.{name}" if path else name, elements, fields, numbers)
    elif isinstance(value, list):
        number = next(numbers)
        for index, element in enumerate(value):
            is_plain = not isinstance(element, dict | list)
            within = elements if is_plain else {**elements, number: index}
            _gather(element, path, within, fields, numbers)
    else:
        fields.setdefault(path, []).append((value, elements))


def holds(conditions: Conditions, fields: Fields, elements: Elements | None = None) -> bool:
    """Whether values can be chosen that fulfil all conditions and lie in the same elements."""
    if not conditions:
        return True
    chosen = elements or {}
    (path, alternatives), *others = conditions
    reachable = [
        (value, where) for value, where in fields.get(path, ()) if _is_consistent(chosen, where)
    ]
    if not reachable and any(each.is_absence for each in alternatives):
        return holds(others, fields, chosen)
    return any(
        holds(others, fields, {**chosen, **where})
        for value, where in reachable
        if any(each.accepts(value) for each in alternatives)
    )


def _is_consistent(chosen: Elements, where: Elements) -> bool:
    return all(chosen.get(number, index) == index for number, index in where.items())
