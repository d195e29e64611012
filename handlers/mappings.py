"""All mappings of a region: those that are declared in code, and those that clients make and change
through Lambda's API, which the file keeps.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import orjson

from ..engine import Database
from ..engine.storage import Reader
from ..engine.storage.port import META_SPACE
from ..streams import Streams
from .control import forget_mapping
from .functions import Functions, arn_of_function
from .mapping import EventSourceMapping, uuid_of_declared

if TYPE_CHECKING:
    from .dispatcher import Dispatcher

log = logging.getLogger("pelton.handlers")

STORED_KIND = b"stored-mapping"
_LIMITS = {"timeout_seconds", "run_in", "memory_limit_mb", "concurrency_max"}
OPTIONS = tuple(
    each.name
    for each in fields(EventSourceMapping)
    if each.name not in {"handler", "table_name", "uuid", *_LIMITS}
)
"""What a mapping made through the API has of its own; the rest are its function's limits."""


class MappingExistsError(ValueError):
    """Raised where a function is tied to a stream twice; `uuid` is the mapping that is there."""

    def __init__(self, existing: str) -> None:
        super().__init__(f"the function has a mapping to this stream already: {existing}")
        self.uuid = existing


@dataclass(frozen=True)
class KnownMapping:
    """A mapping with what the API tells of it beside its options."""

    uuid: str
    mapping: EventSourceMapping
    function_arn: str
    stream_arn: str
    modified_ms: int
    is_declared: bool
    """Whether code declares it; what the API changes of it lasts until the declaration changes."""
    tags: Mapping[str, str] = field(default_factory=dict)


class Mappings:
    """The mappings of a region by UUID; kept in its file, and at work in `dispatcher` if it is set.

    `declared` are those of the code, whose UUIDs follow from their names.
    """

    def __init__(
        self,
        database: Database,
        streams: Streams,
        functions: Functions,
        declared: Iterable[EventSourceMapping],
    ) -> None:
        self.dispatcher: Dispatcher | None = None
        self._database = database
        self._streams = streams
        self._functions = functions
        self._known: dict[str, KnownMapping] = {}
        self._declared: dict[str, EventSourceMapping] = {}
        self._resting: list[str] = []
        """Words about those that were made through the API and cannot run with this code."""
        rows = database.store.read(_stored_rows)
        for mapping in declared:
            known = self._declare(mapping)
            self._declared[known.uuid] = mapping
            self._known[known.uuid] = self._changed(known, rows.pop(known.uuid, None))
        for key, row in rows.items():
            # What was changed of a declaration goes with it.
            made = self._made(key, row) if row["declaration"] is None else None
            if made is not None:
                self._known[key] = made

    def __iter__(self) -> Iterator[KnownMapping]:
        return iter(list(self._known.values()))

    def active(self) -> list[EventSourceMapping]:
        """What a dispatcher is to run."""
        return [each.mapping for each in self]

    def warn_of_resting(self) -> None:
        """Logs what was made through the API and cannot run with this code."""
        for words in self._resting:
            log.warning(words)

    def get(self, key: str) -> KnownMapping:
        """Raises KeyError."""
        return self._known[key]

    def create(
        self,
        function_name: str,
        function_arn: str,
        stream_arn: str,
        options: Mapping[str, Any],
        tags: Mapping[str, str] | None = None,
    ) -> KnownMapping:
        """Ties a function to a stream, durably; it is called from then on if that is enabled.

        Raises KeyError for a function that is not there, MappingExistsError for a second one, and
        ValueError for a stream that is not there and for options out of range.
        """
        key = str(uuid.uuid4())
        mapping = self._mapping(key, function_name, stream_arn, options)
        now_ms = self._database.clock.now_ms()
        known = KnownMapping(
            key, mapping, function_arn, stream_arn, now_ms, False, dict(tags or {})
        )
        self._check_single(known)
        self._keep(known)
        if self.dispatcher is not None:
            self.dispatcher.add(mapping)
        return known

    def update(
        self, key: str, options: Mapping[str, Any], function: tuple[str, str] | None = None
    ) -> KnownMapping:
        """Changes the options that are given, durably, and goes on from where the mapping was.

        `function` is the name and the ARN of another one. Raises KeyError for a mapping or a
        function that is not there, and ValueError as `create` does.
        """
        known = self._known[key]
        mapping = replace(known.mapping, **options)
        function_arn = known.function_arn
        if function is not None and function[0] != mapping.handler.name:
            if known.is_declared:
                raise ValueError("the function of a mapping that code declares stays what it is")
            kept = {name: getattr(mapping, name) for name in OPTIONS}
            function_arn = function[1]
            mapping = self._mapping(key, function[0], known.stream_arn, kept)
        changed = replace(
            known,
            mapping=mapping,
            function_arn=function_arn,
            modified_ms=self._database.clock.now_ms(),
        )
        self._check_single(changed)
        self._keep(changed)
        if self.dispatcher is not None:
            # Not waited for: it may be the function that asks for this, as to switch itself off.
            self.dispatcher.replace(mapping, waits=False)
        return changed

    def delete(self, key: str) -> KnownMapping:
        """Forgets a mapping with its positions; one that code declares is back at the next start.

        Raises KeyError.
        """
        known = self._known.pop(key)

        def forget() -> None:
            self._database.write(lambda work: forget_mapping(work, known.mapping.name))

        self._database.write(lambda work: work.delete(META_SPACE, 0, STORED_KIND, key.encode()))
        if self.dispatcher is None:
            forget()
        else:
            # Behind its last call, which may be that of the function that asks for this.
            self.dispatcher.remove(known.mapping.name, then=forget)
        return known

    def tag(self, key: str, tags: Mapping[str, str], *, without: Sequence[str] = ()) -> None:
        """Adds tags and takes others away. Raises KeyError."""
        known = self._known[key]
        kept = {name: text for name, text in known.tags.items() if name not in without}
        self._keep(replace(known, tags={**kept, **tags}))

    # --- inside --------------------------------------------------------------------------------

    def _mapping(
        self, key: str, function_name: str, stream_arn: str, options: Mapping[str, Any]
    ) -> EventSourceMapping:
        stream = self._streams.streams.by_arn.get(stream_arn)
        if stream is None:
            raise ValueError(f"Stream not found: {stream_arn}")
        function = self._functions[function_name]
        return function.as_mapping(stream.table_name, uuid=key, **options)

    def _check_single(self, known: KnownMapping) -> None:
        for other in self:
            if other.uuid != known.uuid and (
                other.mapping.handler.name == known.mapping.handler.name
                and other.mapping.table_name == known.mapping.table_name
                and other.mapping.version == known.mapping.version
            ):
                raise MappingExistsError(other.uuid)

    def _declare(self, mapping: EventSourceMapping) -> KnownMapping:
        table = self._database.catalog.tables.get(mapping.table_name)
        stream = None if table is None else table.stream
        key = uuid_of_declared(self._database.region, self._database.account, mapping.name)
        function_arn = arn_of_function(
            self._database.region, self._database.account, mapping.handler.name
        )
        stream_arn = "" if stream is None else stream.arn
        now_ms = self._database.clock.now_ms()
        return KnownMapping(key, mapping, function_arn, stream_arn, now_ms, True)

    def _changed(self, declared: KnownMapping, row: dict[str, Any] | None) -> KnownMapping:
        """A declared mapping with what the API has changed of this very declaration."""
        if row is None or row["declaration"] != _digest(declared.mapping):
            return declared
        mapping = replace(declared.mapping, **_options_from(row["options"]))
        return replace(declared, mapping=mapping, modified_ms=row["modified_ms"], tags=row["tags"])

    def _made(self, key: str, row: dict[str, Any]) -> KnownMapping | None:
        """A mapping of the API's; None while the code has not got its function, or no more, or one
        that it does not fit.
        """
        function, options = self._functions.get(row["function"]), _options_from(row["options"])
        if function is None:
            self._resting.append(f"mapping {key} rests: there is no function {row['function']!r}")
            return None
        try:
            mapping = function.as_mapping(row["table"], uuid=key, **options)
        except ValueError as error:
            self._resting.append(f"mapping {key} of {row['function']!r} rests: {error}")
            return None
        return KnownMapping(
            key,
            mapping,
            row["function_arn"],
            row["stream"],
            row["modified_ms"],
            False,
            row["tags"],
        )

    def _keep(self, known: KnownMapping) -> None:
        declared = self._declared.get(known.uuid)
        body = {
            "function": known.mapping.handler.name,
            "function_arn": known.function_arn,
            "table": known.mapping.table_name,
            "stream": known.stream_arn,
            "options": _options_of(known.mapping),
            "modified_ms": known.modified_ms,
            "tags": dict(known.tags),
            "declaration": None if declared is None else _digest(declared),
        }
        row = orjson.dumps(body)
        self._database.write(
            lambda work: work.put(META_SPACE, 0, STORED_KIND, known.uuid.encode(), 0, row)
        )
        self._known[known.uuid] = known


def _stored_rows(reader: Reader) -> dict[str, dict[str, Any]]:
    rows = reader.query(META_SPACE, 0, STORED_KIND)
    return {sk.decode(): orjson.loads(body) for sk, _, body in rows}


def _options_of(mapping: EventSourceMapping) -> dict[str, Any]:
    """Its options as JSON has them: a time is a number of seconds."""
    options = {name: getattr(mapping, name) for name in OPTIONS}
    if isinstance(mapping.start, datetime):
        options["start"] = mapping.start.timestamp()
    return options


def _options_from(kept: dict[str, Any]) -> dict[str, Any]:
    options = {
        name: tuple(value) if isinstance(value, list) else value for name, value in kept.items()
    }
    start = kept.get("start")
    if isinstance(start, int | float):
        options["start"] = datetime.fromtimestamp(start, UTC)
    return options


def _digest(mapping: EventSourceMapping) -> str:
    """What changes when the declaration of a mapping does."""
    text = orjson.dumps(_options_of(mapping), option=orjson.OPT_SORT_KEYS)
    return blake2b(text, digest_size=16).hexdigest()
