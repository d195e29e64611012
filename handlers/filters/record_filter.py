"""Filters at work: the records of a batch that match one of a mapping's patterns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from ...streams import Record
from ..event import as_lambda_record
from .errors import FilterPatternError, PatternFault
from .pattern import rules_of
from .rules import CompiledRule

PATTERN_CHARACTERS_MAX = 4096
"""Lambda's limit of a pattern. Source: the service's model."""


def compile_filters(patterns: Sequence[str]) -> RecordFilter:
    """The filter of a mapping with these patterns; with none every record passes.

    Raises FilterPatternError for the first pattern that is none.
    """
    rules = []
    for number, text in enumerate(patterns, 1):
        try:
            if len(text) > PATTERN_CHARACTERS_MAX:
                raise PatternFault(
                    f"it has {len(text):,} characters, more than {PATTERN_CHARACTERS_MAX:,}"
                )
            rules += [CompiledRule(rule) for rule in rules_of(text)]
        except PatternFault as fault:
            raise FilterPatternError(number, fault) from None
    return RecordFilter(rules, passes_all=not patterns)


class RecordFilter:
    """Tells which records match. It keeps nothing of them, so that many threads may share one."""

    def __init__(self, rules: Sequence[CompiledRule], *, passes_all: bool = False) -> None:
        self._rules = rules
        self.passes_all = passes_all
        self._is_about_arn = any(rule.is_about_arn for rule in rules)
        self._is_about_identity = any(rule.is_about_identity for rule in rules)

    def matches(self, record: Record, stream_arn: str) -> bool:
        """Whether a record of a stream matches one of the patterns."""
        return bool(self.select([record], stream_arn))

    def select(self, records: Sequence[Record], stream_arn: str) -> list[Record]:
        """The records of a stream that match, in their order.

        Most records that do not match are told by their bytes. Those left are parsed together,
        and only as far as needed made what Lambda hands over.
        """
        if self.passes_all:
            return list(records)
        if len(self._rules) == 1:
            return self._select_by(self._rules[0], records, stream_arn)
        chosen: set[int] = set()
        for rule in self._rules:
            left = [record for record in records if record.sequence not in chosen]
            chosen.update(record.sequence for record in self._select_by(rule, left, stream_arn))
        return [record for record in records if record.sequence in chosen]

    def _select_by(
        self, rule: CompiledRule, records: Sequence[Record], stream_arn: str
    ) -> list[Record]:
        possible = rule.possible(records)
        if rule.is_decided or not possible:
            return possible
        parsed = self._parse(possible, stream_arn)
        matches = rule.matches
        return [record for record, each in zip(possible, parsed, strict=True) if matches(each)]

    def _parse(self, records: Sequence[Record], stream_arn: str) -> list[dict[str, Any]]:
        parsed: list[dict[str, Any]] = orjson.loads(
            b"[%b]" % b",".join([record.body for record in records])
        )
        if self._is_about_arn or self._is_about_identity:
            for record in parsed:
                as_lambda_record(record, stream_arn)
        return parsed
