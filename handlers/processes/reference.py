"""References: how a function is found again in another process, by the names of its module and its
own."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple

ADVICE = (
    "move it into a module that can be imported, and register it there or by "
    'app.on_stream(table, run_in="process")(module.function)'
)


class FunctionReference(NamedTuple):
    """The name of a module, and what a function is called in it."""

    module: str
    qualified_name: str

    def resolve(self) -> Callable[..., Any]:
        """The function, for which its module is imported. Raises whatever that raises."""
        found: Any = import_module(self.module)
        for name in self.qualified_name.split("."):
            found = getattr(found, name)
        if not callable(found):
            raise TypeError(f"{self.qualified_name} of module {self.module} is no function")
        function: Callable[..., Any] = found
        return function


def reference_of(function: Callable[..., Any]) -> FunctionReference:
    """The reference of a function that is to run in a process.

    Raises ValueError for one that another process could not import, with what to do.
    """
    module = getattr(function, "__module__", None)
    qualified_name = getattr(function, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(qualified_name, str):
        raise ValueError(
            f'run_in="process" is for functions of a module, and {function!r} is none: {ADVICE}'
        )
    if module == "__main__":
        raise ValueError(
            f'run_in="process" cannot import {qualified_name!r} from the program that is started '
            f"(__main__): {ADVICE}"
        )
    if "<" in qualified_name:  # <locals>, <lambda>
        raise ValueError(
            f'run_in="process" cannot import {qualified_name!r} of {module}, which only exists '
            f"within a function or has no name: {ADVICE}"
        )
    return FunctionReference(module, qualified_name)
