"""Records that are gone: confirmed by looking, and then as the agreement says.

A deletion needs no intent: deleting twice is deleting once, and the arrival that says that a record is gone stays due
until its counterparts are gone too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from msgspec.structs import replace

from syncline.engine import recover
from syncline.engine.case import Case
from syncline.engine.journal import deleted
from syncline.engine.retry import put_off
from syncline.engine.setup import view
from syncline.engine.worker import Worker
from syncline.mapping.model import Deletion, Flow
from syncline.reconcile.compare import unchanged
from syncline.records import Delete, Done, Gone, LinkState, Outcome, Stale
from syncline.store import Arrival, Entry


async def settle(worker: Worker, flow: Flow, cases: Sequence[Case]) -> None:
    """Work off cases of which some record is said to be gone. What is still there is due again."""
    gone = await _confirmed(worker, flow, cases)
    propagated: list[Case] = []
    for case in await worker.knowing.inform(flow, gone):
        left = _left(case)
        if case.fresh or not left:
            _forget(worker, case)
        elif flow.delete is Deletion.KEEP:
            _keep(worker, case)
        elif flow.delete is not Deletion.PROPAGATE:
            mend = f"Delete it in {', '.join(left)} too."
            _park(worker, case, f"deleted in {', '.join(case.gone)}, still in {', '.join(left)}", mend)
        elif edited := [side for side in left if _edited(case, side)]:
            # Whoever deleted it did not know of the edit: to delete it unasked would lose the edit.
            mend = f"Delete it in {', '.join(edited)} too."
            _park(worker, case, f"deleted in {', '.join(case.gone)}, but changed in {', '.join(edited)} since", mend)
        elif not worker.gate.delete(case, left):
            worker.draft.again(case.arrivals.values(), worker.setup.now())
        elif worker.gate.dry:
            _forget(worker, case)
        else:
            propagated.append(case)
    await _delete(worker, flow, propagated)


async def _confirmed(worker: Worker, flow: Flow, cases: Sequence[Case]) -> list[Case]:
    """Those that are really gone. A record that is there after all is an observation like any other."""
    asked: defaultdict[str, list[str]] = defaultdict(list)
    for case in cases:
        for side in case.gone:
            asked[side].append(case.link.members[side])
    found = {side: await worker.setup.systems[side].get(view(flow, side), ids) for side, ids in asked.items()}
    confirmed: list[Case] = []
    for case in cases:
        members = case.link.members
        there = {side: found[side][members[side]] for side in case.gone if members[side] in found[side]}
        if not there:
            confirmed.append(case)
            continue
        now = worker.setup.now()
        worker.draft.again(case.arrivals.values(), now)
        for side, record in there.items():
            ref = case.ref(side)
            worker.draft.arrivals[ref] = Arrival(ref=ref, record=record, seen=now, due=now)
    return confirmed


def _left(case: Case) -> list[str]:
    return [side for side in case.link.members if side not in case.gone]


def _edited(case: Case, side: str) -> bool:
    """Whether the side has changed the record since it was last known."""
    if side not in case.rows:
        return False
    return side not in case.shadows or not unchanged(case.rows[side], case.shadows[side])


# --- what becomes of the counterparts


async def _delete(worker: Worker, flow: Flow, cases: Sequence[Case]) -> None:
    fates: defaultdict[str, dict[str, Outcome]] = defaultdict(dict)
    for side in flow.sides:
        mine = [case for case in cases if side in _left(case)]
        writes = [Delete(id=case.link.members[side], version=case.versions.get(side)) for case in mine]
        outcomes = await worker.setup.systems[side].write(view(flow, side), writes) if writes else ()
        for case, outcome in zip(mine, outcomes, strict=True):
            fates[case.link.id][side] = outcome
    moved: defaultdict[str, set[str]] = defaultdict(set)
    for case in cases:
        failed = {s: outcome for s, outcome in fates[case.link.id].items() if not isinstance(outcome, Done | Gone)}
        for side in (side for side in fates[case.link.id] if side not in failed):
            worker.result.flows[flow.name].deleted[side] += 1
            note = f"as it was in {', '.join(case.gone)}"
            worker.draft.journal.append(deleted(case, side, worker.setup.now(), origin=case.gone[0], note=note))
        for side, outcome in failed.items():
            if isinstance(outcome, Stale):
                moved[side].add(case.link.members[side])
        if failed:
            put_off(worker, case, list(case.arrivals.values()), failed)
        else:
            _forget(worker, case)
    worker.draft.save()
    await recover.look_again(worker, flow, moved)


def _keep(worker: Worker, case: Case) -> None:
    """What is left stays as it is and is nobody's counterpart any more: resting, so that it is not created anew."""
    draft, left = worker.draft, _left(case)
    draft.finish(case.arrivals.values())
    members = {side: case.link.members[side] for side in left}
    draft.links[case.link.id] = replace(case.link, members=members, state=LinkState.RESTING)
    draft.keys |= {case.ref(side): {} for side in case.gone}
    note = f"kept in {', '.join(left)}"
    draft.journal += _gone(worker, case, note)
    ref, now = case.ref(left[0]), worker.setup.now()
    draft.journal.append(Entry(at=now, flow=case.flow.name, link=case.link.id, ref=ref, action="resting", note=note))


def _park(worker: Worker, case: Case, message: str, mend: str) -> None:
    worker.draft.again(case.arrivals.values(), None)
    worker.draft.park(case.ref(case.gone[0]), "deleted", message, mend, at=worker.setup.now())
    worker.gate.parked(case, message)


def _gone(worker: Worker, case: Case, note: str = "") -> list[Entry]:
    """What was deleted elsewhere stays in the journal whole."""
    return [deleted(case, side, worker.setup.now(), origin=None, note=note) for side in case.gone]


def _forget(worker: Worker, case: Case) -> None:
    """There is nothing left to be linked."""
    draft = worker.draft
    draft.finish(case.arrivals.values())
    draft.keys |= {ref: {} for ref in case.refs}
    if not case.fresh:
        draft.unlinks.append(case.link.id)
        draft.journal += _gone(worker, case)
