"""Updates as functions from an item to the item after it; the item before stays untouched.

Every right-hand side is computed from the item as it was, and every index means the place an
element had in it. So the changes come in this order: values are put in place, then things are
taken out, elements of lists from the back, and last come the elements that were set beyond the
end of their list, which are appended in the order of their indexes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

from .. import numbers
from ..errors import ValidationException
from ..values import LEVELS_MAX, AttributeValue, Item, levels_of
from . import tree
from .evaluate import Getter, Values, getter_of_path, getter_of_value
from .resolve import DocumentPath, Scope

Compute: TypeAlias = Callable[[Item, Values], AttributeValue | None]
"""The value to put at an action's path, or None to take away what is there."""

Updater: TypeAlias = Callable[[Item, Values], Item]

_NO_SUCH_ATTRIBUTE = (
    "The provided expression refers to an attribute that does not exist in the item"
)
WRONG_TYPE = "An operand in the update expression has an incorrect data type"
_INVALID_PATH = "The document path provided in the update expression is invalid for update"
_TOO_DEEP = "Nesting Levels have exceeded supported limits"


def compile_update(actions: tree.UpdateTree, scope: Scope) -> Updater:
    """Return the function that applies checked actions to an item."""
    changes = [
        _Change(scope.path(action.path), _compile_action(action, scope)) for action in actions
    ]
    if all(len(change.path) == 1 for change in changes):
        return _top_level_updater([(str(path[0]), compute) for path, compute in changes])
    return _nested_updater(changes)


class _Change(NamedTuple):
    path: DocumentPath
    compute: Compute


def _top_level_updater(changes: Sequence[tuple[str, Compute]]) -> Updater:
    if len(changes) == 1:
        [(only_name, only_compute)] = changes

        def update_one(item: Item, values: Values) -> Item:
            value = only_compute(item, values)
            if value is not None:
                return {**item, only_name: value}
            return {name: item[name] for name in item if name != only_name}

        return update_one

    def update(item: Item, values: Values) -> Item:
        result = dict(item)
        for name, compute in changes:
            value = compute(item, values)
            if value is not None:
                result[name] = value
            else:
                result.pop(name, None)
        return result

    return update


def _nested_updater(changes: Sequence[_Change]) -> Updater:
    def update(item: Item, values: Values) -> Item:
        computed = [(path, compute(item, values)) for path, compute in changes]
        puts = [(path, value) for path, value in computed if value is not None]
        removals = [path for path, value in computed if value is None]
        # Paths that do not clash differ first between two names or between two indexes, so they
        # have an order; among elements of one list it is that of their indexes.
        draft = _Draft(item)
        for path, value in sorted(puts, key=_path_of):
            draft.put(path, value)
        for path in sorted(removals, reverse=True):
            draft.remove(path)
        draft.append_elements()
        return draft.item

    return update


def _path_of(change: tuple[DocumentPath, AttributeValue]) -> DocumentPath:
    return change[0]


class _Draft:
    """An item in the making: what is changed is copied first, once, the rest is shared."""

    def __init__(self, item: Item) -> None:
        self.item = dict(item)
        self._copies: set[int] = set()
        self._beyond: list[tuple[list[AttributeValue], AttributeValue]] = []

    def put(self, path: DocumentPath, value: AttributeValue) -> None:
        if len(path) - 1 + levels_of(value) > LEVELS_MAX:
            raise ValidationException(_TOO_DEEP)
        container, last = self._container(path)
        if isinstance(container, dict):
            container[last] = value
        elif last < len(container):
            container[last] = value
        else:
            self._beyond.append((container, value))

    def remove(self, path: DocumentPath) -> None:
        container, last = self._container(path)
        if isinstance(container, dict):
            container.pop(last, None)
        elif last < len(container):
            del container[last]

    def append_elements(self) -> None:
        """Append what was put beyond the ends of lists, in the order in which it was put."""
        for elements, value in self._beyond:
            elements.append(value)

    def _container(self, path: DocumentPath) -> tuple[Any, Any]:
        """Return the members or elements that a path ends in, free to change, and its end."""
        container: Any = self.item
        for element, following in zip(path, path[1:], strict=False):
            container = self._content(container, element, "M" if type(following) is str else "L")
        return container, path[-1]

    def _content(self, container: Any, element: Any, kind: str) -> Any:
        """Return the content of the map or list at `element`, a copy unless it is one already."""
        try:
            value = container[element]
            content = value[kind]
        except LookupError:
            raise ValidationException(_INVALID_PATH) from None
        if id(content) not in self._copies:
            content = content.copy()
            container[element] = {kind: content}
            self._copies.add(id(content))
        return content


# --- what is put in place ------------------------------------------------------------------------


def _compile_action(action: tree.Action, scope: Scope) -> Compute:
    if isinstance(action, tree.Remove):
        return lambda item, values: None
    if isinstance(action, tree.Set):
        return _compile_set_value(action.value, scope)
    old_of = getter_of_path(scope.path(action.path))
    operand_of = getter_of_value(action.value)
    return (_addition if isinstance(action, tree.Add) else _deletion)(old_of, operand_of)


def _compile_set_value(value: tree.Operand | tree.Arithmetic, scope: Scope) -> Compute:
    if isinstance(value, tree.Arithmetic):
        left, right = _compile_operand(value.left, scope), _compile_operand(value.right, scope)
        return _arithmetic(numbers.add if value.operator == "+" else numbers.subtract, left, right)
    return _compile_operand(value, scope)


def _compile_operand(operand: tree.Operand, scope: Scope) -> Getter:
    """Return the function that gets an operand; it raises where there is none."""
    if isinstance(operand, tree.Path):
        return _required(getter_of_path(scope.path(operand)))
    if not isinstance(operand, tree.Call):
        return getter_of_value(operand)
    first, second = operand.operands
    if operand.function == "list_append":
        return _list_append(_compile_operand(first, scope), _compile_operand(second, scope))
    assert isinstance(first, tree.Path), "the checks let only paths through"
    return _if_not_exists(getter_of_path(scope.path(first)), _compile_operand(second, scope))


def _required(value_of: Getter) -> Getter:
    def required(item: Item, values: Values) -> AttributeValue:
        value = value_of(item, values)
        if value is None:
            raise ValidationException(_NO_SUCH_ATTRIBUTE)
        return value

    return required


def _if_not_exists(value_of: Getter, otherwise: Getter) -> Getter:
    def existing(item: Item, values: Values) -> AttributeValue | None:
        value = value_of(item, values)
        return otherwise(item, values) if value is None else value

    return existing


def _list_append(first_of: Getter, second_of: Getter) -> Getter:
    def joined(item: Item, values: Values) -> AttributeValue:
        first, second = first_of(item, values), second_of(item, values)
        return {"L": _content(first, "L") + _content(second, "L")}

    return joined


def _arithmetic(operation: Callable[[str, str], str], left_of: Getter, right_of: Getter) -> Getter:
    def result(item: Item, values: Values) -> AttributeValue:
        left, right = left_of(item, values), right_of(item, values)
        return {"N": operation(_content(left, "N"), _content(right, "N"))}

    return result


def _content(value: AttributeValue | None, kind: str) -> Any:
    if value is None or kind not in value:
        raise ValidationException(WRONG_TYPE)
    return value[kind]


def _addition(old_of: Getter, operand_of: Callable[[Item, Values], AttributeValue]) -> Compute:
    def total(item: Item, values: Values) -> AttributeValue:
        old, operand = old_of(item, values), operand_of(item, values)
        if old is None:
            return operand
        (kind,) = operand
        content, more = _content(old, kind), operand[kind]
        if kind == "N":
            return {"N": numbers.add(content, more)}
        present = set(content)
        return {kind: content + [element for element in more if element not in present]}

    return total


def _deletion(old_of: Getter, operand_of: Callable[[Item, Values], AttributeValue]) -> Compute:
    def rest(item: Item, values: Values) -> AttributeValue | None:
        old, operand = old_of(item, values), operand_of(item, values)
        if old is None:
            return None
        (kind,) = operand
        unwanted = set(operand[kind])
        left = [element for element in _content(old, kind) if element not in unwanted]
        return {kind: left} if left else None

    return rest
