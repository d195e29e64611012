"""The command line: parses, calls, prints. `pelton --help` tells what there is."""

from .main import main

__all__ = ["main"]
