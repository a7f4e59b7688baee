"""Systems that stay signed in between the turns of their company: of the companies that were served last."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from syncline.connectors.base import Connector
from syncline.connectors.wire import Limits, Paced
from syncline.engine.knowing import KeptCodes
from syncline.project import Project
from syncline.runtime.fleet.budgets import Budgets, SharedPace

_MOST = 1_000
"""Companies whose systems stay open, which takes a twentieth of a megabyte each."""
_CODES_LIVE = 600.0
"""Seconds that code tables are trusted: another worker may have read them since."""


class Connected:
    """``codes`` are kept between small passes, as `syncline.engine.sync.look` wants them. ``paces`` are the budgets
    that its systems share with others.
    """

    def __init__(
        self,
        project: Project,
        systems: Mapping[str, Connector],
        paces: Sequence[SharedPace],
        stack: AsyncExitStack,
    ) -> None:
        self.project = project
        self.systems = systems
        self._paces = paces
        self.codes: KeptCodes = {}
        self._stack = stack
        self._read = time.monotonic()

    def forget_old_codes(self) -> None:
        if time.monotonic() > self._read + _CODES_LIVE:
            self.codes.clear()
            self._read = time.monotonic()

    def pause(self) -> float:
        """Seconds that a turn would wait for a budget that others wait for already; else 0."""
        return max((pace.pause() for pace in self._paces), default=0.0)

    async def close(self) -> None:
        await self._stack.aclose()


class Connections:
    """``budgets`` pace those who sign in as the same one."""

    def __init__(self, environment: Mapping[str, str], budgets: Budgets) -> None:
        self._environment = environment
        self._budgets = budgets
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
        paces: list[SharedPace] = []

        def shared(name: str) -> Paced:
            def paced(limits: Limits) -> SharedPace | None:
                if (pace := self._budgets(name)(limits)) is not None:
                    paces.append(pace)
                return pace

            return paced

        connectors = project.connectors(self._environment, shared)
        async with AsyncExitStack() as stack:
            systems = {side: await stack.enter_async_context(each) for side, each in connectors.items()}
            return Connected(project, systems, paces, stack.pop_all())

    async def close(self) -> None:
        while self._kept:
            await self._kept.popitem()[1].close()
