"""Sandboxes served by a thread of this process: real HTTP on real sockets, without the second that a process of their
own takes to start. Where it matters that they are others' processes, tests use `syncline.demo.systems.server`.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any, TypeVar

import uvicorn
from starlette.applications import Starlette

from syncline.sandbox.businesscentral.app import create_app as create_central
from syncline.sandbox.businesscentral.contents.provide import Contents
from syncline.sandbox.customerp.app import create_app as create_erp
from syncline.sandbox.serve import LOOPBACK, configured, listen

T = TypeVar("T")
_APPS: Mapping[str, Callable[[], Starlette]] = {
    "customerp": lambda: create_erp(":memory:", token=None, empty=True),
    "businesscentral": lambda: create_central(":memory:", open=True, contents=Contents(empty=True)),
}


@asynccontextmanager
async def served(kind: str) -> AsyncIterator[str]:
    """A sandbox with an empty company, open to everybody, at its address, until the end."""
    server, serving, address = await _there(_start(kind))
    try:
        yield address
    finally:
        await _there(_stop(server, serving))


async def _start(kind: str) -> tuple[uvicorn.Server, asyncio.Task[None], str]:
    listener = listen(0)
    server = uvicorn.Server(configured(_APPS[kind]()))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:
        assert not serving.done(), "it did not start"
        await asyncio.sleep(0)
    return server, serving, f"http://{LOOPBACK}:{listener.getsockname()[1]}"


async def _stop(server: uvicorn.Server, serving: asyncio.Task[None]) -> None:
    server.should_exit = True
    await serving


async def _there(work: Coroutine[Any, Any, T]) -> T:
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, _host(os.getpid())))


@lru_cache
def _host(_: int) -> asyncio.AbstractEventLoop:
    """The loop that serves, by process: a fork has no threads but its own."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="sandboxes", daemon=True).start()
    return loop
