"""An application that answers HTTP beside other work, in the same event loop, until whoever began it ends it."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn
from msgspec import Struct
from starlette.types import ASGIApp

LOOPBACK = "127.0.0.1"
_GRACE = 2
"""Seconds that an answer is given to end."""
_CONNECTIONS = 500
"""How many may be open at once; who comes then is told to come again (503)."""


class CannotServe(Exception):
    """Why it cannot be served so, and what would do."""


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


@asynccontextmanager
async def listening(app: ASGIApp, place: Place, closing: asyncio.Event | None = None) -> AsyncIterator[str]:
    """Its address, with a slash at the end. ``closing`` is set when it is to end. Raises `CannotServe`."""
    if (place.certificate is None) != (place.key is None):
        raise CannotServe("A certificate needs its key, and a key its certificate.")
    with _listen(place) as listener:
        config = uvicorn.Config(
            app,
            lifespan="off",
            log_level="error",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=_CONNECTIONS,
            timeout_graceful_shutdown=_GRACE,
            ssl_certfile=place.certificate,
            ssl_keyfile=place.key,
        )
        try:
            config.load()
        except OSError as error:
            raise CannotServe(f"The certificate or its key cannot be used: {error.strerror or error}.") from error
        ready = asyncio.Event()
        server = _Server(config, ready, closing or asyncio.Event())
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        await asyncio.wait({serving, asyncio.ensure_future(ready.wait())}, return_when=asyncio.FIRST_COMPLETED)
        name = f"[{place.host}]" if ":" in place.host else place.host
        try:
            yield f"{'https' if place.certificate else 'http'}://{name}:{listener.getsockname()[1]}/"
        finally:
            server.should_exit = True
            await serving


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
        raise CannotServe(f"Port {place.port} of {place.host} {why}: choose another.") from None
    listener.listen(128)
    return listener
