"""One mapping as its owner handles it: paused, resumed, moved along its streams, replaced."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from .handlers import control
from .handlers.control import ShardMove, Way

if TYPE_CHECKING:
    from .app import App


class MappingControl:
    """Controls the mapping of a handler, whether it runs here, elsewhere on the same file, or not.

    Whoever runs it notices. `name` is the handler's, with "@" and its version where it has one, or
    the UUID of a mapping made through Lambda's API. Everything raises UnknownMappingError for one
    that has never run.
    """

    def __init__(self, app: App, name: str) -> None:
        self.name = name
        self._app = app

    @property
    def is_paused(self) -> bool:
        return self._app.database.store.read(lambda reader: control.find(reader, self.name)).paused

    def pause(self) -> None:
        """Calls the handler no more, over restarts too, until it is resumed; returns when the call
        that runs has ended, unless it is called by a handler.
        """
        self._do(lambda: control.pause(self._app.database, self.name))

    def resume(self) -> None:
        """Goes on where the handler was."""
        self._do(lambda: control.resume(self._app.database, self.name))

    def rewind(
        self, to: datetime | str = "TRIM_HORIZON", *, dry_run: bool = False
    ) -> list[ShardMove]:
        """Has records delivered again from a time, a sequence number or TRIM_HORIZON on.

        Returns what moves, shard by shard, with how many records come again and the first of
        them; with `dry_run` nothing moves. Raises ValueError for a target that is none.
        """
        return self._move(to, Way.REWIND, dry_run)

    def skip(self, to: datetime | str = "LATEST", *, dry_run: bool = False) -> list[ShardMove]:
        """Leaves records out up to a time, a sequence number or LATEST; else as `rewind`."""
        return self._move(to, Way.SKIP, dry_run)

    def forget(self) -> None:
        """Forgets its positions: the next start of the handler is its first."""
        self._do(lambda: control.forget(self._app.database, self.name))

    def replace(self, old: str) -> None:
        """Retires another version of the handler, once this one is as far as that is everywhere.

        In one commit: no record is handled by neither of them. Raises NotCaughtUpError while it is
        behind: `app.drain()` lets it catch up.
        """
        self._app.flush_positions()
        control.retire(self._app.streams, old, self.name)
        self._app.retire_mapping(old)

    def _move(self, to: datetime | str, way: Way, dry_run: bool) -> list[ShardMove]:
        moves: list[ShardMove] = []

        def move() -> None:
            moves.extend(control.move(self._app.streams, self.name, to, way, dry_run=dry_run))

        if dry_run:
            self._app.flush_positions()
            move()
        else:
            self._do(move)
        return moves

    def _do(self, deed: Callable[[], None]) -> None:
        self._app.change_mapping(self.name, deed)
