"""All connections of one server: the short way for the protocol, uvicorn's for everything else."""

from __future__ import annotations

import asyncio
from email.utils import formatdate
from typing import Any

import uvicorn
from uvicorn.server import ServerState

from .page_connection import PageConnection
from .protocol import Connection
from .service import Service


class Connections:
    """Makes uvicorn's connections and holds what they share.

    uvicorn calls it as it would call its own protocol class.
    """

    def __init__(self, service: Service) -> None:
        self.service = service
        self.date = b""
        self.config: uvicorn.Config
        self.state: ServerState
        self.app_state: dict[str, Any] = {}
        self._open: set[Connection | PageConnection] = set()
        self.renew_date()

    def __call__(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> Connection:
        self.config, self.state, self.app_state = config, server_state, app_state
        return Connection(self)

    def add(self, connection: Connection | PageConnection) -> None:
        self._open.add(connection)
        # uvicorn ends the connections in this set when it ends, and waits for them.
        self.state.connections.add(connection)  # type: ignore[arg-type]

    def discard(self, connection: Connection | PageConnection) -> None:
        self._open.discard(connection)
        self.state.connections.discard(connection)

    def hand_over(self, connection: Connection, transport: Any, data: bytes) -> None:
        """Gives a connection to uvicorn for good, with `data` as the start of its next request."""
        protocol = PageConnection(self)
        self.discard(connection)
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        protocol.data_received(data)

    def renew_date(self) -> None:
        """Makes the replies' Date the present second; to be called once a second."""
        self.date = formatdate(usegmt=True).encode()

    def close_idle(self) -> None:
        """Ends the connections that have had no request since this was last called."""
        for connection in list(self._open):
            connection.close_if_idle()
