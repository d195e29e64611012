"""The parameters from before expressions, translated into the trees that expressions parse to.

AttributesToGet, Expected, ConditionalOperator, AttributeUpdates, KeyConditions, QueryFilter and
ScanFilter have their own checks and words; what they ask for is evaluated as expressions are.
"""

from .attributes import projection_from_names, update_from_attributes
from .conditions import expected_condition, filter_condition
from .key_conditions import key_condition_from
from .members import LEGACY_MEMBERS, uses_legacy

__all__ = [
    # whether a request has any
    "LEGACY_MEMBERS",
    "uses_legacy",
    # what they translate into
    "expected_condition",
    "filter_condition",
    "key_condition_from",
    "projection_from_names",
    "update_from_attributes",
]
