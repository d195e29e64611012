"""Whether this is a process of a handler: an app that is declared in one opens no file."""

from __future__ import annotations

_is_handler_process = False


def note_handler_process() -> None:
    """Has this process be one from now on."""
    global _is_handler_process
    _is_handler_process = True


def is_handler_process() -> bool:
    return _is_handler_process


class Unopened:
    """Stands for the file of an app, and what there is of it, where none is opened."""

    @property
    def catalog(self) -> Unopened:
        """That of its tables, which a table with write shards takes along and asks later."""
        return self

    def __getattr__(self, name: str) -> object:
        raise RuntimeError(
            "this process only runs a handler, and has no file open: read and write by "
            'context.transaction, and start the app under `if __name__ == "__main__"`'
        )
