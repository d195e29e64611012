"""Compiled rules: what of a record decides, looked up as quickly as may be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ...streams import Record
from .fields import conditions_of, fields_of, holds
from .hints import hints_of
from .operators import Accepts, Alternative
from .pattern import Path, Rule

EVENT_NAMES = ("INSERT", "MODIFY", "REMOVE")
_EVENT_NAME: Path = ("eventName",)


class _ArrayFound(Exception):
    """A path leads through an array: its elements belong together, so all fields are needed."""


class CompiledRule:
    """One rule of a pattern. `event_names` are the events whose records can fulfil it at all."""

    def __init__(self, rule: Rule) -> None:
        others = dict(rule)
        named = others.pop(_EVENT_NAME, None)
        self.event_names = frozenset(
            name for name in EVENT_NAMES if named is None or _accepts_any(named, name)
        )
        self.hints = hints_of(others)
        """Bytes of which one is in each record that fulfils it; none where nothing is known."""
        self.is_decided = not others
        """Whether the event's name says it all."""
        self.is_about_arn = any(path[0] == "eventSourceARN" for path in others)
        self.is_about_identity = any(path[0] == "userIdentity" for path in others)
        self._conditions = conditions_of(others)
        self._tests = [_test_of(path, alternatives) for path, alternatives in others.items()]
        if any("." in name for path in others for name in path):
            # EventBridge takes "a.b" for a way through objects too.
            self._tests = [_look_at_all]

    def possible(self, records: Sequence[Record]) -> list[Record]:
        """The records that may fulfil it, as far as their bytes tell."""
        names, hints = self.event_names, self.hints
        if len(names) < len(EVENT_NAMES):
            records = [record for record in records if record.event_name in names]
        if not hints:
            return list(records)
        if len(hints) == 1:
            hint = hints[0]
            return [record for record in records if hint in record.body]
        return [record for record in records if any(hint in record.body for hint in hints)]

    def matches(self, record: dict[str, Any]) -> bool:
        """Whether a parsed record of one of the events fulfils it."""
        try:
            for test in self._tests:
                if not test(record):
                    return False
        except _ArrayFound:
            return holds(self._conditions, fields_of(record))
        return True


def _look_at_all(record: dict[str, Any]) -> bool:
    raise _ArrayFound


def _test_of(path: Path, alternatives: tuple[Alternative, ...]) -> Callable[[dict[str, Any]], bool]:
    accepts = _accepts_one_of(alternatives)
    accepts_absence = any(each.is_absence for each in alternatives)
    *steps, last = path

    def test(record: dict[str, Any]) -> bool:
        value: Any = record
        for step in steps:
            value = value.get(step)
            if type(value) is not dict:
                if type(value) is list:
                    raise _ArrayFound
                return accepts_absence
        if last not in value:
            return accepts_absence
        value = value[last]
        if type(value) is list:
            return _test_elements(value)
        return accepts_absence if type(value) is dict else accepts(value)

    def _test_elements(values: list[Any]) -> bool:
        if any(type(value) is list for value in values):
            raise _ArrayFound
        plain = [value for value in values if type(value) is not dict]
        return any(map(accepts, plain)) if plain else accepts_absence

    return test


def _accepts_one_of(alternatives: Sequence[Alternative]) -> Accepts:
    """One test in place of many: a look into a set where all of them are exact strings."""
    texts = [each.exact for each in alternatives if isinstance(each.exact, str)]
    if len(texts) == len(alternatives):
        return frozenset(texts).__contains__
    if len(alternatives) == 1:
        return alternatives[0].accepts
    tests = [each.accepts for each in alternatives]
    return lambda value: any(accepts(value) for accepts in tests)


def _accepts_any(alternatives: Sequence[Alternative], value: str) -> bool:
    return any(each.accepts(value) for each in alternatives)
