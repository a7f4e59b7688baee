"""Records that are gone: confirmed by looking, and then as the agreement says.

A deletion needs no intent: deleting twice is deleting once, and the arrival that says that a record is gone stays due
until its counterparts are gone too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from syncline.engine.case import Case
from syncline.engine.delivery import recover
from syncline.engine.delivery.retry import put_off
from syncline.engine.journal import deleted, unlinked
from syncline.engine.knowing import match_name
from syncline.engine.people.answering import answered
from syncline.engine.setup import view
from syncline.engine.worker import Worker
from syncline.mapping.model import Deletion, Flow
from syncline.reconcile.compare import unchanged
from syncline.reconcile.match import keys_of
from syncline.reconcile.restored import Look, look, made_again
from syncline.records import Delete, Done, Gone, LinkState, Outcome, Ref, Stale, Value
from syncline.store import Arrival, Entry


async def settle(worker: Worker, flow: Flow, cases: Sequence[Case]) -> None:
    """Work off cases of which some record is said to be gone. What is still there is due again."""
    gone = await _confirmed(worker, flow, cases)
    said = answered(worker, [case.ref(side) for case in gone if not case.fresh for side in case.gone])
    propagated: list[tuple[Case, str, str | None]] = []
    asked_by: dict[str, str | None] = {}
    anew: list[tuple[Case, str]] = []
    for case in await worker.knowing.inform(flow, gone):
        left = _left(case)
        what = next((said[ref] for ref in map(case.ref, case.gone) if ref in said), None)
        answer = what.answer if what and what.holds(case) else None
        who, by = (what.by, ", by a person") if what and answer else (None, "")
        if case.fresh or not left:
            _forget(worker, case)
        elif case.link.state is LinkState.COMPLETED:
            _keep(worker, case)  # it is history
        elif answer == "keep" or (answer is None and _policy(worker, case) is Deletion.KEEP):
            _keep(worker, case, by, who)
        elif answer == "restore" or (answer is None and _policy(worker, case) is Deletion.BLOCK):
            anew.append((case, f"to be created again in {', '.join(case.gone)}{by}"))
            asked_by[case.link.id] = who
        elif answer is None and _policy(worker, case) is Deletion.ASK:
            _park(worker, case, f"deleted in {', '.join(case.gone)}, still in {', '.join(left)}")
        elif answer is None and (edited := [side for side in left if _edited(case, side)]):
            # Whoever deleted it did not know of the edit: to delete it unasked would lose the edit.
            _park(worker, case, f"deleted in {', '.join(case.gone)}, but changed in {', '.join(edited)} since")
        elif not worker.gate.delete(case, left):
            worker.draft.again(case.arrivals.values(), worker.setup.now())
        elif worker.gate.dry:
            _forget(worker, case)
        else:
            propagated.append((case, by, who))
    rivals = await _rivals(worker, flow, [case for case, _ in anew])
    for case in (case for case, _ in anew if case.link.id in rivals):
        _park(worker, case, f"deleted in {', '.join(case.gone)}, where {rivals[case.link.id]} has its number now")
    apart = [(case, note) for case, note in anew if case.link.id not in rivals]
    for case in await take_apart(worker, flow, apart, asked_by):
        worker.draft.again(case.arrivals.values(), worker.setup.now() + worker.setup.settling)
    await _delete(worker, flow, propagated)


def _policy(worker: Worker, case: Case) -> Deletion:
    """What a side that was brought back from a backup has forgotten, nobody deleted there."""
    forgotten = all(worker.wanted.get(side) == "repair" for side in case.gone)
    return Deletion.BLOCK if forgotten else case.flow.delete


_LOOKS = 2
"""How often a record that is said to be gone is looked at again while a replica that lags behind may say otherwise."""


async def _confirmed(worker: Worker, flow: Flow, cases: Sequence[Case]) -> list[Case]:
    """Those that are really gone. A record that is there after all is an observation like any other.

    What is still there is looked at again, since a replica that lags behind may not know of it yet, and who told that
    it is gone will not tell again.
    """
    asked: defaultdict[str, list[str]] = defaultdict(list)
    for case in cases:
        for side in case.gone:
            asked[side].append(case.link.members[side])
    found = {side: await worker.setup.systems[side].get(view(flow, side), ids) for side, ids in asked.items()}
    now = worker.setup.now()
    confirmed: list[Case] = []
    for case in cases:
        members = case.link.members
        there = {side: found[side][members[side]] for side in case.gone if members[side] in found[side]}
        if not there:
            confirmed.append(case)
            continue
        if _looked(case) < _LOOKS:
            worker.draft.again(case.arrivals.values(), now + worker.setup.settling)
            continue
        worker.draft.again(case.arrivals.values(), now)
        for side, record in there.items():
            ref = case.ref(side)
            worker.draft.arrivals[ref] = Arrival(ref=ref, record=record, seen=now, due=now)
    return confirmed


def _looked(case: Case) -> int:
    """How often what is gone of it was looked at."""
    return max(case.arrivals[side].attempts for side in case.gone)


def _left(case: Case) -> list[str]:
    return [side for side in case.link.members if side not in case.gone]


def _edited(case: Case, side: str) -> bool:
    """Whether the side has changed the record since it was last known."""
    if side not in case.rows:
        return False
    return side not in case.shadows or not unchanged(case.rows[side], case.shadows[side])


# --- what becomes of the counterparts


async def _delete(worker: Worker, flow: Flow, cases: Sequence[tuple[Case, str, str | None]]) -> None:
    fates: defaultdict[str, dict[str, Outcome]] = defaultdict(dict)
    for side in flow.sides:
        mine = [case for case, _, _ in cases if side in _left(case)]
        writes = [Delete(id=case.link.members[side], version=case.versions.get(side)) for case in mine]
        outcomes = await worker.setup.systems[side].write(view(flow, side), writes) if writes else ()
        for case, outcome in zip(mine, outcomes, strict=True):
            fates[case.link.id][side] = outcome
    moved: defaultdict[str, set[str]] = defaultdict(set)
    for case, by, who in cases:
        failed = {s: outcome for s, outcome in fates[case.link.id].items() if not isinstance(outcome, Done | Gone)}
        done = [side for side in fates[case.link.id] if side not in failed]
        for side in done:
            worker.result.flows[flow.name].deleted[side] += 1
            note = f"as it was in {', '.join(case.gone)}{by}"
            entry = deleted(case, side, worker.setup.now(), origin=case.gone[0], note=note, by=who)
            worker.draft.journal.append(entry)
        for side, outcome in failed.items():
            if isinstance(outcome, Stale):
                moved[side].add(case.link.members[side])
        if failed:
            worker.draft.leave(case.link, done)
            worker.draft.finish(arrival for side, arrival in case.arrivals.items() if side in done)
            put_off(worker, case, [arrival for side, arrival in case.arrivals.items() if side not in done], failed)
        else:
            _forget(worker, case)
    worker.draft.save()
    stand = {Ref(flow.name, side, id_) for side, ids in moved.items() for id_ in ids}
    await recover.look_again(worker, flow, moved, stand=stand)


async def _rivals(worker: Worker, flow: Flow, cases: Sequence[Case]) -> dict[str, Ref]:
    """Other records that have a key of what is to be created again, but are not it: by link."""
    wanted: defaultdict[tuple[str, str], dict[Value, Case]] = defaultdict(dict)
    held: dict[str, dict[str, str]] = {}
    for case in cases:
        known = [values for s in _left(case) for values in (case.shadows.get(s), case.rows.get(s)) if values]
        held[case.link.id] = keys_of(flow, {name: v for each in known for name, v in each.values.items()})
        for name, value in held[case.link.id].items():
            for side in case.gone:
                wanted[side, name][value] = case
    found: dict[Ref, list[Case]] = defaultdict(list)
    for (side, name), values in wanted.items():
        for key, refs in worker.setup.store.by_key(flow.name, side, match_name(name), list(values)).items():
            for ref in refs:
                found[ref].append(values[key])
    linked = worker.setup.store.links_of(list(found))
    keys = await worker.knowing.match_keys(flow, [ref for ref in found if ref not in linked])
    return {
        case.link.id: ref
        for ref, told in keys.items()
        for case in found[ref]
        if not made_again(flow, told, held[case.link.id])
    }


async def take_apart(
    worker: Worker, flow: Flow, cases: Sequence[tuple[Case, str]], by: Mapping[str, str | None] | None = None
) -> list[Case]:
    """These links are no more, for a reason; ``by`` is who said so, by link. What is left of each is matched, or
    created elsewhere, like any other.

    Those stay, and are returned, of which a record is told older than it is known, or not at all: without the link
    nobody would know what is newer of it, such as a line that was just added there, or that it is there already.
    """
    asked: defaultdict[str, set[str]] = defaultdict(set)
    for case, _ in cases:
        for side in _left(case):
            asked[side].add(case.link.members[side])
    found = {side: await worker.setup.systems[side].get(view(flow, side), sorted(ids)) for side, ids in asked.items()}
    now = worker.setup.now()
    stay: list[Case] = []
    for case, note in cases:
        told = {side: found[side].get(case.link.members[side]) for side in _left(case)}
        looks = {look(record, case.shadows[side]) for side, record in told.items() if side in case.shadows}
        if _looked(case) < _LOOKS and looks & {Look.OLDER, Look.GONE}:
            stay.append(case)
            continue
        _unlink(worker, case, note, (by or {}).get(case.link.id))
        for side, record in told.items():
            ref = case.ref(side)
            worker.draft.arrivals[ref] = Arrival(ref=ref, record=record, seen=now, due=now)
    worker.draft.save()
    return stay


def _unlink(worker: Worker, case: Case, note: str, by: str | None) -> None:
    draft, now = worker.draft, worker.setup.now()
    draft.finish(case.arrivals[side] for side in case.gone)
    draft.released += case.refs
    draft.keys |= {case.ref(side): {} for side in case.gone}
    draft.unlinks.append(case.link.id)
    draft.journal += _gone(worker, case, note, by)
    for side in _left(case):
        draft.journal.append(unlinked(case.link, case.ref(side), case.shadows.get(side), now, note, by))


def _keep(worker: Worker, case: Case, by: str = "", who: str | None = None) -> None:
    """What is left stays as it is and is nobody's counterpart any more: resting, so that it is not created anew."""
    draft, left = worker.draft, _left(case)
    draft.finish(case.arrivals.values())
    draft.leave(replace(case.link, state=LinkState.RESTING), case.gone)
    note = f"kept in {', '.join(left)}{by}"
    draft.journal += _gone(worker, case, note, who)
    ref, now = case.ref(left[0]), worker.setup.now()
    told = Entry(at=now, flow=case.flow.name, link=case.link.id, ref=ref, action="resting", note=note, by=who)
    draft.journal.append(told)


def _park(worker: Worker, case: Case, message: str) -> None:
    gone, left = ", ".join(case.gone), ", ".join(_left(case))
    mend = f"Delete it in {left} too (syncline parked delete), create it again in {gone} (restore), or leave it (keep)."
    worker.draft.again(case.arrivals.values(), None)
    worker.draft.park(case.ref(case.gone[0]), "deleted", message, mend, at=worker.setup.now())
    worker.gate.parked(case, message)


def _gone(worker: Worker, case: Case, note: str = "", by: str | None = None) -> list[Entry]:
    """What was deleted elsewhere stays in the journal whole."""
    return [deleted(case, side, worker.setup.now(), origin=None, note=note, by=by) for side in case.gone]


def _forget(worker: Worker, case: Case) -> None:
    """There is nothing left to be linked."""
    draft = worker.draft
    draft.finish(case.arrivals.values())
    draft.keys |= {ref: {} for ref in case.refs}
    if not case.fresh:
        draft.unlinks.append(case.link.id)
        draft.journal += _gone(worker, case)
