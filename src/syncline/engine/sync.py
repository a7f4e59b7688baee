"""A pass: observe both sides, link, decide, deliver, in order of dependency, until nothing is due."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from syncline.engine.delivery.recover import recover
from syncline.engine.gate import Open
from syncline.engine.guards import breaker
from syncline.engine.guards.restored import Wanted, begin, check, end
from syncline.engine.guards.scan import allow, check_share
from syncline.engine.knowing import Knowing
from syncline.engine.linking.link import link
from syncline.engine.observe import observe, reported
from syncline.engine.people.answers import take_up
from syncline.engine.people.joining import fulfil
from syncline.engine.people.withdrawing import withdraw
from syncline.engine.report import Progress, Quiet, Result
from syncline.engine.setup import FlowSide, Setup, check_identities
from syncline.engine.spending import remembered
from syncline.engine.turn import turn
from syncline.engine.worker import Worker
from syncline.mapping.model import Flow
from syncline.records import Ref
from syncline.spans import span

TURN = 2_000
"""Arrivals a turn: what is held in memory at once."""
_ROUNDS = 50
_LOOKS = 10
_PATIENCE = timedelta(seconds=60)


async def sync(
    setup: Setup,
    progress: Progress | None = None,
    *,
    scanning: bool = False,
    allow_deletions: bool = False,
    restored: Mapping[str, Wanted] | None = None,
    patience: timedelta = _PATIENCE,
) -> Result:
    """One pass over all flows. Raises `ConnectorError` and `EngineError`: what was done until then is remembered.

    ``scanning`` looks for deleted records now, not only when it is time; ``allow_deletions`` goes on however many there
    are. ``restored`` are sides that were brought back from a backup, and what is to become of them. ``patience`` is how
    long it waits for a system that is busy: what is due later is left to the next pass.
    """
    watched = progress or Quiet()
    result = Result()
    with remembered(setup):
        result.told += await check_identities(setup)
        if restored:
            begin(setup, restored)
        for again in range(_LOOKS):
            before = result.writes
            worker = _worker(setup, result)
            whole = worker.wanted if again == 0 else ()
            await recover(worker, setup.store.open_intents())
            await observe(setup, worker.knowing, watched, scanning=scanning and again == 0, whole=whole)
            await _work(worker, watched, patience, allow_deletions=allow_deletions)
            if result.writes == before:
                end(setup, worker.wanted)
                breaker.end(setup)
                return result
    result.unfinished.append("records keep changing as fast as they are brought in step")
    return result


async def look(setup: Setup, flow_sides: Collection[FlowSide], gone: Collection[Ref] = ()) -> Result:
    """A small pass: look at these alone, and bring in step what is due now. ``gone`` are records that are said to
    be deleted. Which companies these are only a pass looks at; so it is one where a side was not listed yet. Raises as
    `sync` does.
    """
    if not all(setup.store.listed(flow, side) for flow, side in setup.flow_sides):
        return await sync(setup, patience=timedelta(0))
    result = Result()
    with remembered(setup):
        worker = _worker(setup, result)
        await recover(worker, setup.store.open_intents())
        reported(setup, gone)
        await observe(setup, worker.knowing, Quiet(), flow_sides=flow_sides)
        await _work(worker, Quiet(), timedelta(0))
    return result


async def _work(worker: Worker, progress: Progress, patience: timedelta, *, allow_deletions: bool = False) -> None:
    """What was observed is held against what must be true before anything is written, then worked off."""
    setup = worker.setup
    await check(setup)
    if allow_deletions:
        allow(setup)
    else:
        check_share(setup, worker.wanted)
    await breaker.check(worker)
    await work_off(worker, progress, patience)
    worker.result.held = [breaker.words(hold) for hold in setup.store.holds() if hold.state == "held"]


def _worker(setup: Setup, result: Result) -> Worker:
    return Worker(setup, Knowing(setup), Open(), result)


async def work_off(worker: Worker, progress: Progress, patience: timedelta = _PATIENCE) -> None:
    """Take turns until nothing is due, and nothing will be soon."""
    end = worker.setup.now() + patience
    for _ in range(_ROUNDS):
        worker.result.try_again()
        if await one_round(worker, progress):
            continue
        waiting = (worker.setup.store.next_due(flow) for flow in worker.setup.flows)
        soon = min((due for due in waiting if due is not None), default=None)
        if soon is None or soon > end:
            return
        await asyncio.sleep(max((soon - worker.setup.now()).total_seconds(), 0))


async def one_round(worker: Worker, progress: Progress) -> bool:
    """Link and work off what is due now, each flow after those it refers to. Whether there was anything.

    What was sent before and is not known to stand is looked for first; then what people wished and said is taken up.
    What was deleted or is to be comes last, each flow before those it refers to: by then, what pointed to such a record
    has moved or is gone itself.
    """
    if not worker.gate.dry:
        await recover(worker, worker.setup.store.open_intents())
    await fulfil(worker)
    await take_up(worker)
    horizon = worker.setup.now()
    last = horizon + timedelta(microseconds=1)
    found = 0
    for flow in worker.setup.flows.values():
        await link(worker, flow)
        found += await _turns(worker, flow, progress, horizon, deletions_at=last)
    await withdraw(worker)
    for flow in reversed(list(worker.setup.flows.values())):
        found += await _turns(worker, flow, progress, last)
    return bool(found)


async def _turns(
    worker: Worker, flow: Flow, progress: Progress, horizon: datetime, deletions_at: datetime | None = None
) -> int:
    """How many arrivals were worked on."""
    done = 0
    while arrivals := worker.setup.store.due(flow.name, horizon, TURN):
        began = time.perf_counter()
        with span("turn", flow=flow.name, arrivals=len(arrivals)):
            await turn(worker, flow, arrivals, deletions_at)
        worker.result.turns.append((flow.name, time.perf_counter() - began))
        done += len(arrivals)
        progress.working(flow.name, done, done + worker.setup.store.pending(flow.name, horizon))
    return done
