"""Filters: which records of a stream reach a handler, by Lambda's FilterCriteria.

A pattern is JSON in the dialect of Amazon EventBridge's event patterns and is held against the
record as AWS Lambda hands it over, typed values and all.
"""

from .errors import FilterPatternError
from .record_filter import PATTERN_CHARACTERS_MAX, RecordFilter, compile_filters

__all__ = ["PATTERN_CHARACTERS_MAX", "FilterPatternError", "RecordFilter", "compile_filters"]
