"""One turn: what is due is decided with all that is known of it, and handed on to be delivered.

Every arrival that a turn is given leaves it worked off, parked, or due at a later time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec.structs import replace

from syncline.engine import deletions
from syncline.engine.case import Case, group
from syncline.engine.delivery.deliver import Delivery
from syncline.engine.guards import breaker, older
from syncline.engine.people import withdrawing
from syncline.engine.setup import view
from syncline.engine.worker import Worker
from syncline.mapping.model import Flow
from syncline.mapping.translate import takes_part
from syncline.reconcile.compare import unchanged
from syncline.reconcile.merge import merge
from syncline.reconcile.rewriting import TIMES, Sent, hold_rewritten
from syncline.records import LinkState, Ref, Row
from syncline.store import Action, Arrival, Entry

_TELLS: Mapping[LinkState, Action] = {
    LinkState.COMPLETED: "completed",
    LinkState.RESTING: "resting",
    LinkState.ACTIVE: "linked",
}


async def turn(worker: Worker, flow: Flow, arrivals: Sequence[Arrival], deletions_at: datetime | None = None) -> None:
    """Decide and deliver these. Raises `ConnectorError`: what was not delivered stays due.

    With ``deletions_at`` what is gone is left until then.
    """
    store = worker.setup.store
    worker.result.tried(arrival.ref for arrival in arrivals)
    links = store.links([a.link for a in arrivals if a.link is not None])
    cases = group(arrivals, links, flow)
    unsettled = {intent.link for intent in store.open_intents()}
    ending = withdrawing.wished(store)
    gone: list[Case] = []
    there: list[Case] = []
    for case in cases:
        if case.link.id in unsettled:
            _hold_unsettled(worker, case)
        elif case.link.id in ending:
            worker.draft.again(case.arrivals.values(), worker.setup.now() + worker.setup.settling)
        else:
            (gone if case.gone else there).append(case)
    if deletions_at is None:
        await deletions.settle(worker, flow, gone)
    else:
        _leave(worker, gone, deletions_at)
    taking_part = [case for case in there if not await _resting(worker, case)]
    async with Delivery(worker, flow) as delivery:
        for at in range(0, len(taking_part), delivery.batch):
            await delivery.deliver(await _decide(worker, flow, taking_part[at : at + delivery.batch]))


def _hold_unsettled(worker: Worker, case: Case) -> None:
    """Nothing is decided of a link while it is not known what became of a write to it."""
    worker.draft.again(case.arrivals.values(), worker.setup.now() + worker.setup.settling)
    worker.gate.parked(case, "it is not known yet what became of a write to it")


def _leave(worker: Worker, gone: Sequence[Case], until: datetime) -> None:
    """No attempt was made: whatever is due of these is due then."""
    due = ((arrival, arrival.due) for case in gone for arrival in case.arrivals.values())
    worker.draft.arrivals |= {each.ref: replace(each, due=max(at, until)) for each, at in due if at is not None}


# --- what takes part


async def _resting(worker: Worker, case: Case) -> bool:
    """Whether a linked record has left the flow. It rests until it comes back, and is then read again whole."""
    sides = case.flow.sides
    out = [side for side, record in case.records.items() if not takes_part(sides[side], record)]
    if case.fresh:
        if out:
            worker.draft.finish(case.arrivals.values())
        return bool(out)
    resting = case.link.state is LinkState.RESTING
    if out and not resting:
        _set_state(worker, case, LinkState.RESTING, f"{out[0]}'s record no longer takes part")
    elif resting and not out and len(case.link.members) == len(sides):
        await _wake_up(worker, case)
    if out or resting:
        worker.draft.finish(case.arrivals.values())
    return bool(out) or resting


async def _wake_up(worker: Worker, case: Case) -> None:
    """If all records of a resting link take part again, they are read afresh and decided in the next turn."""
    now = worker.setup.now()
    arrivals: list[Arrival] = []
    for side, id_ in case.link.members.items():
        found = await worker.setup.systems[side].get(view(case.flow, side), [id_])
        if id_ not in found or not takes_part(case.flow.sides[side], found[id_]):
            return
        arrivals.append(Arrival(ref=case.ref(side), record=found[id_], seen=now, due=now))
    worker.draft.arrivals |= {arrival.ref: arrival for arrival in arrivals}
    _set_state(worker, case, LinkState.ACTIVE, "takes part again")


def _set_state(worker: Worker, case: Case, state: LinkState, note: str) -> None:
    worker.draft.links[case.link.id] = replace(case.link, state=state)
    ref = next(iter(case.arrivals.values())).ref
    action = _TELLS[state]
    worker.draft.journal.append(
        Entry(at=worker.setup.now(), flow=case.flow.name, link=case.link.id, ref=ref, action=action, note=note)
    )


# --- deciding


async def _decide(worker: Worker, flow: Flow, cases: Sequence[Case]) -> list[Case]:
    decided: list[Case] = []
    aged: list[tuple[Case, list[str]]] = []
    for case in await worker.knowing.inform(flow, cases):
        if _held(worker, case):
            continue
        rows, shadows = breaker.to_merge(worker.holds, flow, case.rows, case.shadows)
        if sides := older.older(case):
            meant = older.to_merge(worker, case, sides)
            if meant is None:
                aged.append((case, sides))
                continue
            rows, shadows = breaker.to_merge(worker.holds, flow, *meant)
        closed = frozenset(side for side, record in case.records.items() if record.closed)
        if case.link.state is LinkState.COMPLETED and not closed:
            _too_late(worker, case)
            continue
        if closed and case.link.state is not LinkState.COMPLETED:
            _set_state(worker, case, LinkState.COMPLETED, f"{min(closed)} has closed it")
        decision = merge(flow, rows, shadows, case.times, closed, case.answers)
        decided.append(replace(case, link=worker.draft.links.get(case.link.id, case.link), merge=decision))
    await older.look_again(worker, flow, aged)
    return _without_ping_pong(worker, decided)


def _without_ping_pong(worker: Worker, cases: Sequence[Case]) -> list[Case]:
    """The cases that write again what was written before, without what two systems only keep rewriting."""
    updating = [case.link.id for case in cases if case.merge.writes & case.link.members.keys()]
    sent: defaultdict[str, list[Sent]] = defaultdict(list)
    for e in worker.setup.store.sent(updating, TIMES) if updating else ():
        if e.link is not None and e.ref is not None and e.property is not None:
            sent[e.link].append(Sent(property=e.property, line=e.line, side=e.ref.side, value=e.new))
    return [
        replace(case, merge=hold_rewritten(case.flow, case.merge, case.shadows, sent[case.link.id]))
        if case.link.id in sent
        else case
        for case in cases
    ]


def _held(worker: Worker, case: Case) -> bool:
    """Whether something in it is not understood, or points to what is not linked yet: then all of it waits."""
    held = False
    for side, told in case.rows.items():
        ref = case.arrivals[side].ref
        if told.problems:
            _hold_untranslatable(worker, case, ref, told)
            held = True
        elif told.waits:
            _hold_waiting(worker, case, ref, told.waits)
            held = True
    if held:
        worker.draft.again(case.arrivals.values(), None)
    return held


def _too_late(worker: Worker, case: Case) -> None:
    """An edit of what another system has closed goes nowhere: a person must know."""
    edited = [side for side, told in case.rows.items() if not unchanged(told, case.shadows[side])]
    if not edited:
        worker.draft.finish(case.arrivals.values())
        return
    worker.draft.again(case.arrivals.values(), None)
    worker.draft.park(
        case.ref(edited[0]),
        "refused",
        f"edited in {edited[0]} after it was completed elsewhere",
        "Undo the edit, or leave it: it is not passed on.",
        at=worker.setup.now(),
    )


def _hold_untranslatable(worker: Worker, case: Case, ref: Ref, told: Row) -> None:
    message = "; ".join(f"{name}: {problem}" for name, problem in told.problems.items())
    worker.draft.park(
        ref,
        "untranslatable",
        message,
        f"Correct it in {ref.side}, or say in {case.flow.source} how it is to be understood.",
        at=worker.setup.now(),
        details={"properties": dict(told.problems)},
    )
    worker.gate.parked(case, message)


def _hold_waiting(worker: Worker, case: Case, ref: Ref, waits: Sequence[Ref]) -> None:
    message = f"waits for {', '.join(map(str, waits))}"
    mend = "It goes on by itself once that is linked."
    worker.draft.park(ref, "waiting", message, mend, at=worker.setup.now(), waits=waits)
    worker.gate.parked(case, message)
