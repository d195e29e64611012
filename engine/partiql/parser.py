"""Tokens to a statement."""

from __future__ import annotations

from typing import TypeVar

from ..expressions import tree
from ..expressions.remembering import remembered_by_text
from .conditions import ConditionParser
from .tokens import END, QUOTED, WORD, malformed
from .tree import Command, Delete, Exists, Insert, Select, Statement, Template, Update

T = TypeVar("T")


@remembered_by_text
def parse_statement(source: str) -> Statement:
    """Parse a statement; cached by text.

    Raises:
        ValidationException: when the text is not a statement.
    """
    parser = _StatementParser(source)
    command = parser.command()
    parser.take(";")
    parser.expect(END)
    return Statement(command, tuple(parser.values.items()), parser.parameter_count)


class _StatementParser(ConditionParser):
    """The statements, over what conditions know of paths and values."""

    def command(self) -> Command:
        if self.take("SELECT"):
            return self._select()
        if self.take("EXISTS"):
            self.expect("(")
            self.expect("SELECT")
            select = self._select()
            self.expect(")")
            return Exists(select)
        if self.take("INSERT"):
            self.expect("INTO")
            table = self._table()
            self._expect_word("VALUE")
            return Insert(table, self._item())
        if self.take("UPDATE"):
            return self._update()
        if self.take("DELETE"):
            self.expect("FROM")
            table = self._table()
            where = self._where()
            returning = self._returning()
            if returning not in ("NONE", "ALL_OLD"):
                raise malformed("DELETE can only return ALL OLD *")
            return Delete(table, where, returning)
        raise self.unexpected()

    def _select(self) -> Select:
        paths = None if self.take("*") else tuple(self.separated(self.path))
        self.expect("FROM")
        table = self._table()
        index = self._table() if self.take(".") else None
        where = self._where()
        order: list[tuple[str, bool]] = []
        if self.take("ORDER"):
            self.expect("BY")
            order = self.separated(self._order_key)
        return Select(table, index, paths, where, tuple(order))

    def _order_key(self) -> tuple[str, bool]:
        name = self.name()
        descends = self.take("DESC")
        if not descends:
            self.take("ASC")
        return name, descends

    def _table(self) -> str:
        if self.token.kind in (QUOTED, WORD):
            return self.advance().text
        raise self.unexpected()

    def _where(self) -> tree.ConditionTree | None:
        return self.condition() if self.take("WHERE") else None

    def _item(self) -> Template:
        if self.token.kind not in ("{", "?"):
            raise self.unexpected()
        return self.value()

    def _update(self) -> Update:
        table = self._table()
        actions: list[tree.Action] = []
        where = None
        while True:
            if self.take("SET"):
                actions += self.separated(self._assignment)
            elif self.take("REMOVE"):
                actions += self.separated(lambda: tree.Remove(self.path()))
            else:
                break
        if not actions:
            raise self.unexpected()
        where = self._where()
        return Update(table, tuple(actions), where, self._returning())

    def _returning(self) -> str:
        if not self.take("RETURNING"):
            return "NONE"
        which = {"ALL": "ALL", "MODIFIED": "UPDATED"}.get(self._word())
        when = self._word()
        self.expect("*")
        if which is None or when not in ("OLD", "NEW"):
            raise malformed("RETURNING must be ALL or MODIFIED, OLD or NEW, and *")
        return f"{which}_{when}"

    def _assignment(self) -> tree.Action:
        path = self.path()
        self.expect("=")
        if self.token.kind == WORD and self.peek().kind == "(":
            function = self.advance().text.lower()
            if function in ("set_add", "set_delete"):
                return self._change_of_set(path, function)
            if function != "list_append":
                raise malformed(f"Unknown function {function}")
            self.expect("(")
            first = self._set_operand()
            self.expect(",")
            second = self._set_operand()
            self.expect(")")
            return tree.Set(path, tree.Call(function, (first, second)))
        left = self._set_operand()
        for operator in ("+", "-"):
            if self.take(operator):
                return tree.Set(path, tree.Arithmetic(operator, left, self._set_operand()))
        return tree.Set(path, left)

    def _change_of_set(self, path: tree.Path, function: str) -> tree.Action:
        self.expect("(")
        if self.path() != path:
            raise malformed(f"{function} must be about the attribute that is set")
        self.expect(",")
        value = self.value_ref()
        self.expect(")")
        return (tree.Add if function == "set_add" else tree.Delete)(path, value)

    def _set_operand(self) -> tree.Operand:
        return self.path() if self.token.kind in (WORD, QUOTED) else self.value_ref()

    def _word(self) -> str:
        if self.token.kind != WORD:
            raise self.unexpected()
        return self.advance().text.upper()

    def _expect_word(self, word: str) -> None:
        if self._word() != word:
            raise malformed(f"Expected {word}")
