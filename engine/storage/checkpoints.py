"""Moves WAL frames into the database file beside the writer."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

import apsw

log = logging.getLogger("pelton.store")

START_FRAMES = 1_000
"""A checkpoint begins when this many frames (4 MB) wait in the WAL."""

RESTART_FRAMES = 16_000
"""Above this size (64 MB) the writer is asked to move the last frames, so the WAL starts over."""


class CheckpointThread:
    """Runs passive checkpoints on a connection of its own when the writer has filled the WAL.

    A passive checkpoint beside a busy writer always leaves the newest frames, so the WAL would grow
    for ever; `tidy` asks the writer for one short pause a WAL's length to let it start over.
    """

    def __init__(self, connect: Callable[[], apsw.Connection], tidy: Callable[[], None]) -> None:
        self._connect = connect
        self._tidy = tidy
        self._wanted = threading.Event()
        self._stopping = False
        self._tidied = threading.Event()
        self._tidied.set()
        self._frames_done = 0
        self._thread = threading.Thread(target=self._run, name="pelton-checkpoints", daemon=True)
        self._thread.start()

    def note_wal(self, connection: Any, name: str, frames: int) -> int:
        """The writer's WAL hook: called after each commit with the frames that the WAL holds."""
        if frames < self._frames_done:
            self._frames_done = 0
        if frames - self._frames_done > START_FRAMES:
            self._wanted.set()
        return int(apsw.SQLITE_OK)

    def note_tidied(self) -> None:
        self._frames_done = 0
        self._tidied.set()

    def stop(self) -> None:
        self._stopping = True
        self._wanted.set()
        self._tidied.set()
        self._thread.join()

    def _run(self) -> None:
        connection = self._connect()
        while True:
            self._wanted.wait()
            self._wanted.clear()
            if self._stopping:
                break
            self._move(connection)
        connection.close()

    def _move(self, connection: apsw.Connection) -> None:
        try:
            frames, moved = connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        except apsw.BusyError:
            return  # another process is at it
        except apsw.Error as error:
            log.warning("a checkpoint failed and will be tried again: %s", error)
            return
        self._frames_done = moved
        if frames > RESTART_FRAMES and not self._stopping:
            self._tidied.clear()
            if self._stopping:
                return  # the writer that would answer may be gone
            self._tidy()
            self._tidied.wait()  # two checkpoints at once would only hold each other up
