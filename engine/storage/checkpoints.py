"""Moves WAL frames into the database file beside the writer."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from typing import Any

import apsw

log = logging.getLogger("pelton.store")

WAL_FRAMES_MAX = 16_000
"""A checkpoint begins when this many frames (64 MB) wait in the WAL. A page that is written again
and again is moved once a checkpoint, so rare ones cost less."""

RETRY_FRAMES = 1_000
"""How many more frames must have come before another try, when a long read pins the WAL."""


class CheckpointThread:
    """Empties the WAL on a connection of its own whenever the writer has filled it.

    A passive checkpoint beside a busy writer always leaves the newest frames, and does not sync the
    database file. So this thread moves nearly all of them, syncs the file, and then asks the writer
    by `tidy` to move the last few: one short pause a WAL's length, after which it starts over.
    """

    def __init__(
        self,
        path: str,
        connect: Callable[[], apsw.Connection],
        tidy: Callable[[], None],
        *,
        syncs: bool,
    ) -> None:
        self._path = os.path.realpath(path)
        self._syncs = syncs
        self._connect = connect
        self._tidy = tidy
        self._wanted = threading.Event()
        self._stopping = False
        self._tidied = threading.Event()
        self._frames = 0
        self._frames_awaited = WAL_FRAMES_MAX
        self._thread = threading.Thread(target=self._run, name="pelton-checkpoints", daemon=True)
        self._thread.start()

    def note_wal(self, connection: Any, name: str, frames: int) -> int:
        """The writer's WAL hook: called after each commit with the frames that the WAL holds."""
        if frames < self._frames:  # it has started over
            self._frames_awaited = WAL_FRAMES_MAX
        self._frames = frames
        if frames > self._frames_awaited:
            self._frames_awaited = frames + RETRY_FRAMES
            self._wanted.set()
        return int(apsw.SQLITE_OK)

    def note_tidied(self) -> None:
        self._tidied.set()

    def stop(self) -> None:
        self._stopping = True
        self._wanted.set()
        self._tidied.set()
        self._thread.join()

    def _run(self) -> None:
        connection = self._connect()
        self._wanted.wait()
        while not self._stopping:
            if self._move(connection):
                self._tidied.clear()
                if self._stopping:
                    break  # the writer that would answer may be gone
                self._tidy()
                self._tidied.wait()  # two checkpoints at once would only hold each other up
            self._wanted.clear()
            if not self._stopping:
                self._wanted.wait()
        connection.close()

    def _move(self, connection: apsw.Connection) -> bool:
        """Whether the frames that waited when it began are safe in the database file."""
        try:
            connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
            if self._syncs:
                sync_open_file(self._path)
        except apsw.BusyError:
            return False  # another process is at it
        except (apsw.Error, OSError) as error:
            log.warning("a checkpoint failed and will be tried again: %s", error)
            return False
        return True


def sync_open_file(path: str) -> None:
    """Syncs a file that this process has open already, where the system tells its descriptors.

    Opening it once more is no way: closing that descriptor would drop SQLite's locks on the file.
    Elsewhere the pause for the last frames is longer, for it has to sync all.
    """
    folder = "/proc/self/fd"
    if not os.path.isdir(folder):
        return
    for name in os.listdir(folder):
        try:
            if os.readlink(f"{folder}/{name}") == path:
                os.fsync(int(name))
                return
        except FileNotFoundError:
            continue  # closed meanwhile
