"""Passes that go on: a look where a system said that something changed, often where none can say so, and a sweep over
everything from time to time, since any call may be lost.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import timedelta
from typing import Any, Literal, Protocol

from msgspec import Struct

from syncline.connectors.base import ConnectorError, SignInRefused
from syncline.engine.guards.restored import WentBack
from syncline.engine.knowing import KeptCodes
from syncline.engine.report import Result
from syncline.engine.setup import FlowSide, Setup
from syncline.engine.sync import look, sync
from syncline.records import Ref
from syncline.runtime.announcements import Announcements, News
from syncline.runtime.course import Course
from syncline.runtime.paces import Paces
from syncline.runtime.subscribing import told_late
from syncline.spans import span
from syncline.store import StoreLost

GRACE = 10.0
"""Seconds that a pass is given to end its turn when it is told to stop. Cut off after that, it loses nothing either."""
_AT_ONCE = timedelta(0)
"""What is due later is left to a later pass, so that none waits."""


class Passed(Struct, frozen=True, kw_only=True):
    """A pass that went well. A ``look`` was at some places, a ``sweep`` at all; it took so many ``seconds``."""

    kind: Literal["look", "sweep"]
    result: Result
    seconds: float


class Told(Protocol):
    """Who is told how it goes."""

    def passed(self, passed: Passed) -> None: ...

    def failed(self, error: Exception, pause: float) -> None:
        """A pass that may go well later; the next try is in so many seconds."""

    def works_again(self) -> None: ...


class Staying:
    """``announced`` tells whose changes are announced just now; ``course`` is kept up to date."""

    def __init__(
        self,
        setup: Setup,
        paces: Paces,
        announcements: Announcements,
        announced: Callable[[], frozenset[FlowSide]],
        course: Course,
        told: Sequence[Told],
    ) -> None:
        self._setup = setup
        self._paces = paces
        self._announcements = announcements
        self._announced = announced
        self._course = course
        self._told = told
        self._codes: KeptCodes = {}
        self._swept = self._polled = float("-inf")
        self._news = News()
        self._not_before = float("-inf")

    async def run(self, stop: asyncio.Event) -> None:
        """Until it is to stop. Raises what no later try can mend: a refused sign-in, another company."""
        while not stop.is_set():
            if (left := self._left()) > 0:
                waited = [stop.wait()] if self._course.failures else [stop.wait(), self._announcements.any.wait()]
                await _first(waited, left)
                continue
            await self._pass(stop)

    def _left(self) -> float:
        """Seconds until something is to be done."""
        now = asyncio.get_running_loop().time()
        if now < self._not_before:
            return self._not_before - now
        if self._announcements.any.is_set():
            return 0
        return min(self._next_sweep, self._polled + self._paces.every) - now

    @property
    def _next_sweep(self) -> float:
        return self._swept + (self._paces.sweep if self._announced() else self._paces.every)

    async def _pass(self, stop: asyncio.Event) -> None:
        now = asyncio.get_running_loop().time()
        sweeps = now >= self._next_sweep
        self._news = News()
        began = time.perf_counter()
        kind: Literal["look", "sweep"] = "sweep" if sweeps else "look"
        try:
            self._setup.store.keep_lock()
            flow_sides, gone = ((), ()) if sweeps else self._glance()
            with span("pass", origins=self._news.origins, looks="everywhere" if sweeps else "somewhere") as traced:
                if sweeps:
                    work = sync(
                        self._setup,
                        self._course,
                        patience=_AT_ONCE,
                        codes=self._codes,
                        glance=self._glance,
                        until=stop.is_set,
                    )
                    result = await _until(stop, work)
                else:
                    result = await _until(stop, look(self._setup, flow_sides, gone, self._codes, stop.is_set))
                traced.set_attribute("syncline.writes", result.writes if result else 0)
        except SignInRefused:
            raise  # asking on with what is refused may lock the account
        except (ConnectorError, StoreLost, WentBack) as error:  # a replica far behind looks like a backup for a while
            self._announcements.put(self._news)
            self._fail(error)
            return
        if sweeps:
            self._swept, self._polled = now, max(self._polled, now)
        failed_before = self._course.failures > 0
        self._course.went_well()
        for told in self._told:
            if failed_before:
                told.works_again()
            if result is not None:
                seconds = time.perf_counter() - began
                told.passed(Passed(kind=kind, result=result, seconds=seconds))

    def _glance(self) -> tuple[frozenset[FlowSide], frozenset[Ref]]:
        """Where to look now, and what is said to be gone. What was taken is given back if the pass fails."""
        now = asyncio.get_running_loop().time()
        polled: frozenset[FlowSide] = frozenset()
        if now >= self._polled + self._paces.every:
            self._polled = now
            polled = frozenset(self._setup.flow_sides) - self._announced_in_time()
        news = self._announcements.take()
        self._news = News(
            flow_sides=self._news.flow_sides | news.flow_sides,
            gone=self._news.gone | news.gone,
            origins=(*self._news.origins, *news.origins),
        )
        return news.flow_sides | polled, news.gone

    def _announced_in_time(self) -> frozenset[FlowSide]:
        """What is announced sooner than a poll would see it."""
        announced = self._announced()
        return announced - told_late(self._setup, announced, self._paces.every)

    def _fail(self, error: Exception) -> None:
        """Everything is looked at again, after a pause that grows."""
        pause = self._paces.pause(self._course.failures)
        self._course.failed()
        self._swept = float("-inf")
        self._not_before = asyncio.get_running_loop().time() + pause
        for told in self._told:
            told.failed(error, pause)


async def _until(stop: asyncio.Event, work: Awaitable[Result]) -> Result | None:
    """``None`` if it had to be cut off."""
    task = asyncio.ensure_future(work)
    await _first([stop.wait()], None, task)
    await asyncio.wait({task}, timeout=GRACE)
    if task.done():
        return task.result()
    task.cancel()
    await asyncio.wait({task})
    return None


async def _first(waited: Iterable[Awaitable[Any]], seconds: float | None, *others: asyncio.Future[Any]) -> None:
    """Wait for any of these, but no longer. The others are left as they are."""
    tasks = {asyncio.ensure_future(each) for each in waited}
    await asyncio.wait(tasks.union(others), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
