"""Tokens to trees: one grammar for conditions, one for updates, one for projections.

The functions here are cached by text. They find whatever can be found without placeholders and
without an item. DynamoDB judges the whole text before it complains: a syntax error comes first,
then one complaint of each kind, in the order of `_COMPLAINTS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from . import tree
from .remembering import remembered_by_text
from .reserved_words import RESERVED_WORDS
from .tokens import (
    END,
    INDEX,
    NAME,
    NAME_PLACEHOLDER,
    VALUE_PLACEHOLDER,
    InvalidExpression,
    Token,
    syntax_error,
    tokenize,
)

OPERATORS_MAX = 300
IN_OPERANDS_MAX = 100
INDEX_MAX = 2**32 - 2
_NESTING_MAX = 310

CONDITION_FUNCTIONS = frozenset(
    ("attribute_exists", "attribute_not_exists", "attribute_type", "begins_with", "contains")
)
OPERAND_FUNCTIONS = frozenset(("size",))
UPDATE_FUNCTIONS = frozenset(("if_not_exists", "list_append"))

_CONDITION_KEYWORDS = frozenset(("AND", "OR", "NOT", "BETWEEN", "IN"))
_UPDATE_KEYWORDS = frozenset(("SET", "REMOVE", "ADD", "DELETE"))
_COMPARATORS = frozenset(("=", "<>", "<", "<=", ">", ">="))

# How tightly an infix operator binds; a NOT takes what binds tighter than AND.
_BINDING = {"OR": 1, "AND": 2, "BETWEEN": 3, "IN": 3, **dict.fromkeys(_COMPARATORS, 3)}
_NOT_BINDING = 2

_REDUNDANT_PARENTHESES = "The expression has redundant parentheses;"

_COMPLAINTS = ("operators", "parentheses", "function", "misused", "reserved", "index", "section")

T = TypeVar("T")
_Node = tree.ConditionTree | tree.Path | tree.ValueRef | tree.Literal


@dataclass(frozen=True, eq=False, slots=True)
class Parsed(Generic[T]):
    """A tree and the placeholders it speaks of, in the order of their first mention."""

    tree: T
    names: tuple[str, ...]
    values: tuple[str, ...]
    placeholders: tuple[str, ...]
    chars: int
    """How long the text was."""


@remembered_by_text
def parse_condition(source: str) -> Parsed[tree.ConditionTree]:
    """Parse a condition; filters and key conditions have the same grammar.

    Raises:
        InvalidExpression: when the text is refused.
    """
    parser = _ConditionParser(source, _CONDITION_KEYWORDS)
    return parser.finish(parser.condition())


@remembered_by_text
def parse_update(source: str) -> Parsed[tree.UpdateTree]:
    """Parse an update expression into its actions, in the order of the text.

    Raises:
        InvalidExpression: when the text is refused.
    """
    parser = _UpdateParser(source, _UPDATE_KEYWORDS)
    return parser.finish(parser.update())


@remembered_by_text
def parse_projection(source: str) -> Parsed[tree.ProjectionTree]:
    """Parse a projection expression into its paths.

    Raises:
        InvalidExpression: when the text is refused.
    """
    parser = _Parser(source, frozenset())
    return parser.finish(tuple(parser.separated(parser.path)))


class _Parser:
    """What the grammars share: a position among tokens, paths, calls, complaints kept for later."""

    known_functions: frozenset[str] = frozenset()
    foreign_functions: frozenset[str] = frozenset()
    foreign_complaint = ""

    def __init__(self, source: str, keywords: frozenset[str]) -> None:
        self.source = source
        self.tokens = tokenize(source, keywords)
        self.position = 0
        self.nesting = 0
        self.operators = 0
        self.complaints: dict[str, str] = {}
        self.parenthesised: object = None

    def finish(self, parsed: T) -> Parsed[T]:
        """Check that nothing is left and that there is nothing to complain of."""
        self.expect(END)
        if self.operators > OPERATORS_MAX:
            self.complain("operators", _too_many_operators(self.operators))
        for kind in _COMPLAINTS:
            if kind in self.complaints:
                raise InvalidExpression(self.complaints[kind])
        names = self._mentioned(NAME_PLACEHOLDER)
        values = self._mentioned(VALUE_PLACEHOLDER)
        return Parsed(parsed, names, values, names + values, len(self.source))

    def _mentioned(self, kind: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(token.text for token in self.tokens if token.kind == kind))

    # --- tokens ---

    @property
    def kind(self) -> str:
        return self.tokens[self.position].kind

    def advance(self) -> Token:
        token = self.tokens[self.position]
        self.position += 1
        return token

    def accept(self, kind: str) -> bool:
        if self.kind != kind:
            return False
        self.position += 1
        return True

    def expect(self, kind: str) -> Token:
        if self.kind != kind:
            raise self.unexpected()
        token = self.tokens[self.position]
        self.position += kind != END
        return token

    def unexpected(self) -> InvalidExpression:
        return syntax_error(self.source, self.tokens, self.position)

    def complain(self, kind: str, message: str) -> None:
        """Remember the first complaint of its kind."""
        self.complaints.setdefault(kind, message)

    def separated(self, parse: Callable[[], T]) -> list[T]:
        """Parse one or more things with commas between them."""
        things = [parse()]
        while self.accept(","):
            things.append(parse())
        return things

    def enter(self) -> None:
        """Go one level deeper; the limit keeps recursion, here and later, off Python's own."""
        self.nesting += 1
        if self.nesting > _NESTING_MAX:
            operators = sum(token.kind in _BINDING or token.kind == "NOT" for token in self.tokens)
            raise InvalidExpression(
                _too_many_operators(operators)
                if operators > OPERATORS_MAX
                else _REDUNDANT_PARENTHESES
            )

    # --- operands ---

    def path(self) -> tree.Path:
        return self.path_from(tree.Path((self.path_name(),)))

    def path_from(self, path: tree.Path) -> tree.Path:
        """Parse what follows the beginning of a path; return that very path if nothing does."""
        while True:
            if self.accept("."):
                path = tree.Path((*path.elements, self.path_name()))
            elif self.accept("["):
                path = tree.Path((*path.elements, self.index()))
                self.expect("]")
            else:
                return path

    def index(self) -> int:
        text = self.expect(INDEX).text
        index = int(text)
        if index > INDEX_MAX:
            self.complain("index", f"List index is not within the allowable range; index: [{text}]")
        return index

    def path_name(self) -> tree.PathElement:
        if self.kind == NAME_PLACEHOLDER:
            return tree.NameRef(self.advance().text)
        name = self.expect(NAME).text
        if name.upper() in RESERVED_WORDS:
            self.complain(
                "reserved", f"Attribute name is a reserved keyword; reserved keyword: {name}"
            )
        return name

    def operand(self) -> tree.Operand:
        if self.kind == "(":
            return self.parenthesised_operand()
        if self.kind == VALUE_PLACEHOLDER:
            return tree.ValueRef(self.advance().text)
        if self.kind == NAME and self.tokens[self.position + 1].kind == "(":
            return self.call()
        return self.path()

    def parenthesised_operand(self) -> tree.Operand:
        self.advance()
        self.enter()
        operand = self.operand()
        self.expect(")")
        self.nesting -= 1
        self.note_parentheses(operand)
        return operand

    def note_parentheses(self, node: object) -> None:
        if node is self.parenthesised:
            self.complain("parentheses", _REDUNDANT_PARENTHESES)
        self.parenthesised = node

    def call(self) -> tree.Call:
        name = self.advance().text
        self.advance()
        self.enter()
        operands = tuple(self.separated(self.operand))
        self.expect(")")
        self.nesting -= 1
        if name in self.foreign_functions:
            self.complain("function", f"{self.foreign_complaint}; function: {name}")
        elif name not in self.known_functions:
            self.complain("function", f"Invalid function name; function: {name}")
        self.check_nested_calls(name, operands)
        return tree.Call(name, operands)

    def check_nested_calls(self, name: str, operands: tuple[tree.Operand, ...]) -> None:
        raise NotImplementedError

    def misuse(self, function: str) -> None:
        self.complain(
            "misused",
            "The function is not allowed to be used this way in an expression; "
            f"function: {function}",
        )


class _ConditionParser(_Parser):
    known_functions = CONDITION_FUNCTIONS | OPERAND_FUNCTIONS
    foreign_functions = UPDATE_FUNCTIONS
    foreign_complaint = "The function is not allowed in a condition expression"

    def condition(self) -> tree.ConditionTree:
        return self.as_condition(self.expression(0))

    def expression(self, binding: int) -> _Node:
        """Parse as far as operators bind tighter than `binding`; the result may be an operand."""
        self.enter()
        left = self.prefix()
        while _BINDING.get(self.kind, 0) > binding:
            left = self.infix(left)
        self.nesting -= 1
        return left

    def prefix(self) -> _Node:
        if self.accept("NOT"):
            self.operators += 1
            return tree.Not(self.as_condition(self.expression(_NOT_BINDING)))
        if self.kind != "(":
            return self.operand()
        self.advance()
        node = self.expression(0)
        self.expect(")")
        self.note_parentheses(node)
        return self.path_from(node) if isinstance(node, tree.Path) else node

    def infix(self, left: _Node) -> tree.ConditionTree:
        kind = self.kind
        self.operators += 1
        if kind in ("AND", "OR"):
            first = self.as_condition(left)
            self.advance()
            second = self.as_condition(self.expression(_BINDING[kind]))
            return _joined(kind, first, second)
        operand = self.as_operand(left)
        self.advance()
        if kind == "BETWEEN":
            return self.between(operand)
        if kind == "IN":
            return self.membership(operand)
        right = self.operand()
        self.check_operands(operand, right)
        return tree.Comparison(kind, operand, right)

    def between(self, operand: tree.Operand) -> tree.Between:
        low = self.operand()
        self.expect("AND")
        high = self.operand()
        self.check_operands(operand, low, high)
        return tree.Between(operand, low, high)

    def membership(self, operand: tree.Operand) -> tree.In:
        self.expect("(")
        options = tuple(self.separated(self.operand))
        self.expect(")")
        if len(options) > IN_OPERANDS_MAX:
            self.complain(
                "operators",
                "The IN operator is provided with too many operands; "
                f"number of operands: {len(options)}",
            )
        self.check_operands(operand, *options)
        return tree.In(operand, options)

    def parenthesised_operand(self) -> tree.Operand:
        operand = super().parenthesised_operand()
        return self.path_from(operand) if isinstance(operand, tree.Path) else operand

    def as_condition(self, node: _Node) -> tree.ConditionTree:
        """Take a node for a condition; an operand alone lacks what should follow it."""
        if isinstance(node, tree.Path | tree.ValueRef | tree.Literal):
            raise self.unexpected()
        if isinstance(node, tree.Call) and node.function in OPERAND_FUNCTIONS:
            self.misuse(node.function)
        return node

    def as_operand(self, node: _Node) -> tree.Operand:
        if isinstance(node, tree.Path | tree.ValueRef | tree.Literal | tree.Call):
            return node
        raise self.unexpected()

    def check_operands(self, *operands: tree.Operand) -> None:
        for operand in operands:
            if isinstance(operand, tree.Call) and operand.function not in OPERAND_FUNCTIONS:
                self.misuse(operand.function)

    def check_nested_calls(self, name: str, operands: tuple[tree.Operand, ...]) -> None:
        self.check_operands(*operands)


class _UpdateParser(_Parser):
    known_functions = UPDATE_FUNCTIONS
    foreign_functions = CONDITION_FUNCTIONS | OPERAND_FUNCTIONS
    foreign_complaint = "The function is not allowed in an update expression"

    def update(self) -> tree.UpdateTree:
        actions: list[tree.Action] = []
        sections = set()
        while True:
            section = self.kind
            if section not in _UPDATE_KEYWORDS:
                raise self.unexpected()
            self.advance()
            actions += self.separated(self.action_parser(section))
            if section in sections:
                self.complain(
                    "section",
                    f'The "{section}" section can only be used once in an update expression;',
                )
            sections.add(section)
            if self.kind == END:
                return tuple(actions)

    def action_parser(self, section: str) -> Callable[[], tree.Action]:
        return {
            "SET": self.set_action,
            "REMOVE": self.remove_action,
            "ADD": self.add_action,
            "DELETE": self.delete_action,
        }[section]

    def set_action(self) -> tree.Action:
        path = self.path()
        self.expect("=")
        return tree.Set(path, self.set_value())

    def remove_action(self) -> tree.Action:
        return tree.Remove(self.path())

    def add_action(self) -> tree.Action:
        return tree.Add(self.path(), tree.ValueRef(self.expect(VALUE_PLACEHOLDER).text))

    def delete_action(self) -> tree.Action:
        return tree.Delete(self.path(), tree.ValueRef(self.expect(VALUE_PLACEHOLDER).text))

    def set_value(self) -> tree.Operand | tree.Arithmetic:
        """Parse an operand, or a sum or difference of two; either may stand in parentheses."""
        if self.kind != "(":
            return self.sum_from(self.operand())
        self.advance()
        inner = self.sum_from(self.operand())
        self.expect(")")
        return inner if isinstance(inner, tree.Arithmetic) else self.sum_from(inner)

    def sum_from(self, left: tree.Operand) -> tree.Operand | tree.Arithmetic:
        if self.kind not in ("+", "-"):
            return left
        self.operators += 1
        return tree.Arithmetic(self.advance().kind, left, self.operand())

    def check_nested_calls(self, name: str, operands: tuple[tree.Operand, ...]) -> None:
        self.operators += 1
        for operand in operands:
            if isinstance(operand, tree.Call) and operand.function == name == "list_append":
                self.misuse(name)


def _joined(kind: str, first: tree.ConditionTree, second: tree.ConditionTree) -> tree.ConditionTree:
    """Join two conditions; a chain of one operator becomes one node, not a deep one."""
    if kind == "AND":
        head = first.conditions if isinstance(first, tree.And) else (first,)
        return tree.And((*head, second))
    head = first.conditions if isinstance(first, tree.Or) else (first,)
    return tree.Or((*head, second))


def _too_many_operators(count: int) -> str:
    return f"The expression contains too many operators; operator count: {count}"
