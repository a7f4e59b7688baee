"""One turn of one company: a look at what is due to be looked at, and a slice of the work that there is."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from syncline.connectors.base import ConnectorError, SignInRefused
from syncline.engine.clock import Clock
from syncline.engine.setup import EngineError, Setup
from syncline.engine.sync import look, sync
from syncline.project import Project, ProjectError
from syncline.runtime.alarming import Alarm, alarm_of
from syncline.runtime.announcements import News
from syncline.runtime.course import Course
from syncline.runtime.fleet.companies import Companies
from syncline.runtime.fleet.connections import Connected, Connections
from syncline.runtime.fleet.standing import Again, Kind, Standing, after, after_failure, next_turn, what_is_due
from syncline.runtime.paces import Paces, spread
from syncline.runtime.reloading import NotReloaded, answer, last_asked, note_served, read_again
from syncline.runtime.staying import Passed, Told
from syncline.runtime.subscribing import Subscriber, told_late
from syncline.runtime.telling import Tell
from syncline.spans import span
from syncline.store import Memory, Store, StoreError, StoreLocked
from syncline.store.sessions import Pools

OWNER = "syncline worker"
SLICE = 3.0
"""Seconds of work on what is due before whoever else waits is served."""
_AT_WORK = 2.0
"""Seconds until it is tried again where somebody else works on the store."""
_STOPPED = 10.0
"""Seconds until it is looked again whether a sign-in that was refused is configured otherwise."""
_ALARM = 10.0
"""Seconds between looks at whether people are to be told."""
_NO = timedelta(0)
"""What is due later is left to a later turn."""
_FACT = "sign-in refused"


class Listeners(Protocol):
    """Who is told of a company's turns. ``told`` are made anew for each."""

    def tell(self, company: str) -> Tell: ...

    def told(self, company: str, project: Project, store: Store) -> Sequence[Told]: ...


class _AtWork(Struct, frozen=True, kw_only=True, eq=False):
    company: str
    project: Project
    setup: Setup
    connected: Connected
    refused: bool
    """Whether it is not to sign in again as it would."""
    told: Sequence[Told]


class Turns:
    """``stops`` says whether the worker is to end."""

    def __init__(
        self,
        companies: Companies,
        connections: Connections,
        pools: Pools,
        paces: Paces,
        listeners: Listeners,
        stops: Callable[[], bool],
    ) -> None:
        self._companies = companies
        self._connections = connections
        self._pools = pools
        self._paces = paces
        self._listeners = listeners
        self._stops = stops
        self._asked: dict[str, str | None] = {}
        self._next_alarm: dict[str, float] = {}
        self._said: dict[str, str] = {}

    async def turn(self, company: str, standing: Standing) -> tuple[Standing, float]:
        """What is due by now, and how the company stands then; when its next turn is due."""
        now = time.time()
        try:
            async with self._at_work(company) as at:
                return await self._turn(at, standing, now)
        except StoreLocked:
            return standing, now + _AT_WORK
        except (ProjectError, StoreError) as error:
            pause = self._paces.pause(standing.failures)
            self._say(company, error, pause)
            return after_failure(standing), now + pause

    async def look(self, company: str, news: News) -> Again | None:
        """Where a system said so. What is left of it is for the next turn."""
        now = time.time()
        try:
            async with self._at_work(company) as at:
                if at.refused:
                    return None
                if pause := at.connected.pause():
                    return Again(at=now + spread(pause), everywhere=True)
                try:
                    more = await self._pass(at, "look", news)
                except (ConnectorError, EngineError, StoreError) as error:
                    pause = self._paces.pause(0)
                    _tell_failure(at, error, pause)
                    return Again(at=now + pause, everywhere=True)
                return Again(at=now, everywhere=False) if more else None
        except StoreLocked:
            return Again(at=now + _AT_WORK, everywhere=True)
        except (ProjectError, StoreError):
            return None  # its turns tell it, and look everywhere

    # ---

    @asynccontextmanager
    async def _at_work(self, company: str) -> AsyncIterator[_AtWork]:
        """Raises `ProjectError`, `StoreError` and `StoreLocked`."""
        project = self._companies.project(company)
        with Store.open(project.store, self._pools) as store, store.lock(OWNER):
            project = self._read_again(company, project, store)
            by, _, why = (store.fact(_FACT) or "").partition("\n")
            stopped = bool(why) and by == self._companies.fingerprint(project)
            if why and not stopped:  # it signs in otherwise now
                store.save(Memory(facts={_FACT: ""}))
            async with self._connections.to(company, project) as connected:
                now = Clock(store.latest()).now
                setup = Setup(flows=project.flows, systems=connected.systems, store=store, now=now)
                yield _AtWork(
                    company=company,
                    project=project,
                    setup=setup,
                    connected=connected,
                    refused=stopped,
                    told=self._listeners.told(company, project, store),
                )

    def _read_again(self, company: str, project: Project, store: Store) -> Project:
        """Where somebody asked for it since it was read."""
        token, waits = last_asked(store)
        if company not in self._asked:
            note_served(store, "yes")
            self._asked[company] = None if waits else token
        before = self._asked[company]
        if token is None or token == before:
            return project
        self._asked[company] = token
        reasons = ""
        try:
            fresh = read_again(project)
            self._companies.replace(company, fresh)
            project = fresh
        except (NotReloaded, ProjectError) as error:
            reasons = str(error)
        store.save(Memory(facts={_FACT: ""}))
        if waits:
            answer(store, token, reasons)
        return project

    async def _turn(self, at: _AtWork, standing: Standing, now: float) -> tuple[Standing, float]:
        if at.refused:
            return standing, now + _STOPPED
        if pause := at.connected.pause():  # it would wait for its budget in a place that others can use
            return standing, now + spread(pause)
        try:
            standing = await self._subscribed(at, standing, now)
            kind, places = what_is_due(standing, self._paces, at.setup.flow_sides, now)
            more = await self._pass(at, kind, News(flow_sides=places))
        except SignInRefused as error:  # asking on with what is refused may lock the account
            by = self._companies.fingerprint(at.project)
            at.setup.store.save(Memory(facts={_FACT: f"{by}\n{error}"}))
            _tell_failure(at, error, _STOPPED)
            if (alarm := self._alarm(at, standing)) is not None:
                await alarm.end(error)
            return after_failure(standing), now + _STOPPED
        except (ConnectorError, EngineError, StoreError) as error:
            pause = self._paces.pause(standing.failures)
            _tell_failure(at, error, pause)
            standing = after_failure(standing)
            await self._alarmed(at, standing)
            return standing, now + pause
        if standing.failures:
            for told in at.told:
                told.works_again()
        standing = after(standing, kind, places, now, more=more)
        await self._alarmed(at, standing)
        return standing, next_turn(standing, self._paces, at.setup.flow_sides, now)

    async def _pass(self, at: _AtWork, kind: Kind, news: News) -> bool:
        """Whether work is left. Raises as `sync` does."""
        began = time.perf_counter()
        end = began + SLICE

        def until() -> bool:
            return self._stops() or time.perf_counter() > end

        codes = at.connected.codes
        looks = "everywhere" if kind == "sweep" else "somewhere"
        with span("pass", origins=news.origins, company=at.company, looks=looks) as traced:
            if kind == "sweep":
                result = await sync(at.setup, patience=_NO, codes=codes, until=until)
            else:
                result = await look(at.setup, news.flow_sides, news.gone, codes, until)
            traced.set_attribute("syncline.writes", result.writes)
        for told in at.told:
            told.passed(Passed(kind=kind, result=result, seconds=time.perf_counter() - began))
        self._said.pop(at.company, None)
        return result.more

    async def _subscribed(self, at: _AtWork, standing: Standing, now: float) -> Standing:
        """The systems are seen to announce their changes, where that is configured and time."""
        if at.project.webhooks is None:
            return replace(standing, announced=(), late=())
        if now < standing.subscribe:
            return standing
        hooks = at.project.hooks(self._companies.environment)
        subscriber = Subscriber(at.setup, hooks, self._listeners.tell(at.company))
        pause = await subscriber.keep()
        announced = subscriber.announced
        late = told_late(at.setup, announced, self._paces.every)
        return replace(standing, subscribe=now + pause, announced=tuple(sorted(announced)), late=tuple(sorted(late)))

    async def _alarmed(self, at: _AtWork, standing: Standing) -> None:
        """People are told, where that is configured and time."""
        now = time.monotonic()
        if now < self._next_alarm.get(at.company, 0.0):
            return
        if (alarm := self._alarm(at, standing)) is not None:
            self._next_alarm[at.company] = now + _ALARM
            await alarm.look()

    def _alarm(self, at: _AtWork, standing: Standing) -> Alarm | None:
        if at.project.alerts is None:
            return None
        course = Course()
        course.failures = standing.failures
        tell = self._listeners.tell(at.company)
        return alarm_of(at.project, at.project.alerts, at.setup.store, course, tell)

    def _say(self, company: str, error: Exception, pause: float) -> None:
        """Of one that could not even begin: once, until something else is to be said."""
        if self._said.get(company) != str(error):
            self._said[company] = str(error)
            sentence, seconds = f"{error} The next try is in {pause:.3g} s.", round(pause, 3)
            tell = self._listeners.tell(company)
            tell("pass.failed", sentence, error=type(error).__name__, message=str(error), next_seconds=seconds)


def refused(store: Store) -> str:
    """Why workers do not sign in any more, until that is configured otherwise or a reload is asked for; else empty."""
    return (store.fact(_FACT) or "").partition("\n")[2]


def _tell_failure(at: _AtWork, error: Exception, pause: float) -> None:
    for told in at.told:
        told.failed(error, pause)
