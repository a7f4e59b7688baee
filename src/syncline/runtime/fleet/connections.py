"""Systems that stay signed in between the turns of their company: of the companies that were served last."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from syncline.connectors.base import Connector
from syncline.connectors.wire import Paced
from syncline.engine.knowing import KeptCodes
from syncline.project import Project

_MOST = 1_000
"""Companies whose systems stay open, which takes a twentieth of a megabyte each."""
_CODES_LIVE = 600.0
"""Seconds that code tables are trusted: another worker may have read them since."""


class Connected:
    """``codes`` are kept between small passes, as `syncline.engine.sync.look` wants them."""

    def __init__(self, project: Project, systems: Mapping[str, Connector], stack: AsyncExitStack) -> None:
        self.project = project
        self.systems = systems
        self.codes: KeptCodes = {}
        self._stack = stack
        self._read = time.monotonic()

    def forget_old_codes(self) -> None:
        if time.monotonic() > self._read + _CODES_LIVE:
            self.codes.clear()
            self._read = time.monotonic()

    async def close(self) -> None:
        await self._stack.aclose()


class Connections:
    """``shared`` paces those who sign in as the same one, as `Project.connectors` says."""

    def __init__(self, environment: Mapping[str, str], shared: Callable[[str], Paced]) -> None:
        self._environment = environment
        self._shared = shared
        self._kept: dict[str, Connected] = {}

    @asynccontextmanager
    async def to(self, company: str, project: Project) -> AsyncIterator[Connected]:
        """Nobody else gets these until they are given back. Raises `ProjectError` for secrets that lack."""
        connected = self._kept.pop(company, None)
        if connected is not None and connected.project is not project:
            await connected.close()
            connected = None
        if connected is None:
            connected = await self._open(project)
        connected.forget_old_codes()
        try:
            yield connected
        finally:
            self._kept[company] = connected
            while len(self._kept) > _MOST:
                await self._kept.pop(next(iter(self._kept))).close()

    async def _open(self, project: Project) -> Connected:
        connectors = project.connectors(self._environment, self._shared)
        async with AsyncExitStack() as stack:
            systems = {side: await stack.enter_async_context(each) for side, each in connectors.items()}
            return Connected(project, systems, stack.pop_all())

    async def close(self) -> None:
        while self._kept:
            await self._kept.popitem()[1].close()
