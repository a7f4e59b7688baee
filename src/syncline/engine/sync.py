"""A pass: observe both sides, link, decide, deliver, in order of dependency, until nothing is due."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from syncline.engine.agreed import look_anew
from syncline.engine.delivery.recover import recover
from syncline.engine.gate import Open
from syncline.engine.guards import breaker
from syncline.engine.guards.restored import Wanted, begin, check, end
from syncline.engine.guards.scan import allow, check_share
from syncline.engine.knowing import KeptCodes, Knowing
from syncline.engine.linking.link import link
from syncline.engine.observe import observe, reported
from syncline.engine.people import releasing
from syncline.engine.people.answers import take_up
from syncline.engine.people.joining import fulfil
from syncline.engine.people.withdrawing import withdraw
from syncline.engine.report import Progress, Quiet, Result
from syncline.engine.setup import FlowSide, Setup, check_identities
from syncline.engine.spending import remembered
from syncline.engine.turn import turn
from syncline.engine.worker import Glance, Until, Worker
from syncline.mapping.model import Flow
from syncline.records import Ref
from syncline.spans import span
from syncline.store import Arrival, Memory

TURN = 2_000
"""Arrivals a turn: what is held in memory at once."""
_SHORT = 500
"""Arrivals a turn where edits may come meanwhile: so long they wait at most."""
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
    codes: KeptCodes | None = None,
    glance: Glance | None = None,
    until: Until | None = None,
) -> Result:
    """One pass over all flows. Raises `ConnectorError` and `EngineError`: what was done until then is remembered.

    ``scanning`` looks for deleted records now, not only when it is time; ``allow_deletions`` goes on however many there
    are. ``restored`` are sides that were brought back from a backup, and what is to become of them. ``patience`` is how
    long it waits for a system that is busy: what is due later is left to the next pass. ``codes`` are read anew, and
    kept there for a `look`. ``glance`` is asked between the turns of long work: edits of linked records go first.
    ``until`` is asked there, too, and edits go first: when it is enough, the rest is left to the next pass, as the
    result says. Listing is never left halfway: a listing that is begun again may not come further.
    """
    watched = progress or Quiet()
    result = Result()
    with remembered(setup):
        anew, told = look_anew(setup)
        result.told += [*await check_identities(setup, anew), *told]
        if restored:
            begin(setup, restored)
        for again in range(_LOOKS):
            before = result.writes
            if codes is not None:
                codes.clear()
            worker = _worker(setup, result, codes, glance, until)
            whole = worker.wanted if again == 0 else ()
            await recover(worker, setup.store.open_intents())
            await observe(setup, worker.knowing, watched, scanning=scanning and again == 0, whole=whole)
            await _work(worker, watched, patience, allow_deletions=allow_deletions)
            if result.more:
                return result
            if result.writes == before:
                end(setup, worker.wanted)
                breaker.end(setup)
                return result
    result.unfinished.append("records keep changing as fast as they are brought in step")
    return result


async def look(
    setup: Setup,
    flow_sides: Collection[FlowSide],
    gone: Collection[Ref] = (),
    codes: KeptCodes | None = None,
    until: Until | None = None,
) -> Result:
    """A small pass: look at these alone, and bring in step what is due now. ``gone`` are records that are said to
    be deleted. Which companies these are only a pass looks at; so it is one where a side was not listed yet. Raises as
    `sync` does. ``codes`` were kept by the last pass: what they do not explain is tried with those of now.
    ``until`` is asked as `sync` does.
    """
    if setup.store.unlisted(setup.flow_sides):
        return await sync(setup, patience=timedelta(0), codes=codes, until=until)
    result, began = Result(), setup.now()
    with remembered(setup):
        are_kept = bool(codes)
        worker = _worker(setup, result, codes, until=until)
        await recover(worker, setup.store.open_intents())
        reported(setup, gone)
        await observe(setup, worker.knowing, Quiet(), flow_sides=flow_sides)
        await _work(worker, Quiet(), timedelta(0))
        if codes and are_kept and any(tally.parked.pop("untranslatable", 0) for tally in result.flows.values()):
            codes.clear()
            parked = [each for each in setup.store.parked(cause="untranslatable") if each.since >= began]
            arrivals = releasing.of_parked(setup.store, parked, setup.now())
            setup.store.save(Memory(arrivals=arrivals, released=[each.ref for each in parked]))
            await _work(_worker(setup, result, codes), Quiet(), timedelta(0))
    return result


async def _work(worker: Worker, progress: Progress, patience: timedelta, *, allow_deletions: bool = False) -> None:
    """What was observed is held against what must be true before anything is written, then worked off."""
    if allow_deletions:
        allow(worker.setup)
    if worker.setup.store.has_work():
        await _guard(worker, allow_deletions=allow_deletions)
        if worker.until is not None:
            await _edits(worker)
        await work_off(worker, progress, patience)
    else:
        await check(worker.setup)
    worker.result.held = [breaker.words(hold) for hold in worker.setup.store.holds() if hold.state == "held"]


async def _guard(worker: Worker, *, allow_deletions: bool = False) -> None:
    await check(worker.setup)
    if not allow_deletions:
        check_share(worker.setup, worker.wanted)
    await breaker.check(worker)


def _worker(
    setup: Setup, result: Result, codes: KeptCodes | None, glance: Glance | None = None, until: Until | None = None
) -> Worker:
    return Worker(setup, Knowing(setup, codes), Open(), result, glance, until)


async def work_off(worker: Worker, progress: Progress, patience: timedelta = _PATIENCE) -> None:
    """Take turns until nothing is due, and nothing will be soon."""
    end = worker.setup.now() + patience
    for _ in range(_ROUNDS):
        worker.result.try_again()
        if not worker.setup.store.has_work():
            return
        found = await one_round(worker, progress)
        if worker.result.more:
            return
        if found or not worker.setup.store.has_work():
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
    for flow in _occupied(worker):
        await link(worker, flow)
        found += await _turns(worker, flow, progress, horizon, deletions_at=last)
        if worker.result.more:
            return True
    await withdraw(worker)
    for flow in reversed(_occupied(worker)):
        found += await _turns(worker, flow, progress, last)
    return bool(found)


def _occupied(worker: Worker) -> list[Flow]:
    """The flows of which anything waits, in their order: a turn brings nothing into the inbox of another."""
    there = worker.setup.store.occupied(worker.setup.flows)
    return [flow for name, flow in worker.setup.flows.items() if name in there]


async def _turns(
    worker: Worker, flow: Flow, progress: Progress, horizon: datetime, deletions_at: datetime | None = None
) -> int:
    """How many arrivals were worked on."""
    done, total = 0, worker.setup.store.pending(flow.name, horizon)
    size = TURN if worker.glance is None and worker.until is None else _SHORT
    while arrivals := worker.setup.store.due(flow.name, horizon, size):
        await _turn(worker, flow, arrivals, deletions_at)
        done += len(arrivals)
        progress.working(flow.name, done, max(total, done))
        await _between(worker)
        if worker.has_enough:
            break
    return done


async def _between(worker: Worker) -> None:
    """Whoever edits a linked record does not wait for what is there for the first time, be it a million records."""
    flow_sides, gone = worker.glance() if worker.glance is not None else ((), ())
    if not flow_sides and not gone:
        return
    reported(worker.setup, gone)
    await observe(worker.setup, worker.knowing, Quiet(), flow_sides=flow_sides)
    await _guard(worker)
    await _edits(worker)


async def _edits(worker: Worker) -> None:
    """Of linked records, and of these alone."""
    now = worker.setup.now()
    for flow in _occupied(worker):
        while edits := worker.setup.store.due(flow.name, now, TURN, edits=True):
            await _turn(worker, flow, edits, now + timedelta(microseconds=1))
            if worker.has_enough:
                return


async def _turn(worker: Worker, flow: Flow, arrivals: Sequence[Arrival], deletions_at: datetime | None) -> None:
    """Traced, and timed."""
    began = time.perf_counter()
    with span("turn", flow=flow.name, arrivals=len(arrivals)):
        await turn(worker, flow, arrivals, deletions_at)
    worker.result.turns.append((flow.name, time.perf_counter() - began))
