"""Where rows and records live: a port with two verbs, and its implementation on one SQLite file."""

from .port import LogRow, Reader, Row, Store, StoreFigures, Transaction, Work
from .sqlite import SQLiteStore

__all__ = ["LogRow", "Reader", "Row", "SQLiteStore", "Store", "StoreFigures", "Transaction", "Work"]
