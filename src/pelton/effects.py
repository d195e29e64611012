"""Effects: functions for what leaves the file, called for what handlers have emitted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypedDict, TypeVar

from .engine import Database
from .handlers.mapping import EventSourceMapping

F = TypeVar("F", bound=Callable[..., Any])


class EffectOptions(TypedDict, total=False):
    """The options of a handler that an effect has too: they mean what they mean there."""

    batch_size: int
    """How many effects are done before that is committed: what a crash repeats; 1 unless given."""
    parallelization_factor: int
    """How many effects of a shard of the outbox happen at once; those of one order do not."""
    maximum_record_age_in_seconds: int
    maximum_retry_attempts: int
    on_failure: str
    on_poison: Literal["dead-letter", "quarantine"]
    timeout_seconds: float
    run_in: Literal["thread", "process"]
    memory_limit_mb: int
    concurrency_max: int
    enabled: bool
    """False leaves its effects in the outbox until it is enabled again."""


def registrar(
    database: Database,
    name: str | None,
    options: EffectOptions,
    register: Callable[[EventSourceMapping], None],
) -> Callable[[F], F]:
    """The decorator that makes a function an effect; `register` takes its mapping."""
    from .handlers.outbox import effect_mapping, ensure_outbox

    def register_function(function: F) -> F:
        ensure_outbox(database)
        own_name = getattr(function, "__name__", type(function).__name__)
        register(effect_mapping(name or own_name, function, **options))
        return function

    return register_function
