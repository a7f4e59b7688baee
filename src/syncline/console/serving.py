"""The console as a server: which address it may have, and until when it answers."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import uvicorn
from msgspec import Struct

from syncline.console.app import create_app
from syncline.console.attempts import Attempts
from syncline.console.desk import Desk
from syncline.console.onetime import OneTimeLink
from syncline.project import Project
from syncline.store import Memory, Store

LOOPBACK = "127.0.0.1"
_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
_ADDRESS = "address of the console"
"""The fact that tells others where it is served; one that has died may have left it behind."""
_GRACE = 2
"""Seconds that a page is given to end."""


class CannotServe(Exception):
    """Why the console cannot be served so, and what would do."""


class Place(Struct, frozen=True, kw_only=True):
    """Where it is to be served: port 0 is any free one. With a ``certificate`` (PEM) and its ``key``, by https."""

    port: int
    host: str = LOOPBACK
    certificate: Path | None = None
    key: Path | None = None

    @property
    def is_local(self) -> bool:
        """Whether only this machine reaches it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


class _Server(uvicorn.Server):
    """Ends when it is told to, by whoever started it: signals are theirs."""

    def __init__(self, config: uvicorn.Config, ready: asyncio.Event, closing: asyncio.Event) -> None:
        super().__init__(config)
        self._ready = ready
        self._closing = closing

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._closing.set()
        await super().shutdown(sockets)


class Served(Struct, frozen=True, kw_only=True):
    """The ``address`` it answers at; ``link`` signs in once, while there is no user."""

    address: str
    link: str | None


@asynccontextmanager
async def served(project: Project, store: Store, place: Place, person: str) -> AsyncIterator[Served]:
    """The console, until the end; ``person`` is who started it. Raises `CannotServe`."""
    has_users = bool(store.users())
    if not place.is_local and not has_users:
        raise CannotServe(
            f"The console is served to other machines ({place.host}) only once it has users: "
            "syncline console user add NAME --role ROLE adds one."
        )
    if (place.certificate is None) != (place.key is None):
        raise CannotServe("A certificate needs its key, and a key its certificate.")
    closing = asyncio.Event()
    listener = _listen(place)
    with listener:
        desk = Desk(
            project=project,
            store=store,
            hosts=_LOCAL_NAMES | {place.host} if place.is_local else None,
            link=None if has_users else OneTimeLink(person, datetime.now(UTC)),
            attempts=Attempts(),
            closing=closing,
        )
        config = uvicorn.Config(
            create_app(desk),
            lifespan="off",
            log_level="error",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=_GRACE,
            ssl_certfile=place.certificate,
            ssl_keyfile=place.key,
        )
        try:
            config.load()
        except OSError as error:
            raise CannotServe(f"The certificate or its key cannot be used: {error.strerror or error}.") from error
        ready = asyncio.Event()
        server = _Server(config, ready, closing)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        await asyncio.wait({serving, asyncio.ensure_future(ready.wait())}, return_when=asyncio.FIRST_COMPLETED)
        name = f"[{place.host}]" if ":" in place.host else place.host
        address = f"{'https' if place.certificate else 'http'}://{name}:{listener.getsockname()[1]}/"
        store.save(Memory(facts={_ADDRESS: address}))
        try:
            yield Served(address=address, link=f"{address}sign-in/{desk.link.token}" if desk.link else None)
        finally:
            server.should_exit = True
            await serving


def where_served(store: Store) -> str | None:
    """The address of a console of this store that answers; ``None`` where none does."""
    address = store.fact(_ADDRESS)
    if not address:
        return None
    parts = urlsplit(address)
    try:
        with socket.create_connection((parts.hostname or LOOPBACK, parts.port or 0), timeout=_GRACE):
            return address
    except OSError:
        return None


def _listen(place: Place) -> socket.socket:
    family = socket.AF_INET6 if ":" in place.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((place.host, place.port))
    except OSError as error:
        listener.close()
        taken = error.errno == errno.EADDRINUSE
        why = "is taken by another program" if taken else f"cannot be used ({error.strerror or error})"
        raise CannotServe(f"Port {place.port} of {place.host} {why}: choose another with --port.") from None
    listener.listen(128)
    return listener
