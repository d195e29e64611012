"""What all statements share: names, paths, values and conditions."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from ..errors import ValidationException
from ..expressions import tree
from . import values
from .tokens import END, NUMBER, QUOTED, STRING, WORD, Token, malformed, tokenize
from .tree import Template

NESTING_MAX = 64

_COMPARATORS = {"=": "=", "<>": "<>", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_FUNCTIONS = {"begins_with": 2, "contains": 2, "attribute_type": 2}
_CONSTANTS = {"TRUE": {"BOOL": True}, "FALSE": {"BOOL": False}, "NULL": {"NULL": True}}

T = TypeVar("T")


class ConditionParser:
    """A position among tokens; `values` collects the values met on the way."""

    def __init__(self, source: str) -> None:
        self._tokens = tokenize(source)
        self._position = 0
        self._nesting = 0
        self.values: dict[str, Template] = {}
        self.parameter_count = 0

    # --- tokens ------------------------------------------------------------------------------

    @property
    def token(self) -> Token:
        return self._tokens[self._position]

    def peek(self) -> Token:
        return self._tokens[min(self._position + 1, len(self._tokens) - 1)]

    def advance(self) -> Token:
        token = self.token
        self._position += token.kind != END
        return token

    def take(self, kind: str) -> bool:
        if self.token.kind != kind:
            return False
        self.advance()
        return True

    def expect(self, kind: str) -> None:
        if not self.take(kind):
            raise malformed(f"Expected {kind}, found {self.token.text}")

    def unexpected(self) -> ValidationException:
        return malformed(f"Unexpected {self.token.text}")

    def separated(self, part: Callable[[], T]) -> list[T]:
        parts = [part()]
        while self.take(","):
            parts.append(part())
        return parts

    def nested(self, part: Callable[[], T]) -> T:
        """Parses something that may hold itself, to a depth that no honest statement has."""
        self._nesting += 1
        if self._nesting > NESTING_MAX:
            raise malformed("The statement is nested too deeply")
        parsed = part()
        self._nesting -= 1
        return parsed

    # --- names and values --------------------------------------------------------------------

    def name(self) -> str:
        if self.token.kind not in (WORD, QUOTED):
            raise self.unexpected()
        name = self.advance().text
        if not name:
            raise malformed("A name is empty")
        return name

    def path(self) -> tree.Path:
        elements: list[tree.PathElement] = [self.name()]
        while True:
            if self.take("."):
                elements.append(self.name())
            elif self.take("["):
                token = self.advance()
                if token.kind == STRING and token.text:
                    elements.append(token.text)
                elif token.kind == NUMBER and token.text.isdecimal():
                    elements.append(int(token.text))
                else:
                    raise malformed("A path needs a position or a name in its brackets")
                self.expect("]")
            else:
                return tree.Path(tuple(elements))

    def value_ref(self) -> tree.ValueRef:
        template = self.value()
        placeholder = f"?{len(self.values)}"
        self.values[placeholder] = template
        return tree.ValueRef(placeholder)

    def value(self) -> Template:
        return self.nested(self._value)

    def _value(self) -> Template:
        token = self.advance()
        if token.kind == STRING:
            return values.constant({"S": token.text})
        if token.kind == NUMBER:
            return values.constant({"N": token.text})
        if token.kind == "-" and self.token.kind == NUMBER:
            return values.constant({"N": f"-{self.advance().text}"})
        if token.kind in _CONSTANTS:
            return values.constant(_CONSTANTS[token.kind])
        if token.kind == "?":
            self.parameter_count += 1
            return values.parameter(self.parameter_count - 1)
        if token.kind == "[":
            return values.list_of(self._until("]", self.value))
        if token.kind == "<<":
            return values.set_of(self._until(">>", self.value))
        if token.kind == "{":
            return values.map_of(dict(self._until("}", self._member)))
        raise malformed(f"Unexpected {token.text}")

    def _member(self) -> tuple[str, Template]:
        token = self.advance()
        if token.kind not in (STRING, QUOTED):
            raise malformed(f"Expected a name in quotes, found {token.text}")
        self.expect(":")
        return token.text, self.value()

    def _until(self, end: str, part: Callable[[], T]) -> list[T]:
        if self.take(end):
            return []
        parts = self.separated(part)
        self.expect(end)
        return parts

    # --- conditions --------------------------------------------------------------------------

    def condition(self) -> tree.ConditionTree:
        return self.nested(self._any)

    def _any(self) -> tree.ConditionTree:
        parts = [self._all()]
        while self.take("OR"):
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else tree.Or(tuple(parts))

    def _all(self) -> tree.ConditionTree:
        parts = [self._one()]
        while self.take("AND"):
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else tree.And(tuple(parts))

    def _one(self) -> tree.ConditionTree:
        if self.take("NOT"):
            return tree.Not(self.nested(self._one))
        if self.take("("):
            condition = self.condition()
            self.expect(")")
            return condition
        function = self.token.text.lower()
        if self.token.kind == WORD and self.peek().kind == "(" and function in _FUNCTIONS:
            return self._call(function)
        left = self._operand()
        if self.token.kind in _COMPARATORS:
            operator = _COMPARATORS[self.advance().kind]
            return tree.Comparison(operator, left, self._operand())
        if self.take("IS"):
            return self._state(left)
        if self.take("NOT"):
            return tree.Not(self._range(left))
        return self._range(left)

    def _range(self, left: tree.Operand) -> tree.ConditionTree:
        if self.take("BETWEEN"):
            low = self._operand()
            self.expect("AND")
            return tree.Between(left, low, self._operand())
        if not self.take("IN"):
            raise self.unexpected()
        end = "]" if self.token.kind == "[" else ")"
        if not self.take("["):
            self.expect("(")
        options = self._until(end, self._operand)
        if not options:
            raise malformed("IN needs values")
        return tree.In(left, tuple(options))

    def _state(self, operand: tree.Operand) -> tree.ConditionTree:
        negated = self.take("NOT")
        if self.take("MISSING"):
            function = "attribute_exists" if negated else "attribute_not_exists"
            return tree.Call(function, (operand,))
        self.expect("NULL")
        null = tree.Call("attribute_type", (operand, tree.Literal({"S": "NULL"})))
        return tree.Not(null) if negated else null

    def _call(self, function: str) -> tree.Call:
        self.advance()
        self.expect("(")
        operands = tuple(self.separated(self._operand))
        self.expect(")")
        if len(operands) != _FUNCTIONS[function]:
            raise malformed(f"{function} takes {_FUNCTIONS[function]} operands")
        return tree.Call(function, operands)

    def _operand(self) -> tree.Operand:
        if self.token.kind not in (WORD, QUOTED):
            return self.value_ref()
        if self.token.kind == WORD and self.peek().kind == "(":
            if self.advance().text.lower() != "size":
                raise malformed("Unknown function")
            self.expect("(")
            path = self.path()
            self.expect(")")
            return tree.Call("size", (path,))
        return self.path()
