"""PartiQL: statements, translated into the conditions, updates and writes of the rest.

The way: `tokens`, `parser` (with `conditions` and `values`) to a `tree` cached by text, then
`bind`, which puts a request's parameters in and finds the key that a WHERE names.
"""

from .bind import (
    BoundStatement,
    Clause,
    bind_statement,
    clause_of,
    conjuncts,
    joined,
    key_of_where,
    projection_of,
    write_of,
)
from .parser import parse_statement
from .tree import Command, Delete, Exists, Insert, Select, Statement, Update

__all__ = [
    # text to a statement
    "parse_statement",
    "Command",
    "Delete",
    "Exists",
    "Insert",
    "Select",
    "Statement",
    "Update",
    # a statement to what runs
    "BoundStatement",
    "Clause",
    "bind_statement",
    "clause_of",
    "conjuncts",
    "joined",
    "key_of_where",
    "projection_of",
    "write_of",
]
