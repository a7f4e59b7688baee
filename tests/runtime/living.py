"""A project that stays in step in this process, hearing the systems' webhooks, with everything that it tells."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from msgspec import structs

from cli import calling
from engine.pair import Pair
from syncline.engine.report import Result
from syncline.engine.setup import FlowSide, Setup
from syncline.project import load
from syncline.runtime.announcements import Announcements
from syncline.runtime.course import Course
from syncline.runtime.hearing import hearing
from syncline.runtime.paces import Paces
from syncline.runtime.staying import Passed, Staying, Told
from syncline.runtime.telling import Event

SECRET = "SYNCLINE_TEST_WEBHOOK_SECRET"
_PATIENCE = 60.0


class Living:
    """What was told, and who is announced just now; ``also`` are told, too."""

    def __init__(self, setup: Setup, announced: Callable[[], frozenset[FlowSide]]) -> None:
        self.setup = setup
        self.announced = announced
        self.course = Course()
        self.also: list[Told] = []
        self.results: list[Result] = []
        self.failures: list[tuple[Exception, float]] = []
        self.mended = 0

    @property
    def both_announce(self) -> bool:
        return {side for _, side in self.announced()} == set(self.setup.sides)

    def passed(self, passed: Passed) -> None:
        self.results.append(passed.result)
        for told in self.also:
            told.passed(passed)

    def failed(self, error: Exception, pause: float) -> None:
        self.failures.append((error, pause))
        for told in self.also:
            told.failed(error, pause)

    def works_again(self) -> None:
        self.mended += 1


def with_webhooks(both: Pair, monkeypatch: pytest.MonkeyPatch) -> str:
    """Configure them; the address that the systems are told, without the side."""
    monkeypatch.setenv(SECRET, "a secret of the tests, long enough")
    return f"http://{calling.with_webhooks(both.folder, SECRET)}"


@asynccontextmanager
async def living(both: Pair, paces: Paces, told: list[str] | None = None) -> AsyncIterator[Living]:
    """``told`` gets what is said of webhooks."""
    project = load(both.folder)
    announcements, stop = Announcements(project.flows.values()), asyncio.Event()
    async with project.open("a test") as opened:
        setup = structs.replace(opened, settling=timedelta(0))

        def say(event: Event, sentence: str, **about: object) -> None:
            if told is not None:
                told.append(sentence)

        async with hearing(project, setup, announcements, say) as announced:
            living = Living(setup, announced)
            loop = Staying(setup, paces, announcements, announced, living.course, [living])
            staying = asyncio.create_task(loop.run(stop))
            try:
                yield living
            finally:
                stop.set()
                await staying


async def until(found: Callable[[], Awaitable[Any] | Any], patience: float = _PATIENCE) -> Any:
    """What it finds, as soon as that is something."""
    end = asyncio.get_running_loop().time() + patience
    while asyncio.get_running_loop().time() < end:
        there = found()
        there = await there if isinstance(there, Awaitable) else there
        if there:
            return there
        await asyncio.sleep(0.02)
    raise AssertionError("it did not come")
