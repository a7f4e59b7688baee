"""A way in front of the sandbox, for what a network or another version of the product may do on the way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import ClientSession, web
from yarl import URL

from sandbox_businesscentral.central import Central

Refuse = Callable[[web.BaseRequest], int | None]
Alter = Callable[[bytes], bytes]
Late = Callable[[bytes], float | None]
_HOP = {"content-length", "transfer-encoding", "content-encoding", "connection"}


@asynccontextmanager
async def between(
    central: Central,
    refuse: Refuse = lambda _: None,
    alter: Alter = lambda body: body,
    late: Late = lambda _: None,
) -> AsyncIterator[str]:
    """The address of the API through it.

    ``refuse`` may answer with a status of its own, ``alter`` change an answer. ``late`` says of a request's body in how
    many seconds it reaches the system: the one who asked is cut off at once, and never hears what became of it.
    """

    async def pass_on(request: web.BaseRequest) -> web.StreamResponse:
        if (status := refuse(request)) is not None:
            return web.Response(status=status)
        url = URL(central.address).join(URL(request.raw_path, encoded=True))
        body = await request.read()
        if (seconds := late(body)) is not None:
            assert request.transport
            request.transport.abort()
            await asyncio.sleep(seconds)
        async with session.request(request.method, url, headers=request.headers, data=body) as answer:
            kept = {name: value for name, value in answer.headers.items() if name.lower() not in _HOP}
            return web.Response(status=answer.status, headers=kept, body=alter(await answer.read()))

    async with ClientSession(auto_decompress=True) as session:
        runner = web.ServerRunner(web.Server(pass_on))
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        try:
            yield central.root.replace(central.address, f"http://{host}:{port}")
        finally:
            await runner.cleanup()
