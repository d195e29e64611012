"""The switches that make pelton as hard on its clients as AWS is; all are off by default."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class Strictness:
    """What a database does for the sake of tests. Raises ValueError for what cannot be.

    >>> Strictness(throttles=True).to_json()["throttles"]
    True
    """

    seed: int = 0
    """Begins the random numbers of every switch: the same requests meet the same luck."""
    throttles: bool = False
    """Whether tables, indexes and partitions take no more than their capacity."""
    unprocessed_probability: float = 0.0
    """How likely each entry of a batch comes back unprocessed, 0 to 1."""
    creating_ms: int = 0
    """How long a new table is CREATING."""
    updating_ms: int = 0
    """How long a table is UPDATING after each UpdateTable."""
    backfilling_ms: int = 0
    """How long a new index of an existing table is Backfilling once its table is ACTIVE again."""
    deleting_ms: int = 0
    """How long a deleted table or index is still told of, as DELETING."""
    stale_ms: int = 0
    """How far a read that is not consistent may look back."""
    stale_probability: float = 1.0
    """How likely such a read looks back at all, 0 to 1."""
    index_lag_ms: int = 0
    """How long after its write an item's entry in a global index is seen."""
    latency_ms: int | tuple[int, int] = 0
    """How long a server holds an answer back; of two numbers, anything between them."""

    def __post_init__(self) -> None:
        for field in fields(self):
            _CHECKS[_kind_of(field.name)](field.name, getattr(self, field.name))

    @property
    def latency_range_ms(self) -> tuple[int, int]:
        """The least and the most that an answer is held back."""
        latency_ms = self.latency_ms
        return (latency_ms, latency_ms) if isinstance(latency_ms, int) else latency_ms

    @property
    def has_statuses(self) -> bool:
        """Whether any status takes its time."""
        return any((self.creating_ms, self.updating_ms, self.backfilling_ms, self.deleting_ms))

    @property
    def is_off(self) -> bool:
        """Whether nothing is switched on, whatever the seed."""
        return self == Strictness(seed=self.seed)

    def to_json(self) -> dict[str, Any]:
        """Every switch by name, as `from_json` takes them."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Any) -> Strictness:
        """The switches named in a JSON object; those it leaves out are off. Raises ValueError."""
        if not isinstance(data, dict):
            raise ValueError('strictness is an object of switches, such as {"throttles": true}')
        names = [field.name for field in fields(cls)]
        for name in data:
            if name not in names:
                raise ValueError(f"there is no switch {name!r}; there are {', '.join(names)}")
        latency_ms = data.get("latency_ms")
        if isinstance(latency_ms, list):
            data = {**data, "latency_ms": tuple(latency_ms)}
        return cls(**data)

    @classmethod
    def from_options(cls, options: Iterable[str]) -> Strictness:
        """The switches written as `NAME` or `NAME=VALUE`, a range as `5-50`. Raises ValueError.

        >>> Strictness.from_options(["throttles", "unprocessed_probability=0.5"]).throttles
        True
        """
        data: dict[str, Any] = {}
        for option in options:
            name, has_value, text = option.partition("=")
            data[name] = _value_of(name, text) if has_value else True
        return cls.from_json(data)


def _kind_of(name: str) -> str:
    return {"throttles": "bool", "seed": "int", "latency_ms": "range"}.get(
        name, name.rpartition("_")[2]
    )


def _check_bool(name: str, value: Any) -> None:
    if not isinstance(value, bool):
        raise ValueError(f"{name} is true or false, not {value!r}")


def _check_int(name: str, value: Any) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{name} is a whole number, not {value!r}")


def _check_duration(name: str, value: Any) -> None:
    _check_int(name, value)
    if value < 0:
        raise ValueError(f"{name} is a number of milliseconds from 0 on, not {value!r}")


def _check_range(name: str, value: Any) -> None:
    if not isinstance(value, tuple):
        _check_duration(name, value)
        return
    for each in value:
        _check_duration(name, each)
    if len(value) != 2 or value[0] > value[1]:
        raise ValueError(f"{name} is a number or the least and the most, not {value!r}")


def _check_probability(name: str, value: Any) -> None:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 1:
        raise ValueError(f"{name} is a number from 0 to 1, not {value!r}")


_CHECKS = {
    "bool": _check_bool,
    "int": _check_int,
    "ms": _check_duration,
    "range": _check_range,
    "probability": _check_probability,
}


def _value_of(name: str, text: str) -> Any:
    try:
        if _kind_of(name) == "probability":
            return float(text)
        if _kind_of(name) == "bool":
            return {"true": True, "false": False}[text]
        if _kind_of(name) == "range" and "-" in text:
            return [int(part) for part in text.split("-")]
        return int(text)
    except (KeyError, ValueError):
        return text  # Whoever checks the value tells what it should be.
