"""Expressions bound to a request: text and placeholders in, something to ask or apply out.

Work is done once and kept: parsing by text, checking and compiling by text, names and types of
values. What is left for a request is to look its placeholders up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, TypeVar

from ..errors import ValidationException
from ..values import Item, type_of
from . import tree
from .check import check_condition, check_paths, check_update, leaves, operands_of, references
from .evaluate import Test, ValueCheck, Values, compile_condition, value_checks
from .key_condition import KeyClause, KeyCondition, compile_key_condition
from .parser import Parsed, parse_condition, parse_projection, parse_update
from .project import Projector, compile_projection, top_level_names
from .remembering import remembered_by_names
from .resolve import DocumentPath, Placeholders, Scope
from .tokens import InvalidExpression
from .update import WRONG_TYPE, Updater, compile_update

NO_VALUES: Values = {}

T = TypeVar("T")
P = TypeVar("P")
_Strings = tuple[str, ...]


class Condition:
    """A condition with its values; `attributes` are the top-level names it speaks of.

    `entered` are those of them that it looks into, as into a map or list.
    """

    __slots__ = ("attributes", "entered", "_test", "_values")

    def __init__(
        self,
        test: Test,
        values: Values,
        attributes: frozenset[str],
        entered: frozenset[str] = frozenset(),
    ) -> None:
        self.attributes = attributes
        self.entered = entered
        self._test = test
        self._values = values

    def matches(self, item: Item | None) -> bool:
        """Say whether the condition holds for an item; None is one that does not exist."""
        return self._test({} if item is None else item, self._values)


class Update:
    """An update with its values.

    `paths` are the places it touches, `top_level` the attributes these lie in, and `creates` says
    whether it makes an item where there is none (an update that only takes away does not).
    """

    __slots__ = ("_program", "_values")

    def __init__(self, program: UpdateProgram, values: Values) -> None:
        self._program = program
        self._values = values

    @property
    def paths(self) -> tuple[DocumentPath, ...]:
        return self._program.paths

    @property
    def top_level(self) -> frozenset[str]:
        return self._program.top_level

    @property
    def creates(self) -> bool:
        return self._program.creates

    @property
    def kinds(self) -> tuple[tuple[str, str], ...]:
        """The attributes that get a value whose type no item can change, with that type."""
        return self._program.kinds

    @property
    def entered(self) -> tuple[str, ...]:
        """The attributes that it looks into, as into a map or list, on either side."""
        return self._program.entered

    def apply(self, item: Item) -> Item:
        """Return the item after the update; the item given stays as it is.

        Raises:
            ValidationException: when the update does not fit the item.
        """
        return self._program.update(item, self._values)

    def touched(self, item: Item) -> Item:
        """Return the part of an item that lies at the update's paths."""
        return self._program.project(item)


class Projection:
    """The paths of an item to show; `top_level` are the attributes they lie in.

    `entered` are those of these that are not shown whole.
    """

    __slots__ = ("paths", "top_level", "entered", "project")

    def __init__(self, paths: tuple[DocumentPath, ...]) -> None:
        self.paths = paths
        self.top_level = top_level_names(paths)
        self.entered = top_level_names([path for path in paths if len(path) > 1])
        self.project: Projector = compile_projection(paths)


class ConditionProgram(NamedTuple):
    """A compiled condition, for all requests that differ only in their values."""

    test: Test
    value_checks: tuple[ValueCheck, ...]
    attributes: frozenset[str]
    entered: frozenset[str]


class UpdateProgram(NamedTuple):
    """A compiled update, for all requests that differ only in their values."""

    update: Updater
    paths: tuple[DocumentPath, ...]
    top_level: frozenset[str]
    creates: bool
    project: Projector
    kinds: tuple[tuple[str, str], ...]
    entered: tuple[str, ...]


class KeyConditionProgram(NamedTuple):
    """A compiled key condition, for all requests that differ only in their values."""

    clauses: dict[str, KeyClause]
    value_checks: tuple[ValueCheck, ...]


def bind_condition(
    text: str, placeholders: Placeholders, kind: str = "ConditionExpression"
) -> Condition:
    """Bind a condition; `kind` is the member of the request it comes from.

    Raises:
        ValidationException: when the expression is refused.
    """
    try:
        parsed = parse_condition(text)
        program = _condition_program(parsed, *_meanings(parsed, placeholders, check_condition))
        for check in program.value_checks:
            check(placeholders.values)
    except InvalidExpression as error:
        raise _refused(kind, error) from None
    return Condition(program.test, placeholders.values, program.attributes, program.entered)


def bind_filter(text: str, placeholders: Placeholders) -> Condition:
    """Bind a filter; raises as `bind_condition` does."""
    return bind_condition(text, placeholders, "FilterExpression")


def bind_update(text: str, placeholders: Placeholders) -> Update:
    """Bind an update.

    Raises:
        ValidationException: when the expression is refused.
    """
    try:
        parsed = parse_update(text)
        program = _update_program(parsed, *_meanings(parsed, placeholders, check_update))
    except InvalidExpression as error:
        raise _refused("UpdateExpression", error) from None
    return Update(program, placeholders.values)


def bind_projection(text: str, placeholders: Placeholders) -> Projection:
    """Bind a projection.

    Raises:
        ValidationException: when the expression is refused.
    """
    try:
        parsed = parse_projection(text)
        return _projection(parsed, *_meanings(parsed, placeholders, _check_projection))
    except InvalidExpression as error:
        raise _refused("ProjectionExpression", error) from None


def bind_key_condition(text: str, placeholders: Placeholders) -> KeyCondition:
    """Bind a key condition.

    Raises:
        ValidationException: when the expression is refused, or is no key condition.
    """
    try:
        parsed = parse_condition(text)
        program = _key_condition_program(parsed, *_meanings(parsed, placeholders, check_condition))
        for check in program.value_checks:
            check(placeholders.values)
    except InvalidExpression as error:
        raise _refused("KeyConditionExpression", error) from None
    return KeyCondition(program.clauses, placeholders.values)


def updated_values(update: Update, item: Item) -> Item:
    """Return the part of an item that an update touches, as ReturnValues UPDATED_* shows it."""
    return update.touched(item)


# --- trees of other languages --------------------------------------------------------------


def condition_from_tree(condition: tree.ConditionTree, values: Values = NO_VALUES) -> Condition:
    """Make a condition of a tree whose names are plain; `values` are those it refers to."""
    scope = Scope({}, {})
    attributes = frozenset(top_level_names(_paths(condition, scope)))
    return Condition(compile_condition(condition, scope), values, attributes)


def update_from_tree(
    actions: tree.UpdateTree, values: Values = NO_VALUES, *, wrong_type: str = WRONG_TYPE
) -> Update:
    """Make an update of actions whose names are plain; `values` are those they refer to.

    `wrong_type` is what it says of an item whose attributes do not have the types it needs.
    """
    types = {placeholder: type_of(value) for placeholder, value in values.items()}
    program = _compiled_update(actions, Scope({}, types))
    if wrong_type != WRONG_TYPE:
        program = program._replace(update=_in_other_words(program.update, wrong_type))
    return Update(program, values)


def _in_other_words(update: Updater, wrong_type: str) -> Updater:
    def updated(item: Item, values: Values) -> Item:
        try:
            return update(item, values)
        except ValidationException as error:
            if error.message == WRONG_TYPE:
                raise ValidationException(wrong_type) from None
            raise

    return updated


# --- compiling -----------------------------------------------------------------------------------


def _meanings(
    parsed: Parsed[T], placeholders: Placeholders, check: Callable[[T, Scope], None]
) -> tuple[_Strings, _Strings]:
    """Return the names and the types of values that an expression's placeholders stand for.

    Where one is not defined, `check` raises the error that comes first in the expression.
    """
    names, values = placeholders.names, placeholders.values
    try:
        meanings = (
            tuple([names[placeholder] for placeholder in parsed.names]),
            tuple([kind for placeholder in parsed.values for kind in values[placeholder]]),
        )
    except KeyError:
        types = {placeholder: type_of(value) for placeholder, value in values.items()}
        check(parsed.tree, Scope(names, types))
        raise AssertionError("the check finds what is not defined") from None
    placeholders.note_used(parsed.placeholders)
    return meanings


def _scope(parsed: Parsed[T], names: _Strings, types: _Strings) -> Scope:
    return Scope(
        dict(zip(parsed.names, names, strict=True)), dict(zip(parsed.values, types, strict=True))
    )


@remembered_by_names
def _condition_program(
    parsed: Parsed[tree.ConditionTree], names: _Strings, types: _Strings
) -> ConditionProgram:
    scope = _scope(parsed, names, types)
    check_condition(parsed.tree, scope)
    paths = _paths(parsed.tree, scope)
    return ConditionProgram(
        compile_condition(parsed.tree, scope),
        value_checks(parsed.tree),
        frozenset(top_level_names(paths)),
        frozenset(top_level_names([path for path in paths if len(path) > 1])),
    )


@remembered_by_names
def _update_program(
    parsed: Parsed[tree.UpdateTree], names: _Strings, types: _Strings
) -> UpdateProgram:
    scope = _scope(parsed, names, types)
    check_update(parsed.tree, scope)
    return _compiled_update(parsed.tree, scope)


def _compiled_update(actions: tree.UpdateTree, scope: Scope) -> UpdateProgram:
    paths = tuple(scope.path(action.path) for action in actions)
    read = [scope.path(path) for action in actions for path in _read_paths(action)]
    return UpdateProgram(
        compile_update(actions, scope),
        paths,
        frozenset(top_level_names(paths)),
        any(isinstance(action, tree.Set | tree.Add) for action in actions),
        compile_projection(paths),
        tuple(_certain_kinds(zip(paths, actions, strict=True), scope)),
        top_level_names([path for path in (*paths, *read) if len(path) > 1]),
    )


def _read_paths(action: tree.Action) -> list[tree.Path]:
    """The paths on the right of a SET."""
    if not isinstance(action, tree.Set):
        return []
    value = action.value
    operands = (value.left, value.right) if isinstance(value, tree.Arithmetic) else (value,)
    found = [reference for operand in operands for reference in references(operand)]
    return [reference for reference in found if isinstance(reference, tree.Path)]


def _certain_kinds(
    changes: Iterable[tuple[DocumentPath, tree.Action]], scope: Scope
) -> Iterator[tuple[str, str]]:
    for path, action in changes:
        if len(path) > 1 or not isinstance(action, tree.Set | tree.Add):
            continue
        value = action.value
        if isinstance(value, tree.Arithmetic):
            yield str(path[0]), "N"
        elif isinstance(value, tree.ValueRef | tree.Literal):
            yield str(path[0]), scope.type_of(value)


@remembered_by_names
def _projection(
    parsed: Parsed[tree.ProjectionTree], names: _Strings, types: _Strings
) -> Projection:
    scope = _scope(parsed, names, types)
    _check_projection(parsed.tree, scope)
    return Projection(tuple(map(scope.path, parsed.tree)))


def _check_projection(paths: tree.ProjectionTree, scope: Scope) -> None:
    check_paths([scope.path(path) for path in paths])


@remembered_by_names
def _key_condition_program(
    parsed: Parsed[tree.ConditionTree], names: _Strings, types: _Strings
) -> KeyConditionProgram:
    scope = _scope(parsed, names, types)
    check_condition(parsed.tree, scope)
    return KeyConditionProgram(compile_key_condition(parsed.tree, scope), value_checks(parsed.tree))


def _paths(condition: tree.ConditionTree, scope: Scope) -> list[DocumentPath]:
    return [
        scope.path(reference)
        for leaf in leaves(condition)
        for operand in operands_of(leaf)
        for reference in references(operand)
        if isinstance(reference, tree.Path)
    ]


def _refused(kind: str, error: InvalidExpression) -> ValidationException:
    return ValidationException(f"Invalid {kind}: {error}")
