"""What a PartiQL statement says, as a tree; its conditions and updates are those of expressions.

Every value is a `ValueRef` into the statement's `values`, so that one tree serves all parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ..expressions import tree
from ..values import AttributeValue

Template: TypeAlias = Callable[[Sequence[AttributeValue]], AttributeValue]
"""A value of a statement, made of the request's parameters."""


@dataclass(frozen=True, slots=True)
class Select:
    """A SELECT; `paths` None is `*`, `order` has names and whether they descend."""

    table: str
    index: str | None
    paths: tuple[tree.Path, ...] | None
    where: tree.ConditionTree | None
    order: tuple[tuple[str, bool], ...] = ()


@dataclass(frozen=True, slots=True)
class Exists:
    """EXISTS(SELECT ...): the condition check of a transaction."""

    select: Select

    @property
    def table(self) -> str:
        return self.select.table


@dataclass(frozen=True, slots=True)
class Insert:
    """INSERT INTO ... VALUE {...}."""

    table: str
    item: Template


@dataclass(frozen=True, slots=True)
class Update:
    """UPDATE; `returning` is the ReturnValues it amounts to."""

    table: str
    actions: tree.UpdateTree
    where: tree.ConditionTree | None
    returning: str = "NONE"


@dataclass(frozen=True, slots=True)
class Delete:
    """DELETE; `returning` is NONE or ALL_OLD."""

    table: str
    where: tree.ConditionTree | None
    returning: str = "NONE"


Command: TypeAlias = Select | Exists | Insert | Update | Delete


@dataclass(frozen=True, slots=True)
class Statement:
    """A parsed statement, for all its parameters."""

    command: Command
    values: tuple[tuple[str, Template], ...]
    """The placeholders of the command's `ValueRef`s, and what makes the values."""
    parameter_count: int

    @property
    def reads(self) -> bool:
        return isinstance(self.command, Select)
