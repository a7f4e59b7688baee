"""An event loop in a thread of its own: a browser that is driven from this one has the loop of this one."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")


class Elsewhere:
    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Done there, waited for here."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(120)


@contextmanager
def elsewhere() -> Iterator[Elsewhere]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="elsewhere", daemon=True)
    thread.start()
    there = Elsewhere(loop)
    try:
        yield there
    finally:
        there.run(loop.shutdown_asyncgens())
        there.run(loop.shutdown_default_executor())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
