"""DynamoDB's expression language: conditions, filters, key conditions, updates and projections.

Each request makes one `Placeholders` and binds its expressions with it; the results are pure
functions of an item. The way there: `tokens`, `tree`, `parser`, `resolve` (placeholders), `check`,
then `evaluate`, `update`, `project` and `key_condition` (trees to functions), joined in `bind`.
"""

from . import tree
from .bind import (
    Condition,
    Projection,
    Update,
    bind_condition,
    bind_filter,
    bind_key_condition,
    bind_projection,
    bind_update,
    condition_from_tree,
    update_from_tree,
    updated_values,
)
from .key_condition import (
    CLAUSES_MAX,
    NOT_SUPPORTED,
    KeyClause,
    KeyCondition,
    key_clause,
    too_many_conditions,
)
from .resolve import DocumentPath, Placeholders

__all__ = [
    # a request's names and values
    "Placeholders",
    # text to something to ask or apply
    "bind_condition",
    "bind_filter",
    "bind_key_condition",
    "bind_projection",
    "bind_update",
    "updated_values",
    # the results
    "Condition",
    "DocumentPath",
    "KeyCondition",
    "NOT_SUPPORTED",
    "Projection",
    "Update",
    # trees, for the legacy parameters
    "tree",
    "CLAUSES_MAX",
    "KeyClause",
    "condition_from_tree",
    "key_clause",
    "too_many_conditions",
    "update_from_tree",
]
