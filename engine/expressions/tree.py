"""What an expression says, as a tree; the legacy parameters of the API translate into it too.

A tree knows no item and no placeholder's meaning. `NameRef` and `ValueRef` are the placeholders
(`#name`, `:value`) of the request; a plain name is a `str` and a value without a placeholder a
`Literal`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from ..values import AttributeValue

# --- operands ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NameRef:
    """An attribute name by its placeholder, `#` included."""

    placeholder: str


PathElement: TypeAlias = str | NameRef | int


@dataclass(frozen=True, slots=True)
class Path:
    """A place in a document: `a.#b[0]` is `("a", NameRef("#b"), 0)`."""

    elements: tuple[PathElement, ...]


@dataclass(frozen=True, slots=True)
class ValueRef:
    """A value by its placeholder, `:` included."""

    placeholder: str


@dataclass(frozen=True, slots=True)
class Literal:
    """A canonical value that stands for itself."""

    value: AttributeValue


@dataclass(frozen=True, slots=True)
class Call:
    """A function of operands: an operand itself, a condition, or either, as its name has it."""

    function: str
    operands: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """A sum (`+`) or difference (`-`); it stands only on the right of a `Set`."""

    operator: str
    left: Operand
    right: Operand


Operand: TypeAlias = Path | ValueRef | Literal | Call

# --- conditions ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two operands and one of `=`, `<>`, `<`, `<=`, `>`, `>=`."""

    operator: str
    left: Operand
    right: Operand


@dataclass(frozen=True, slots=True)
class Between:
    """Whether an operand lies between two bounds, both included."""

    operand: Operand
    low: Operand
    high: Operand


@dataclass(frozen=True, slots=True)
class In:
    """Whether an operand equals one of some options."""

    operand: Operand
    options: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class And:
    """Whether all of two or more conditions hold."""

    conditions: tuple[ConditionTree, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Whether one of two or more conditions holds."""

    conditions: tuple[ConditionTree, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Whether a condition does not hold."""

    condition: ConditionTree


ConditionTree: TypeAlias = And | Or | Not | Comparison | Between | In | Call

# --- updates -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Set:
    """Put a value at a path."""

    path: Path
    value: Operand | Arithmetic


@dataclass(frozen=True, slots=True)
class Remove:
    """Take away what is at a path."""

    path: Path


@dataclass(frozen=True, slots=True)
class Add:
    """Add to the number, or unite with the set, at a path."""

    path: Path
    value: ValueRef | Literal


@dataclass(frozen=True, slots=True)
class Delete:
    """Take elements out of the set at a path."""

    path: Path
    value: ValueRef | Literal


Action: TypeAlias = Set | Remove | Add | Delete
UpdateTree: TypeAlias = tuple[Action, ...]
ProjectionTree: TypeAlias = tuple[Path, ...]
