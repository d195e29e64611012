"""AWS's limits as `pelton serve` is told to change them, for tests and demonstrations."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from .failure import CommandError

if TYPE_CHECKING:
    from pelton import PartitionLimits, StreamLimits


def limits_of(options: Iterable[str]) -> tuple[PartitionLimits, StreamLimits]:
    """The limits from `NAME=VALUE` options. Raises CommandError, listing the names there are.

    >>> partitions, streams = limits_of(["shard_seconds_max=1", "write_units_max=10"])
    >>> streams.shard_seconds_max, partitions.write_units_max
    (1.0, 10)
    """
    from pelton import PartitionLimits, StreamLimits

    kinds: tuple[type[Any], ...] = (PartitionLimits, StreamLimits)
    given: dict[type[Any], dict[str, float]] = {kind: {} for kind in kinds}
    homes = {field.name: (kind, field) for kind in kinds for field in fields(kind)}
    for option in options:
        name, _, text = option.partition("=")
        if name not in homes:
            raise CommandError(f"--limit {name}: there is no such limit, only {', '.join(homes)}")
        kind, field = homes[name]
        try:
            given[kind][name] = int(text) if field.type == "int" else float(text)
        except ValueError:
            what = "a whole number" if field.type == "int" else "a number"
            raise CommandError(f"--limit {option}: {name} is {what}, as in {name}=1") from None
    try:
        return PartitionLimits(**given[PartitionLimits]), StreamLimits(**given[StreamLimits])  # type: ignore[arg-type]
    except ValueError as error:
        raise CommandError(f"--limit: {error}") from error
