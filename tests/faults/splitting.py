"""The app of the fault tests, whose partitions split all the time, also in the moment of a kill."""

from __future__ import annotations

import os
import random
import threading
from pathlib import Path

import pelton

from .shop import make_app

SPLIT_TABLES = ("items", "counters", "transfers", "totals")
PAUSE_SECONDS = 0.05
PARTITIONS_MAX = 60


def split_for_ever(app: pelton.App) -> None:
    """Divides one partition after the other, anywhere; a table that has many is left alone."""
    source = random.Random(os.getpid())
    pause = threading.Event()
    while True:
        pause.wait(PAUSE_SECONDS)
        name = source.choice(SPLIT_TABLES)
        partitions = [each.partition for each in app.partitions(name)]
        if len(partitions) < PARTITIONS_MAX:
            app.split_partition(name, source.choice(partitions).number)


def __getattr__(name: str) -> pelton.App:
    if name != "app":
        raise AttributeError(name)
    app = make_app(Path(os.environ["PELTON_FAULTS_DB"]), Path(os.environ["PELTON_FAULTS_SEEN"]))
    threading.Thread(target=split_for_ever, args=(app,), daemon=True).start()
    return app
