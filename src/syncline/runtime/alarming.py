"""Beside the passes: measures now and then, and tells people. What they were told outlives a restart; what could not be
sent waits, and is tried again, later each time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

import msgspec
from msgspec import Struct

from syncline.connectors.base import ConnectorError
from syncline.engine.setup import EngineError, Setup
from syncline.project import Project
from syncline.project.watched import Alerts, Levels
from syncline.runtime.alerts import Alert, Raised, decide, ended
from syncline.runtime.course import Course
from syncline.runtime.measures import UNREADABLE, Measures, measure
from syncline.runtime.sending import NotSent, Target, targets
from syncline.runtime.telling import Tell
from syncline.store import Memory, Store

_EVERY = 10.0
"""Seconds between measurements, and until an alert that could not be sent is tried again first."""
_LONGEST = 300.0
"""Seconds between tries, at most."""
_KEPT = 100
"""Alerts that wait for one target, at most: the oldest are dropped."""
_FACT = "alerts"


class Told(Struct, frozen=True, kw_only=True):
    """What people were told, and what waits to be sent, by target."""

    raised: dict[str, Raised] = {}
    waiting: dict[str, list[Alert]] = {}


class Alarm:
    """``project`` is what its people call it; ``tell`` is told when an alert cannot be sent, and when it is."""

    def __init__(
        self,
        project: str,
        levels: Levels,
        to: Mapping[str, Target],
        store: Store,
        measured: Callable[[], Measures],
        tell: Tell,
    ) -> None:
        self._project = project
        self._levels = levels
        self._to = to
        self._store = store
        self._measured = measured
        self._tell = tell
        told = store.fact(_FACT)
        self._told = Told() if told is None else msgspec.json.decode(told, type=Told)
        self._said: dict[str, str] = {}
        self._pauses: dict[str, float] = {}
        self._not_before: dict[str, float] = {}

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(_EVERY)

    async def look(self) -> None:
        """Once."""
        with suppress(*UNREADABLE):  # the passes tell it: they need the store more
            self._note(*decide(self._levels, self._measured(), self._told.raised))
            await self._send()

    async def end(self, error: Exception) -> None:
        """The run ends by this, and no later try could mend it."""
        known = isinstance(error, ConnectorError | EngineError)
        why = str(error) if known else f"it failed ({type(error).__name__})."
        with suppress(*UNREADABLE):
            self._note(*ended(why, self._told.raised, datetime.now(UTC)))
            self._not_before.clear()
            await self._send()

    def _note(self, alerts: tuple[Alert, ...], raised: dict[str, Raised]) -> None:
        """Remembered before it is sent: rather told twice than never."""
        waiting = {name: [*self._told.waiting.get(name, []), *alerts][-_KEPT:] for name in self._to}
        self._remember(Told(raised=raised, waiting={name: left for name, left in waiting.items() if left}))

    def _remember(self, told: Told) -> None:
        if told != self._told:
            self._store.save(Memory(facts={_FACT: msgspec.json.encode(told).decode()}))
            self._told = told

    async def _send(self) -> None:
        await asyncio.gather(*(self._send_to(name) for name in list(self._told.waiting)))

    async def _send_to(self, name: str) -> None:
        now = asyncio.get_running_loop().time
        if now() < self._not_before.get(name, float("-inf")):
            return
        while left := self._told.waiting.get(name):
            try:
                await self._to[name].send(self._project, left[0])
            except NotSent as error:
                self._say(name, str(error))
                pause = self._pauses[name] = min(self._pauses.get(name, _EVERY / 2) * 2, _LONGEST)
                self._not_before[name] = now() + pause
                return
            self._pauses.pop(name, None)
            if self._said.pop(name, None):
                self._tell("alert.sent", "The alert is sent.", by=name)
            rest = {**self._told.waiting, name: left[1:]}
            self._remember(Told(raised=self._told.raised, waiting={name: left for name, left in rest.items() if left}))

    def _say(self, name: str, why: str) -> None:
        """Once, until it is something else."""
        if self._said.get(name) != why:
            self._said[name] = why
            self._tell("alert.not_sent", f"An alert is not sent: {why}. It is tried again.", by=name, message=why)


@asynccontextmanager
async def alarming(project: Project, setup: Setup, course: Course, tell: Tell) -> AsyncIterator[None]:
    """While passes go on. What ends them is told, too. Raises `ProjectError`."""
    if project.alerts is None:
        yield
        return

    alarm = alarm_of(project, project.alerts, setup.store, course, tell)
    watching = asyncio.create_task(alarm.run())
    try:
        yield
    except Exception as error:
        await _stop(watching)
        await alarm.end(error)
        raise
    finally:
        await _stop(watching)


def alarm_of(project: Project, alerts: Alerts, store: Store, course: Course, tell: Tell) -> Alarm:
    """Raises `ProjectError`."""

    def measured() -> Measures:
        return measure(store, project.flows, course, datetime.now(UTC))

    to = targets(alerts, project.alert_secrets())
    return Alarm(project.folder.resolve().name, alerts.levels, to, store, measured, tell)


async def _stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
