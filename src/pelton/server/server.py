"""A server as an object: uvicorn in a thread of its own, from the socket it binds to its end."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import random
import socket
import threading
import time
from collections.abc import Callable, Generator, Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, cast

import uvicorn

from pelton.engine import Database, PeltonError
from pelton.metrics import RegionFigures, take_figures

from .connections import Connections
from .delay import CallLater
from .http import ASGIApp, Receive, Scope, Send, WireApp
from .mailbox import Mailbox
from .origins import Origins
from .regions import Regions
from .service import Service

if TYPE_CHECKING:
    from pelton.app import App

    from .lambda_api import LambdaRegions

log = logging.getLogger("pelton.server")

BACKLOG = 1024
KEEP_ALIVE_SECONDS = 60
"""SDKs keep idle connections for about this long; closing them first makes their retries fail."""

SHUTDOWN_SECONDS_MAX = 10
"""How long requests that have begun may take to end once the server is told to stop."""


class ServerError(PeltonError):
    """Raised when a server cannot listen where it was told to, or not safely."""


class Server:
    """Serves databases over HTTP while it is open; they stay the caller's to close.

    `databases` is one database, which then answers for every region, or one for each region.
    `port` 0 takes any free port. Raises ServerError where it cannot listen, and for a host that
    other machines can reach unless `allow_remote` says that this is meant: requests are not
    authenticated. `cors_origins` are the web pages of other places that may use it, by origin
    (`https://app.example.com`), `*` for any; what is no origin is a ServerError too.
    `listener` is a socket from `listen_at` to use instead of host and port; it stays open.
    `call_later` holds answers back where the databases' strictness has latency.
    `apps` are those of the databases whose functions and mappings `/metrics` is to tell of, and
    Lambda's API to manage; without any, that API is not there.
    """

    def __init__(
        self,
        databases: Database | Mapping[str, Database],
        *,
        host: str = "127.0.0.1",
        port: int = 8000,
        allow_remote: bool = False,
        cors_origins: Iterable[str] = (),
        random_source: random.Random | None = None,
        call_later: CallLater | None = None,
        apps: Iterable[App] = (),
        listener: socket.socket | None = None,
    ) -> None:
        self._regions = Regions(databases)
        try:
            self._origins = Origins(cors_origins)
        except ValueError as error:
            raise ServerError(str(error)) from error
        if listener is None:
            self._socket = listen_at(host, port, allow_remote=allow_remote)
        else:
            self._socket = listener.dup()
            host = listener.getsockname()[0]
        self.host = host
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"
        self._random_source = random_source
        self._call_later = call_later
        self._apps = list(apps)
        self._lambda_regions: LambdaRegions | None = None
        self._loop_ended = threading.Event()
        self._uvicorn: _Uvicorn | None = None
        self._thread = threading.Thread(target=self._run, name="pelton-server", daemon=True)
        self._started = threading.Event()

    def start(self) -> None:
        """Returns when requests are answered. A server is started once."""
        self._thread.start()
        self._started.wait()
        if self._loop_ended.is_set():
            raise ServerError(f"the server at {self.url} did not start; its log says why")

    def stop(self) -> None:
        """Stops accepting, answers what has begun, and returns when that is done."""
        if self._uvicorn is not None:
            self._uvicorn.request_stop()
        if self._thread.is_alive():
            self._thread.join()
        if self._lambda_regions is not None:
            self._lambda_regions.close(SHUTDOWN_SECONDS_MAX)
        self._socket.close()

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=_loop_factory()) as runner:
                runner.run(self._serve())
        except Exception:
            log.exception("the server at %s ended", self.url)
        finally:
            self._loop_ended.set()
            self._started.set()

    async def _serve(self) -> None:
        mailbox = Mailbox(asyncio.get_running_loop())
        service = Service(
            self._regions, mailbox, self._random_source, self._origins, self._call_later
        )
        connections = Connections(service)
        self._started_s = time.monotonic()
        config = uvicorn.Config(
            WireApp(
                service,
                LazyPages(self._make_pages),
                LazyPages(self._make_lambda_app) if self._apps else None,
            ),
            http=cast(type[asyncio.Protocol], connections),
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            backlog=BACKLOG,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=SHUTDOWN_SECONDS_MAX,
        )
        self._uvicorn = _Uvicorn(config, connections, self._started)
        await self._uvicorn.serve(sockets=[self._socket])

    def _is_closing(self) -> bool:
        return self._uvicorn is None or self._uvicorn.should_exit

    def _figures(self) -> list[RegionFigures]:
        apps = {id(app.database): app for app in self._apps}
        return [
            apps[id(database)].figures() if id(database) in apps else take_figures(database)
            for database in self._regions.databases.values()
        ]

    def _make_pages(self) -> ASGIApp:
        from .pages import make_pages

        return make_pages(
            self._regions, self._origins, self._is_closing, self._started_s, self._figures
        )

    def _make_lambda_app(self) -> ASGIApp:
        from .lambda_api import LambdaApp, LambdaRegions

        self._lambda_regions = LambdaRegions(self._apps)
        return LambdaApp(self._regions, self._lambda_regions, self._origins, self._random_source)


class LazyPages:
    """What stands beside the protocol, imported when it is asked for the first time.

    FastAPI takes longer to import than everything else together, and most servers never show a
    page; importing happens on another thread so that no request waits for it.
    """

    def __init__(self, make: Callable[[], ASGIApp]) -> None:
        self._make = make
        self._importing: asyncio.Future[ASGIApp] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._importing is None:
            loop = asyncio.get_running_loop()
            self._importing = loop.run_in_executor(None, self._make)
        pages = await asyncio.shield(self._importing)
        await pages(scope, receive, send)


class _Uvicorn(uvicorn.Server):
    """uvicorn's server without its signals, woken by a request to stop instead of polling for it.

    Signals are the process's business, and this may run in any thread of it.
    """

    def __init__(
        self, config: uvicorn.Config, connections: Connections, started: threading.Event
    ) -> None:
        super().__init__(config)
        self._connections = connections
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        self._told = started

    def request_stop(self) -> None:
        """Asks for a graceful end; on any thread, any number of times."""
        self.should_exit = True
        with contextlib.suppress(RuntimeError):  # The loop has ended already.
            self._loop.call_soon_threadsafe(self._stopping.set)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self._told.set()

    async def main_loop(self) -> None:
        seconds = 0
        while not await self.on_tick(0):
            self._connections.renew_date()
            seconds += 1
            if seconds % KEEP_ALIVE_SECONDS == 0:
                self._connections.close_idle()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await self._stopping.wait()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    try:
        import uvloop
    except ImportError:  # Windows has no uvloop.
        return asyncio.new_event_loop
    return uvloop.new_event_loop


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def listen_at(host: str, port: int, *, allow_remote: bool = False) -> socket.socket:
    """A socket that listens where a server is to; port 0 takes any free one.

    Raises ServerError where it cannot, and for a host that others can reach unless that is meant.
    """
    if not allow_remote and not _is_loopback(host):
        raise ServerError(
            f"{host} can be reached by other machines and requests are not authenticated yet; "
            "pass --allow-remote (allow_remote=True) if that is what you want"
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except (OSError, OverflowError) as error:
        listener.close()
        raise ServerError(
            f"cannot listen on {host} port {port}: {error}; another --port, or --port 0 for any "
            "free one, may help"
        ) from error
    return listener
