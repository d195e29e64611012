"""Functions: what Lambda's API calls one, and the functions that an app has of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .handler import Handler
from .mapping import EventSourceMapping


@dataclass(frozen=True)
class Function:
    """A handler that can be invoked, and the limits of its calls; the options mean what they mean
    in a mapping. Raises ValueError for options out of range.
    """

    handler: Handler
    timeout_seconds: float | None = None
    run_in: str = "thread"
    memory_limit_mb: int | None = None
    concurrency_max: int | None = None

    def __post_init__(self) -> None:
        self.as_mapping("")  # which checks them

    @classmethod
    def of_mapping(cls, mapping: EventSourceMapping) -> Function:
        """The function that a mapping which was declared in code calls."""
        return cls(
            mapping.handler,
            timeout_seconds=mapping.timeout_seconds,
            run_in=mapping.run_in,
            memory_limit_mb=mapping.memory_limit_mb,
            concurrency_max=mapping.concurrency_max,
        )

    def as_mapping(self, table_name: str, **options: Any) -> EventSourceMapping:
        """A mapping that ties it to a table, with its limits. Raises ValueError."""
        return EventSourceMapping(
            self.handler,
            table_name,
            timeout_seconds=self.timeout_seconds,
            run_in=self.run_in,
            memory_limit_mb=self.memory_limit_mb,
            concurrency_max=self.concurrency_max,
            **options,
        )

    @property
    def name(self) -> str:
        return self.handler.name


class Functions(Mapping[str, Function]):
    """The functions of an app by their names, in alphabetical order."""

    def __init__(self) -> None:
        self._by_name: dict[str, Function] = {}

    def add(self, function: Function) -> None:
        """Adds one, or puts it in the place of the one that has its name."""
        self._by_name[function.name] = function

    def __getitem__(self, name: str) -> Function:
        return self._by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._by_name))

    def __len__(self) -> int:
        return len(self._by_name)


def arn_of_function(region: str, account: str, name: str) -> str:
    return f"arn:aws:lambda:{region}:{account}:function:{name}"
