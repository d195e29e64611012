"""What a function can be seen to write, without calling it: which tables, and what that does.

Looked at is its bytecode: calls of a table's `put`, `update`, `delete` and `batch`, of the same on
a transaction with a table or its name first, of boto3's methods and of the API's operations by
name. Names are looked up where the function would find them, and functions that it calls are
looked at too. What is not seen is not said: tables that are handed on as arguments, for one.
"""

from __future__ import annotations

import builtins
import dis
import functools
import inspect
import re
import sys
import types
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

FUNCTIONS_MAX = 100
"""How many functions are looked at for one: behind so many no user's own are left."""

UPSERT = "UPSERT"
"""An update makes an item only where there is none: seldom in the table that the handler is called
for, but as a rule in one that it counts in."""

PUT = frozenset({"INSERT", "MODIFY"})
UPDATE = frozenset({UPSERT, "MODIFY"})
DELETE = frozenset({"REMOVE"})
METHODS = {"put": PUT, "update": UPDATE, "delete": DELETE}
TABLE_METHODS = {**METHODS, "batch": PUT | DELETE}
OPERATIONS = {
    **dict.fromkeys(("put_item", "PutItem"), PUT),
    **dict.fromkeys(("update_item", "UpdateItem"), UPDATE),
    **dict.fromkeys(("delete_item", "DeleteItem"), DELETE),
    **dict.fromkeys(("batch_write_item", "BatchWriteItem"), PUT | DELETE),
    **dict.fromkeys(("transact_write_items", "TransactWriteItems"), PUT | DELETE),
}
FOREIGN = sys.stdlib_module_names | {"boto3", "botocore", "orjson"}

_UNKNOWN = object()
_NOISE = frozenset(
    ("CACHE", "EXTENDED_ARG", "NOP", "NOT_TAKEN", "PRECALL", "PUSH_NULL", "RESUME", "TO_BOOL")
)

Written = dict[str, frozenset[str]]
"""The events that a function's writes make, UPSERT among them, by the name of the table."""


def tables_written(function: Callable[..., Any]) -> Written:
    """What a function can be seen to write; among the names may be some that are no table's."""
    sight = _Sight()
    sight.visit(function)
    return sight.written


class _Sight:
    """What has been seen, and the functions that were looked at for it."""

    def __init__(self) -> None:
        self._visited: set[tuple[types.CodeType, int]] = set()
        self.written: Written = {}

    def visit(self, value: Any) -> None:
        """Looks at a function, or at what stands for one."""
        owner = None
        for _ in range(FUNCTIONS_MAX):
            if isinstance(value, functools.partial):
                value = value.func
            elif isinstance(value, types.MethodType):
                value, owner = value.__func__, value.__self__
            elif isinstance(value, staticmethod | classmethod):
                value = value.__func__
            elif isinstance(value, types.FunctionType) or inspect.isclass(value):
                break
            else:
                call = inspect.getattr_static(type(value), "__call__", None)
                value, owner = call, value
        if isinstance(value, types.FunctionType):
            self._visit_function(value, owner)

    def _visit_function(self, function: types.FunctionType, owner: Any) -> None:
        seen = function.__code__, id(function)
        home = (function.__module__ or "").partition(".")[0]
        if seen in self._visited or len(self._visited) >= FUNCTIONS_MAX or home in FOREIGN:
            return
        self._visited.add(seen)
        cells = _contents(function)
        if home == "pelton":  # one that wraps a user's, which it holds
            for value in cells.values():
                if callable(value):
                    self.visit(value)
            return
        self._visit_code(function.__code__, function.__globals__, cells, owner)

    def _visit_code(
        self,
        code: types.CodeType,
        global_names: Mapping[str, Any],
        cells: Mapping[str, Any],
        owner: Any = None,
    ) -> None:
        names = {} if owner is None or not code.co_varnames else {code.co_varnames[0]: owner}
        reading = _Reading(self, code, _Names(global_names, cells, names))
        reading.read()
        for constant in code.co_consts:
            if isinstance(constant, types.CodeType):
                self._visit_code(constant, global_names, {**cells, **names})

    def note(self, table_name: str, events: frozenset[str]) -> None:
        self.written[table_name] = self.written.get(table_name, frozenset()) | events


class _Names:
    """Where a function finds what a name stands for."""

    def __init__(
        self, global_names: Mapping[str, Any], cells: Mapping[str, Any], local: dict[str, Any]
    ) -> None:
        self._globals = global_names
        self._cells = cells
        self.local = local

    def value_of(self, operation: str, name: Any) -> Any:
        if operation.startswith("LOAD_CONST"):
            return name
        if operation in ("LOAD_GLOBAL", "LOAD_NAME"):
            return self._globals.get(name, getattr(builtins, name, _UNKNOWN))
        if operation in ("LOAD_DEREF", "LOAD_CLASSDEREF"):
            return self._cells.get(name, self.local.get(name, _UNKNOWN))
        return self.local.get(name, _UNKNOWN) if isinstance(name, str) else _UNKNOWN


class _Step(NamedTuple):
    operation: str
    argument: Any


def steps_of(instruction: dis.Instruction) -> list[_Step]:
    """An instruction, or the two that later Pythons have made one of."""
    operation, argument = instruction.opname, instruction.argval
    if isinstance(argument, tuple) and operation.count("_FAST") == 2:
        return list(map(_Step, re.findall("LOAD_FAST|STORE_FAST", operation), argument))
    return [_Step(operation, argument)]


class _Reading:
    """One function's instructions, read from load to load."""

    def __init__(self, sight: _Sight, code: types.CodeType, names: _Names) -> None:
        self._sight = sight
        self._names = names
        self._constants = code.co_consts
        self._instructions = [
            step
            for each in dis.get_instructions(code)
            if each.opname not in _NOISE
            for step in steps_of(each)
        ]

    def read(self) -> None:
        at = 0
        while at < len(self._instructions):
            at = self._read_chain(at)[1] if self._is_load(at) else at + 1

    def _read_chain(self, at: int) -> tuple[Any, int]:
        """What a name and the attributes behind it stand for, and where the next load may be."""
        value = self._names.value_of(*self._instructions[at])
        if isinstance(value, str) and value in OPERATIONS:
            self._note_operation(OPERATIONS[value])
        at += 1
        while self._operation(at) in ("LOAD_ATTR", "LOAD_METHOD"):
            attribute = self._instructions[at].argument
            at += 1
            if attribute in OPERATIONS:
                self._note_operation(OPERATIONS[attribute])
            table_name = _table_name(value)
            if table_name is not None and attribute in TABLE_METHODS:
                self._sight.note(table_name, TABLE_METHODS[attribute])
            elif table_name is None and attribute in METHODS:
                self._note_argument(at, METHODS[attribute])
            value = _attribute(value, attribute)
        if value is not _UNKNOWN and callable(value) and _table_name(value) is None:
            self._sight.visit(value)
        if self._operation(at) == "STORE_FAST":
            self._names.local[self._instructions[at].argument] = value
        return value, at

    def _operation(self, at: int) -> str:
        return self._instructions[at].operation if at < len(self._instructions) else ""

    def _is_load(self, at: int) -> bool:
        return self._operation(at).startswith("LOAD_")

    def _note_argument(self, at: int, events: frozenset[str]) -> None:
        """A write through a transaction: its first argument is the table."""
        if self._is_load(at):
            value = self._read_chain(at)[0]
            name = value if isinstance(value, str) else _table_name(value)
            if name is not None:
                self._sight.note(name, events)

    def _note_operation(self, events: frozenset[str]) -> None:
        """An operation of the API: the tables are among the function's constants."""
        for constant in self._constants:
            for each in constant if isinstance(constant, tuple) else (constant,):
                if isinstance(each, str):
                    self._sight.note(each, events)


def _contents(function: types.FunctionType) -> dict[str, Any]:
    found = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            found[name] = cell.cell_contents
        except ValueError:  # not assigned yet
            continue
    return found


def _attribute(value: Any, name: str) -> Any:
    """What an attribute stands for, found without running anyone's code."""
    if value is _UNKNOWN or isinstance(value, str | int | float | bytes):
        return _UNKNOWN
    if name == "aio" and _table_name(value) is not None:
        return value
    found = inspect.getattr_static(value, name, _UNKNOWN)
    if isinstance(found, types.FunctionType) and not isinstance(value, types.ModuleType | type):
        return types.MethodType(found, value)
    return _UNKNOWN if isinstance(found, property) else found


def _table_name(value: Any) -> str | None:
    """The name of a table of the face, or of the same table for asyncio."""
    kind = type(value)
    if kind.__module__.partition(".")[0] != "pelton":
        return None
    table = inspect.getattr_static(value, "table", value)
    if not hasattr(type(table), "stored_item"):
        return None
    name = inspect.getattr_static(table, "name", None)
    return name if isinstance(name, str) else None
