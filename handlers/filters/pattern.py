"""A pattern taken apart: which paths of a record must have which values."""

from __future__ import annotations

from collections.abc import Iterator

from .errors import PatternFault
from .json_text import Members, parse_json
from .operators import Alternative, alternative_of

Path = tuple[str, ...]
Rule = dict[Path, tuple[Alternative, ...]]
"""What has to hold all together: each path has a value that one of its alternatives accepts."""

OR = "$or"
RULES_MAX = 1_000
"""How many rules one pattern may come to. Source: the EventBridge user guide."""
LEVELS_MAX = 200
"""Deeper than any record: an item has 32 levels, each of an attribute and its type."""

RESERVED_IN_OR = frozenset(
    "exactly equals-ignore-case prefix suffix anything-but exists wildcard numeric cidr "
    "= < <= > >= regex not-wildcard not-equals-ignore-case date-after date-on-or-after "
    "date-before date-on-or-before in-date-range ip-address-in-range "
    "ip-address-not-in-range".split()
)
"""Names that EventBridge does not take for those of a record inside "$or"."""


def rules_of(text: str) -> list[Rule]:
    """The rules of a pattern, of which a record has to fulfil one; more than one come from "$or".

    A path that is named twice has the alternatives that come last, in each rule it is in.
    Raises PatternFault. Source: AWS's open-source rule compiler, aws/event-ruler.
    """
    pattern = parse_json(text)
    if not isinstance(pattern, Members):
        raise PatternFault("it is not an object")
    return _with_object([{}], pattern, (), in_or=False)


def _with_object(rules: list[Rule], members: Members, path: Path, *, in_or: bool) -> list[Rule]:
    if not members:
        raise PatternFault("an object is not empty", path)
    if len(path) > LEVELS_MAX:
        raise PatternFault("it is nested too deeply")
    for name, value in members:
        here = (*path, name)
        if name == OR:
            rules = list(_with_or(rules, value, path))
        elif in_or and name in RESERVED_IN_OR:
            raise PatternFault(f'"{name}" is no name of a record inside "{OR}"', path)
        elif isinstance(value, Members):
            rules = _with_object(rules, value, here, in_or=in_or)
        elif isinstance(value, list):
            alternatives = tuple(_alternatives_of(value, here))
            rules = [{**rule, here: alternatives} for rule in rules]
        else:
            raise PatternFault("values stand in an array, or names in an object", here)
    return rules


def _with_or(rules: list[Rule], branches: object, path: Path) -> Iterator[Rule]:
    if not isinstance(branches, list) or len(branches) < 2:
        raise PatternFault(f'"{OR}" is an array of two objects or more', path)
    count = 0
    for branch in branches:
        if not isinstance(branch, Members):
            raise PatternFault(f'in "{OR}" there are only objects', path)
        for rule in _with_object(rules, branch, path, in_or=True):
            count += 1
            if count > RULES_MAX:
                raise PatternFault(f'"{OR}" comes to more than {RULES_MAX} combinations', path)
            yield rule


def _alternatives_of(values: list[object], path: Path) -> Iterator[Alternative]:
    if not values:
        raise PatternFault("an array is not empty", path)
    for value in values:
        try:
            yield alternative_of(value)
        except PatternFault as fault:
            raise PatternFault(fault.what, path) from None
