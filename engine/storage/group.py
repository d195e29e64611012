"""What is committed together: a first piece of work, and what arrives while it is being done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple

from .port import Transaction

GROUP_WORKS_MAX = 128


class Job(NamedTuple):
    work: Callable[[Transaction], Any]
    done: Callable[[Any, BaseException | None], None]
    alone: bool


class Group:
    """The works of one commit: `first`, and what comes to the queue until the last has been run.

    Iterating takes them off the queue as late as can be: whoever asks for many writes at once finds
    them in one commit, although the first of them has woken the writer.
    """

    def __init__(self, first: Job | None = None, queue: SimpleQueue[Job | None] | None = None):
        self.jobs = [first] if first else []
        self.behind: Job | None = None
        """A work that was taken off the queue and has to wait for the next commit."""
        self._queue = queue

    def __iter__(self) -> Iterator[Job]:
        yield from self.jobs
        queue = self._queue
        while queue is not None and not self.jobs[-1].alone and len(self.jobs) < GROUP_WORKS_MAX:
            try:
                job = queue.get_nowait()
            except Empty:
                return
            if job is None:
                queue.put(None)  # the end of the queue stays its end
                return
            if job.alone:
                self.behind = job
                return
            self.jobs.append(job)
            yield job
