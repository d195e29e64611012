"""The regions a server answers for: the one in a request's credential scope picks the store."""

from __future__ import annotations

from collections.abc import Mapping

from pelton.engine import Database

from .credentials import InvalidSignatureException


class Regions:
    """Maps region names to databases.

    One database alone answers for every region, so that a client needs no right region to try
    things out. Several databases answer for their own regions and no other.

    >>> database = Database(":memory:", region="us-east-1")
    >>> Regions(database).database_for("eu-west-1") is database
    True
    >>> database.close()
    """

    def __init__(self, databases: Database | Mapping[str, Database]) -> None:
        if isinstance(databases, Database):
            databases = {databases.region: databases}
        if not databases:
            raise ValueError("a server needs at least one database")
        self.databases = dict(databases)
        self.default_region = next(iter(self.databases))
        self._only = self.databases[self.default_region] if len(self.databases) == 1 else None

    def database_for(self, region: str) -> Database:
        """The database of a region. Raises InvalidSignatureException where there is none."""
        if self._only is not None:
            return self._only
        database = self.databases.get(region)
        if database is None:
            # AWS's sentence, and behind it what this server can do.
            raise InvalidSignatureException(
                f"Credential should be scoped to a valid region, not '{region}'. "
                f"This server serves {', '.join(sorted(self.databases))}."
            )
        return database

    def operations(self) -> frozenset[str]:
        """The names of the operations that all databases have."""
        names = [frozenset(database.operations) for database in self.databases.values()]
        return frozenset.intersection(*names)
