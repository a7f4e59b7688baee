"""A worker: takes turns of the companies, one of as many as are started over one queue."""

from __future__ import annotations

import asyncio
import gc
import time
import traceback
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from syncline.listening import Place, listening
from syncline.meanwhile import meanwhile
from syncline.runtime.announcements import News
from syncline.runtime.answering import create_app as answering
from syncline.runtime.fleet import queue as queues
from syncline.runtime.fleet.budgets import budgets
from syncline.runtime.fleet.companies import Companies
from syncline.runtime.fleet.connections import Connections
from syncline.runtime.fleet.hearing import Calls
from syncline.runtime.fleet.queue import AWAY, Queue
from syncline.runtime.fleet.standing import Again, Standing, after_failure
from syncline.runtime.fleet.turns import Listeners, Turns
from syncline.runtime.fleet.watching import Known, Watched
from syncline.runtime.metrics import Metrics
from syncline.runtime.paces import Paces
from syncline.runtime.receiver import create_app
from syncline.runtime.staying import GRACE, Told
from syncline.runtime.telling import Tell
from syncline.store.sessions import Pools

_TAKE_OVER = 2.0
"""Seconds between looks at whether a worker died."""
_SEE_TO = 10.0
"""Seconds between looks at whether every company has a turn, and how all stand."""
_AGAIN = 1.0
"""Seconds until a queue that went away is looked for again."""


class Options(Struct, frozen=True, kw_only=True):
    """``queue`` is the address of a PostgreSQL database. ``concurrency`` turns are under way at once. Webhooks are
    heard and health is told where a place is named.
    """

    folder: Path
    queue: str
    paces: Paces
    concurrency: int
    webhooks: Place | None
    health: Place | None


class WorkerListeners(Listeners, Protocol):
    """``everywhere`` are told of the turns of all companies."""

    def everywhere(self, told: Told) -> None: ...

    def worker(self) -> Tell: ...


async def work(options: Options, listeners: WorkerListeners, stop: asyncio.Event) -> None:
    """Until it is to stop. Raises `StoreError` for a queue that cannot be used, and `CannotServe`."""
    tell = listeners.worker()
    companies = Companies(options.folder)
    with queues.pool(options.queue) as pool:
        connections, pools = Connections(companies.environment, budgets(pool)), Pools()
        turns = Turns(companies, connections, pools, options.paces, listeners, stop.is_set)
        taken = _Taken(companies, turns, options.paces, listeners)
        async with AsyncExitStack() as stack:
            stack.callback(pools.close)
            stack.push_async_callback(connections.close)
            queue = await stack.enter_async_context(queues.opened(options.queue, taken.turn, taken.heard))
            calls, watched = Calls(companies, queue.announce), Watched()
            metrics = Metrics(Known(watched, calls))
            listeners.everywhere(metrics)
            if options.webhooks is not None:
                at = await stack.enter_async_context(listening(create_app(calls.find), options.webhooks))
                tell("webhooks.listening", f"Webhooks are heard at {at}, below it by company and side", address=at)
            if options.health is not None:
                app = answering(watched.judge, metrics.scraped)
                at = await stack.enter_async_context(listening(app, options.health))
                tell("health.listening", f"How it does is told at {at}health and {at}metrics", address=at)
            await stack.enter_async_context(meanwhile(_tend(queue, companies, watched)))
            served = len(companies.names())
            gc.freeze()  # what a worker begins with stays: to look through it for garbage is in vain
            tell("worker.started", f"Serving {served} companies. Stop with ctrl-c.", companies=served)
            await _serve(queue, options.concurrency, tell, stop)


async def _serve(queue: Queue, concurrency: int, tell: Tell, stop: asyncio.Event) -> None:
    """Jobs are done, and done again once a queue that went away is back."""
    while not stop.is_set():
        working = asyncio.create_task(queue.work(concurrency, GRACE))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        working.cancel()  # which gives the turns under way their time
        why = "it was lost"
        try:
            await working
        except asyncio.CancelledError:
            pass
        except AWAY as error:
            why = type(error).__name__
        if not stop.is_set():
            tell("worker.waits", f"The queue cannot be reached ({why}). It is tried again.", error=why)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _AGAIN)


async def _tend(queue: Queue, companies: Companies, watched: Watched) -> None:
    """Beside the turns: whoever died is replaced, and every company has a turn."""
    seen = float("-inf")
    while True:
        with suppress(*AWAY):  # told where turns are taken
            await queue.take_over()
            if time.monotonic() >= seen + _SEE_TO:
                watched.saw(await queue.see_to(companies.names()))
                seen = time.monotonic()
        await asyncio.sleep(_TAKE_OVER)


class _Taken:
    """What the queue's jobs do. Whatever happens to one, the company has a next turn."""

    def __init__(self, companies: Companies, turns: Turns, paces: Paces, listeners: Listeners) -> None:
        self._companies = companies
        self._turns = turns
        self._paces = paces
        self._listeners = listeners

    async def turn(self, company: str, standing: Standing) -> tuple[Standing, float] | None:
        if company not in self._companies:
            return None
        try:
            return await self._turns.turn(company, standing)
        except Exception as error:
            pause = self._paces.pause(standing.failures)
            self._tell(company, error, pause)
            return after_failure(standing), time.time() + pause

    async def heard(self, company: str, news: News) -> Again | None:
        if company not in self._companies:
            return None
        try:
            return await self._turns.look(company, news)
        except Exception as error:
            pause = self._paces.pause(0)
            self._tell(company, error, pause)
            return Again(at=time.time() + pause, everywhere=True)

    def _tell(self, company: str, error: Exception, pause: float) -> None:
        """What nobody expects is told by where it happened: its words may be anything."""
        name, where = type(error).__name__, "".join(traceback.format_tb(error.__traceback__))
        last = traceback.extract_tb(error.__traceback__)[-1]
        sentence = f"It failed ({name}, {Path(last.filename).name} line {last.lineno}); next try in {pause:.3g} s."
        tell = self._listeners.tell(company)
        tell("pass.failed", sentence, error=name, traceback=where, next_seconds=round(pause, 3))
