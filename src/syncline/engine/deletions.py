"""Records that are gone: confirmed by looking, and then as the agreement says."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from syncline.engine.case import Case
from syncline.engine.setup import view
from syncline.mapping.model import Deletion, Flow
from syncline.records import Delete, Done, LinkState
from syncline.store import Action, Arrival, Entry

if TYPE_CHECKING:
    from syncline.engine.turn import Worker


async def settle(worker: Worker, flow: Flow, cases: Sequence[Case]) -> None:
    """Work off cases of which some record is said to be gone. What is still there is due again."""
    asked: defaultdict[str, list[str]] = defaultdict(list)
    for case in cases:
        for side, arrival in case.arrivals.items():
            if arrival.record is None:
                asked[side].append(arrival.ref.id)
    found = {side: await worker.setup.systems[side].get(view(flow, side), ids) for side, ids in asked.items()}
    for case in cases:
        there = {s: found[s][a.ref.id] for s, a in case.arrivals.items() if a.record is None and a.ref.id in found[s]}
        if there:
            now = worker.setup.now()
            worker.draft.again(case.arrivals.values(), now)
            for side, record in there.items():
                ref = case.arrivals[side].ref
                worker.draft.arrivals[ref] = Arrival(ref=ref, record=record, seen=now, due=now)
        elif worker.gate.dry:
            worker.gate.parked(case, "a record was deleted")
            worker.draft.finish(case.arrivals.values())
        else:
            await _gone(worker, case)


async def _gone(worker: Worker, case: Case) -> None:
    gone = [side for side, arrival in case.arrivals.items() if arrival.record is None]
    left = [side for side in case.link.members if side not in gone]
    draft = worker.draft
    if case.fresh or not left:
        draft.finish(case.arrivals.values())
        draft.keys |= {case.arrivals[side].ref: {} for side in gone}
        if not case.fresh:
            _unlink(worker, case, "deleted on every side")
        return
    policy = case.flow.delete
    if policy is Deletion.PROPAGATE:
        await _delete(worker, case, left)
    elif policy is Deletion.KEEP:
        # What is left stays as it is and is nobody's counterpart any more: resting, so that it is not created anew.
        draft.finish(case.arrivals.values())
        members = {side: case.link.members[side] for side in left}
        draft.links[case.link.id] = replace(case.link, members=members, state=LinkState.RESTING)
        draft.keys |= {case.ref(side): {} for side in gone}
        _tell(worker, case, "unlinked", f"deleted in {', '.join(gone)}, kept in {', '.join(left)}")
    else:
        message = f"deleted in {', '.join(gone)}, still in {', '.join(left)}"
        mend = f"Delete it in {', '.join(left)} too, or create it again."
        draft.again(case.arrivals.values(), None)
        draft.park(case.ref(gone[0]), "deleted", message, mend, at=worker.setup.now())


async def _delete(worker: Worker, case: Case, sides: Sequence[str]) -> None:
    versions = case.versions
    shadows = {s: w for (_, s), w in worker.setup.store.shadows([case.link.id]).items()}
    draft = worker.draft
    for side in sides:
        id_ = case.link.members[side]
        version = versions.get(side) or (shadows[side].version if side in shadows else None)
        (outcome,) = await worker.setup.systems[side].write(view(case.flow, side), [Delete(id=id_, version=version)])
        if not isinstance(outcome, Done):
            draft.again(case.arrivals.values(), None)
            draft.park(case.speaker(side), "refused", outcome.message, f"{side} keeps it.", at=worker.setup.now())
            return
        worker.result.flows[case.flow.name].deleted[side] += 1
        values = shadows[side].values if side in shadows else {}
        draft.journal += [
            Entry(
                at=worker.setup.now(),
                flow=case.flow.name,
                link=case.link.id,
                ref=case.ref(side),
                action="deleted",
                property=name,
                old=value,
            )
            for name, value in values.items()
            if value is not None
        ]
    draft.finish(case.arrivals.values())
    draft.keys |= {ref: {} for ref in case.refs}
    _unlink(worker, case, f"deleted in {', '.join(sides)}, as it was elsewhere")


def _unlink(worker: Worker, case: Case, note: str) -> None:
    worker.draft.unlinks.append(case.link.id)
    _tell(worker, case, "deleted", note)


def _tell(worker: Worker, case: Case, action: Action, note: str) -> None:
    ref = next(iter(case.arrivals.values())).ref
    worker.draft.journal.append(
        Entry(at=worker.setup.now(), flow=case.flow.name, link=case.link.id, ref=ref, action=action, note=note)
    )
