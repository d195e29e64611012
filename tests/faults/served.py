"""The app as `pelton run` imports it; its files are named by the environment."""

import os
from pathlib import Path

import pelton

from .shop import make_app


def __getattr__(name: str) -> pelton.App:
    # Made when it is asked for: whoever merely imports this module has no file to open.
    if name != "app":
        raise AttributeError(name)
    return make_app(Path(os.environ["PELTON_FAULTS_DB"]), Path(os.environ["PELTON_FAULTS_SEEN"]))
