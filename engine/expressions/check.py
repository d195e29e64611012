"""What is wrong with an expression once its names and the types of its values are known.

Everything here looks at the tree alone, never at an item, and raises `InvalidExpression`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from ..values import compare_values
from . import tree
from .resolve import DocumentPath, Scope, describe_path
from .tokens import InvalidExpression

OPERANDS = {
    "attribute_exists": 1,
    "attribute_not_exists": 1,
    "attribute_type": 2,
    "begins_with": 2,
    "contains": 2,
    "size": 1,
    "if_not_exists": 2,
    "list_append": 2,
}
TYPE_NAMES = frozenset(("B", "NULL", "SS", "BOOL", "L", "BS", "N", "NS", "S", "M"))

_ORDERED_TYPES = frozenset(("S", "N", "B"))
_SIZELESS_TYPES = frozenset(("N", "BOOL", "NULL"))
_SET_TYPES = frozenset(("SS", "NS", "BS"))
_LONG_TYPE_NAMES = {
    "S": "STRING",
    "N": "NUMBER",
    "B": "BINARY",
    "NULL": "NULL",
    "BOOL": "BOOLEAN",
    "L": "LIST",
    "M": "MAP",
}

Leaf = tree.Comparison | tree.Between | tree.In | tree.Call


# --- conditions ----------------------------------------------------------------------------------


def check_condition(condition: tree.ConditionTree, scope: Scope) -> None:
    """Check each comparison and function of a condition, in the order of the text."""
    for leaf in leaves(condition):
        _check_leaf(leaf, scope)


def leaves(condition: tree.ConditionTree) -> Iterator[Leaf]:
    """Yield what a condition's ANDs, ORs and NOTs combine, from left to right."""
    waiting = [condition]
    while waiting:
        node = waiting.pop()
        if isinstance(node, tree.And | tree.Or):
            waiting += reversed(node.conditions)
        elif isinstance(node, tree.Not):
            waiting.append(node.condition)
        else:
            yield node


def operands_of(leaf: Leaf) -> tuple[tree.Operand, ...]:
    """Return the operands of a comparison or function."""
    if isinstance(leaf, tree.Call):
        return leaf.operands
    if isinstance(leaf, tree.Comparison):
        return leaf.left, leaf.right
    if isinstance(leaf, tree.Between):
        return leaf.operand, leaf.low, leaf.high
    return leaf.operand, *leaf.options


def references(operand: tree.Operand) -> Iterator[tree.Path | tree.ValueRef | tree.Literal]:
    """Yield the paths and values inside an operand, from left to right."""
    if isinstance(operand, tree.Call):
        for inner in operand.operands:
            yield from references(inner)
    else:
        yield operand


def calls(operand: tree.Operand) -> Iterator[tree.Call]:
    """Yield the calls inside an operand, inner ones first."""
    if isinstance(operand, tree.Call):
        for inner in operand.operands:
            yield from calls(inner)
        yield operand


def _check_leaf(leaf: Leaf, scope: Scope) -> None:
    operands = operands_of(leaf)
    whole = (leaf,) if isinstance(leaf, tree.Call) else operands
    for operand in whole:
        _check_defined(operand, scope)
    called = [call for operand in whole for call in calls(operand)]
    for call in called:
        _check_operand_count(call)
    for call in called:
        _check_distinct(call.function, call.operands, scope)
    if isinstance(leaf, tree.Comparison):
        _check_distinct(leaf.operator, operands, scope)
    elif isinstance(leaf, tree.In):
        _check_distinct("IN", operands, scope)
    for call in called:
        _check_condition_call(call, scope)
    if isinstance(leaf, tree.Between):
        _check_ordered("BETWEEN", operands, scope)
    elif isinstance(leaf, tree.Comparison) and leaf.operator not in ("=", "<>"):
        _check_ordered(leaf.operator, operands, scope)


def _check_defined(operand: tree.Operand, scope: Scope) -> None:
    for reference in references(operand):
        if isinstance(reference, tree.Path):
            scope.path(reference)
        else:
            scope.type_of(reference)


def _check_operand_count(call: tree.Call) -> None:
    if len(call.operands) != OPERANDS[call.function]:
        raise InvalidExpression(
            "Incorrect number of operands for operator or function; operator or function: "
            f"{call.function}, number of operands: {len(call.operands)}"
        )


def _check_distinct(operator: str, operands: Sequence[tree.Operand], scope: Scope) -> None:
    first, *others = operands
    if not isinstance(first, tree.Path):
        return
    path = scope.path(first)
    if any(isinstance(other, tree.Path) and scope.path(other) == path for other in others):
        raise InvalidExpression(
            "The first operand must be distinct from the remaining operands for this operator "
            f"or function; operator: {operator}, first operand: {describe_path(path)}"
        )


def _check_condition_call(call: tree.Call, scope: Scope) -> None:
    first = call.operands[0]
    if call.function in ("attribute_exists", "attribute_not_exists"):
        _require_path(call.function, first)
    elif call.function == "begins_with":
        for operand in call.operands:
            kind = static_type(operand, scope)
            if kind is not None and kind not in ("S", "B"):
                raise _wrong_type(call.function, kind)
    elif call.function == "attribute_type":
        kind = static_type(call.operands[1], scope)
        if kind != "S":
            raise _wrong_type(call.function, kind or "{NS,SS,L,BS,N,M,B,BOOL,NULL,S}")
    elif call.function == "size":
        kind = static_type(first, scope)
        if kind in _SIZELESS_TYPES:
            raise _wrong_type(call.function, kind)


def _check_ordered(operator: str, operands: Sequence[tree.Operand], scope: Scope) -> None:
    for operand in operands:
        kind = static_type(operand, scope)
        if kind is not None and kind not in _ORDERED_TYPES:
            raise _wrong_type(operator, kind)


def _require_path(operator: str, operand: tree.Operand) -> None:
    if not isinstance(operand, tree.Path):
        raise InvalidExpression(
            f"Operator or function requires a document path; operator or function: {operator}"
        )


def static_type(operand: tree.Operand | tree.Arithmetic, scope: Scope) -> str | None:
    """Return the type an operand has whatever the item, or None when the item decides."""
    if isinstance(operand, tree.ValueRef | tree.Literal):
        return scope.type_of(operand)
    if isinstance(operand, tree.Call) and operand.function == "size":
        return "N"
    return None


def check_type_name(name: str) -> None:
    """Check the value that `attribute_type` compares with."""
    if name not in TYPE_NAMES:
        raise InvalidExpression(
            f"Invalid attribute type name found; type: {name}, "
            "valid types: {B,NULL,SS,BOOL,L,BS,N,NS,S,M}"
        )


def check_bounds(low: dict[str, str], high: dict[str, str]) -> None:
    """Check the two values of a BETWEEN: one type, and not the wrong way round."""
    order = compare_values(low, high)
    if order == 0 or order == -1:
        return
    if order is None:
        complaint = "The BETWEEN operator requires same data type for lower and upper bounds; "
    else:
        complaint = (
            "The BETWEEN operator requires upper bound to be greater than or equal to lower bound; "
        )
    [(low_type, low_text)] = low.items()
    [(high_type, high_text)] = high.items()
    raise InvalidExpression(
        f"{complaint}lower bound operand: AttributeValue: {{{low_type}:{low_text}}}, "
        f"upper bound operand: AttributeValue: {{{high_type}:{high_text}}}"
    )


# --- updates and projections ---------------------------------------------------------------------


def check_update(actions: tree.UpdateTree, scope: Scope) -> None:
    """Check an update: names, values, paths, then the types of its operands."""
    found = [reference for action in actions for reference in _references_of_action(action)]
    for reference in found:
        if isinstance(reference, tree.Path):
            scope.path(reference)
    for reference in found:
        if not isinstance(reference, tree.Path):
            scope.type_of(reference)
    check_paths([scope.path(action.path) for action in actions])
    for action in actions:
        if isinstance(action, tree.Add | tree.Delete):
            _check_operand_of_action(action, scope)
    for action in actions:
        if isinstance(action, tree.Set):
            _check_set_value(action.value, scope)


def check_paths(paths: Sequence[DocumentPath]) -> None:
    """Check that no two paths overlap and, after that, that no two conflict."""
    # Paths that clash with any clash with a neighbour in this order. So only paths that do clash
    # pay for the search of the pair that DynamoDB names, which takes time by the square.
    ordered = sorted(paths, key=lambda path: [(isinstance(step, int), step) for step in path])
    if not any(_relation(one, other) for one, other in pairwise(ordered)):
        return
    conflict = None
    for position, path in enumerate(paths):
        for earlier in paths[:position]:
            relation = _relation(earlier, path)
            if relation == "overlap":
                raise _clashing(relation, earlier, path)
            if relation == "conflict":
                conflict = conflict or _clashing(relation, earlier, path)
    if conflict is not None:
        raise conflict


def _relation(first: DocumentPath, second: DocumentPath) -> str | None:
    for one, other in zip(first, second, strict=False):
        if type(one) is not type(other):
            return "conflict"
        if one != other:
            return None
    return "overlap"


def _clashing(relation: str, first: DocumentPath, second: DocumentPath) -> InvalidExpression:
    return InvalidExpression(
        f"Two document paths {relation} with each other; must remove or rewrite one of these "
        f"paths; path one: {describe_path(first)}, path two: {describe_path(second)}"
    )


def _references_of_action(
    action: tree.Action,
) -> Iterator[tree.Path | tree.ValueRef | tree.Literal]:
    yield action.path
    if isinstance(action, tree.Remove):
        return
    if isinstance(action.value, tree.Arithmetic):
        yield from references(action.value.left)
        yield from references(action.value.right)
    else:
        yield from references(action.value)


def _check_operand_of_action(action: tree.Add | tree.Delete, scope: Scope) -> None:
    operator = type(action).__name__.upper()
    kind = scope.type_of(action.value)
    if kind in _SET_TYPES or (kind == "N" and operator == "ADD"):
        return
    raise InvalidExpression(
        "Incorrect operand type for operator or function; "
        f"operator: {operator}, operand type: {_LONG_TYPE_NAMES[kind]}"
    )


def _check_set_value(value: tree.Operand | tree.Arithmetic, scope: Scope) -> None:
    operands = (value.left, value.right) if isinstance(value, tree.Arithmetic) else (value,)
    for operand in operands:
        for call in calls(operand):
            _check_operand_count(call)
            if call.function == "if_not_exists":
                _require_path(call.function, call.operands[0])
            else:
                _check_all_of_type("L", call.function, call.operands, scope)
    if isinstance(value, tree.Arithmetic):
        _check_all_of_type("N", value.operator, operands, scope)


def _check_all_of_type(
    expected: str, operator: str, operands: Sequence[tree.Operand], scope: Scope
) -> None:
    for operand in operands:
        kind = static_type(operand, scope)
        if kind is not None and kind != expected:
            raise _wrong_type(operator, kind)


def _wrong_type(operator: str, kind: str | None) -> InvalidExpression:
    return InvalidExpression(
        "Incorrect operand type for operator or function; "
        f"operator or function: {operator}, operand type: {kind}"
    )
