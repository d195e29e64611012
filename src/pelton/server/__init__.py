"""The server: DynamoDB's wire protocol over HTTP, for every client that speaks it.

>>> from pelton.engine import Database
>>> from pelton.server import Server
>>> database = Database(":memory:")
>>> with Server(database, port=0) as server:
...     print(server.url.rpartition(":")[0])
http://127.0.0.1
>>> database.close()
"""

from .regions import Regions
from .server import Server, ServerError

__all__ = ["Regions", "Server", "ServerError"]
