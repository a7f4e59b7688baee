"""Runs a sandbox: one ASGI application on the loopback interface until it is told to stop."""

from __future__ import annotations

import errno
import socket
from pathlib import Path

import click
import uvicorn
from starlette.types import ASGIApp, Receive, Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from syncline.sandbox.command import CannotStart

LOOPBACK = "127.0.0.1"
_CUT = "syncline.cut"


class _Protocol(HttpToolsProtocol):
    """HTTP as uvicorn speaks it, with a way for the application to cut the wire: faults need one."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope.setdefault("extensions", {})[_CUT] = {"abort": self.transport.abort}


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, address: str, ready_file: Path | None) -> None:
        super().__init__(config)
        self._address = address
        self._ready_file = ready_file

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if not self.started:
            return
        click.echo(self._address)
        if self._ready_file:  # by a rename: whoever sees the file sees all of it
            partial = _partial(self._ready_file)
            partial.write_text(self._address + "\n")
            partial.replace(self._ready_file)


def serve(app: ASGIApp, *, port: int, ready_file: Path | None = None) -> None:
    """Answer requests on the loopback interface until SIGINT or SIGTERM; port 0 takes any free one.

    ``ready_file`` holds the address (``http://127.0.0.1:PORT``) and exists only once requests are answered.
    Raises `CannotStart` when the port is taken or the file cannot be written.
    """
    listener = listen(port)
    address = f"http://{LOOPBACK}:{listener.getsockname()[1]}"
    with listener:
        if ready_file:
            _clear(ready_file)
        _Server(configured(app), address, ready_file).run(sockets=[listener])


def configured(app: ASGIApp) -> uvicorn.Config:
    """How an application is served, wherever its requests come from."""
    return uvicorn.Config(
        app,
        http=_Protocol,
        log_level="warning",
        access_log=False,
        date_header=False,  # the application tells it, by its own clock
        timeout_keep_alive=60,
        timeout_graceful_shutdown=2,
    )


async def cut_connection(scope: Scope, receive: Receive) -> None:
    """Close the connection of this request at once, without an answer."""
    scope["extensions"][_CUT]["abort"]()
    while (await receive())["type"] != "http.disconnect":
        pass


def _partial(ready_file: Path) -> Path:
    return ready_file.with_name(ready_file.name + ".partial")


def _clear(ready_file: Path) -> None:
    try:
        ready_file.unlink(missing_ok=True)
        _partial(ready_file).touch()
    except OSError as error:
        raise CannotStart(f"the ready file {ready_file} cannot be written ({error.strerror})") from None


def listen(port: int) -> socket.socket:
    """A socket of the loopback interface; port 0 is any free one. Raises `CannotStart` when it is taken."""
    # The protocol is named so that asyncio sends every answer at once (TCP_NODELAY).
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
    except (OSError, OverflowError) as error:
        listener.close()
        taken = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
        why = "is taken by another program" if taken else f"cannot be used ({error})"
        raise CannotStart(f"port {port} of {LOOPBACK} {why}: choose another with --port") from None
    listener.listen(2048)
    return listener
