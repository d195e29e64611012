"""The private file behind ":memory:"."""

from __future__ import annotations

import os
import re

_NAME = re.compile(r"pelton-memory-(\d+)-")


class TemporaryFile:
    """A file in a folder of its own that vanishes with the store.

    SQLite's own in-memory databases cannot be shared between a writer and readers without blocking
    each other; an unsynchronised temporary file can, stays in the page cache, and keeps one code
    path for both kinds. Folders that a killed process left behind are removed at the next start.
    """

    def __init__(self) -> None:
        # Imported where it is needed: a store on a file of the user's needs none of it.
        import tempfile

        remove_orphans(tempfile.gettempdir())
        self._folder = tempfile.mkdtemp(prefix=f"pelton-memory-{os.getpid()}-")
        self.path = os.path.join(self._folder, "pelton.db")

    def remove(self) -> None:
        _remove_folder(self._folder)


def remove_orphans(parent: str | os.PathLike[str]) -> None:
    for name in os.listdir(parent):
        match = _NAME.match(name)
        if match and not _is_alive(int(match[1])):
            _remove_folder(os.path.join(parent, name))


def _remove_folder(path: str) -> None:
    import shutil

    shutil.rmtree(path, ignore_errors=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
