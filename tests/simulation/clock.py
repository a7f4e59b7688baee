"""An event loop on virtual time: what sleeps costs nothing, and nothing happens that the seed did not say."""

from __future__ import annotations

import asyncio
import math
import selectors
from collections.abc import Collection, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

EPOCH = datetime(2030, 1, 1, 8, tzinfo=UTC)
_MICROSECONDS = 1_000_000

T = TypeVar("T")


class Deadlock(Exception):
    """Everybody waits, and nothing is left that could wake them."""


class _Skipping(selectors.SelectSelector):
    """Where another selector would wait for the world, this one moves the clock to the next thing that is due."""

    loop: VirtualLoop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Deadlock
        self.loop.skip(timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """Time is whole microseconds, as the store keeps them."""

    def __init__(self) -> None:
        self._micros = 0
        selector = _Skipping()
        selector.loop = self
        super().__init__(selector)
        self.set_exception_handler(_overhear)

    def time(self) -> float:
        return self._micros / _MICROSECONDS

    def skip(self, seconds: float) -> None:
        if seconds > 0:
            self._micros += math.ceil(seconds * _MICROSECONDS)

    def now(self) -> datetime:
        return EPOCH + timedelta(microseconds=self._micros)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """To its end, and then nothing of it is left behind."""
        try:
            return self.run_until_complete(work)
        finally:
            self.run_until_complete(_cancelled(asyncio.all_tasks(self)))
            self.run_until_complete(self.shutdown_asyncgens())
            self.close()


async def _cancelled(tasks: Collection[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _overhear(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What a dead process's other tasks came to interests nobody: they died with it."""
