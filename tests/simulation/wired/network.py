"""A network in memory: under aiohttp's client on one end, uvicorn's protocol over a sandbox on the other.

What passes are bytes, as over a socket; they take a millisecond, arrive in order, and a connection that is cut tells
each end as TCP does.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, TypeAlias

import aiohttp
import uvicorn
from aiohttp.client_proto import ResponseHandler
from starlette.types import ASGIApp
from uvicorn.server import ServerState

from syncline.sandbox.serve import configured

DELAY = 0.001
_END = None
"""Nothing more will come."""


class End(asyncio.Transport):
    """One end of a connection. ``peer`` is the other, ``protocol`` whoever speaks here."""

    peer: End

    def __init__(self, loop: asyncio.AbstractEventLoop, protocol: asyncio.Protocol) -> None:
        super().__init__({"peername": ("127.0.0.1", 50_000), "sockname": ("127.0.0.1", 80)})
        self._loop = loop
        self._protocol: asyncio.BaseProtocol = protocol
        self._arriving: deque[bytes | None] = deque()
        self._ready = 0
        self._is_paused = False
        self._is_closing = False
        self._is_dead = False

    # --- what the protocol here does

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if data and not (self._is_closing or self._is_dead):
            self.peer.arrive(bytes(data))

    def close(self) -> None:
        if not self._is_closing:
            self._is_closing = True
            if not self._is_dead:
                self.peer.arrive(_END)
            self._loop.call_soon(self._told.connection_lost, None)

    def abort(self) -> None:
        self.close()

    def vanish(self) -> None:
        """Whoever spoke here is dead: what was sent before arrives, and nobody here ever hears anything again."""
        if not self._is_closing:
            self.peer.arrive(_END)
        self._is_dead = True

    def is_closing(self) -> bool:
        return self._is_closing

    def pause_reading(self) -> None:
        self._is_paused = True

    def resume_reading(self) -> None:
        if self._is_paused:
            self._is_paused = False
            self._loop.call_soon(self._deliver)

    def is_reading(self) -> bool:
        return not (self._is_paused or self._is_closing)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._protocol

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Nothing is ever kept back."""

    def get_write_buffer_size(self) -> int:
        return 0

    def can_write_eof(self) -> bool:
        return False

    # --- what comes from the other end

    def arrive(self, data: bytes | None) -> None:
        self._arriving.append(data)
        self._loop.call_later(DELAY, self._has_come)

    def _has_come(self) -> None:
        self._ready += 1
        self._deliver()

    def _deliver(self) -> None:
        while self._ready and not (self._is_paused or self._is_closing or self._is_dead):
            self._ready -= 1
            data = self._arriving.popleft()
            if data is not _END:
                self._told.data_received(data)
            elif not self._told.eof_received():
                self.close()

    @property
    def _told(self) -> asyncio.Protocol:
        assert isinstance(self._protocol, asyncio.Protocol)
        return self._protocol


class Server:
    """A sandbox as it is served, but for the socket."""

    def __init__(self, app: ASGIApp) -> None:
        self._config: uvicorn.Config = configured(app)
        self._config.load()
        self._state = ServerState()

    async def finish(self) -> None:
        """Until what has arrived is done."""
        await asyncio.gather(*self._state.tasks)

    def accept(self, loop: asyncio.AbstractEventLoop, client: ResponseHandler) -> End:
        """A connection of this client's: its end of it."""
        protocol: Any = self._config.http_protocol_class
        served = protocol(config=self._config, server_state=self._state, app_state={}, _loop=loop)
        ours, theirs = End(loop, client), End(loop, served)
        ours.peer, theirs.peer = theirs, ours
        served.connection_made(theirs)
        client.connection_made(ours)
        return ours


Knock: TypeAlias = Callable[[str], float | None]
"""Somebody connects to a host: after so many seconds the host answers; ``None`` where it refuses."""


class Network:
    """The hosts by name. What one process has connected is cut when it dies."""

    def __init__(self, hosts: dict[str, Server], knock: Knock) -> None:
        self._hosts = hosts
        self._knock = knock
        self._open: list[End] = []

    def connector(self, **_: Any) -> aiohttp.BaseConnector:
        """In place of aiohttp's own, which would open sockets."""
        return _Connector(self)

    async def connect(self, host: str, client: ResponseHandler) -> None:
        """Raises ``OSError``."""
        loop = asyncio.get_running_loop()
        seconds = self._knock(host)
        await asyncio.sleep(DELAY if seconds is None else seconds)
        if seconds is None:
            raise ConnectionRefusedError(111, "Connection refused")
        self._open = [end for end in self._open if not end.is_closing()]
        self._open.append(self._hosts[host].accept(loop, client))

    def sever(self) -> None:
        """The process is dead. What it has sent is on its way."""
        for end in self._open:
            end.vanish()
        self._open.clear()


class _Connector(aiohttp.BaseConnector):
    def __init__(self, network: Network) -> None:
        super().__init__()
        self._network = network

    async def _create_connection(
        self, req: aiohttp.ClientRequest, traces: list[Any], timeout: aiohttp.ClientTimeout
    ) -> ResponseHandler:
        client: ResponseHandler = self._factory()
        try:
            async with asyncio.timeout(timeout.sock_connect):
                await self._network.connect(req.url.host or "", client)
        except TimeoutError as error:
            raise aiohttp.ConnectionTimeoutError(f"Connection timeout to host {req.url}") from error
        except OSError as error:
            raise aiohttp.ClientConnectorError(req.connection_key, error) from error
        return client
