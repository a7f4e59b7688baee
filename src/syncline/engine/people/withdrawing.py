"""What Syncline created is deleted again; what it was created from stays as it is, without a counterpart.

A person wishes it at any time; the next pass does it. As long as it is wished nothing is decided of the link
(`syncline.engine.turn`), so that the deletion is never taken for a person's and passed on to what the record was
created from. It is an intent like any write: whoever dies knows afterwards that it was their own.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby

from msgspec import Struct
from msgspec.structs import replace

from syncline.engine.case import Case
from syncline.engine.journal import deleted
from syncline.engine.people.reverting import CannotUndo
from syncline.engine.setup import view
from syncline.engine.worker import Worker
from syncline.mapping.model import Flow
from syncline.mapping.translate import takes_part
from syncline.reconcile.compare import unchanged
from syncline.records import Delete, Done, Gone, Link, LinkState, Ref, Refused, Row, Shadow, Unavailable, Unknown
from syncline.store import Arrival, Entry, Intent, Store, Wish

_LOOKS = 3
"""How often a record that moves just before it is deleted is looked at again in one pass."""
_NOTE = "created by Syncline, undone by a person"


# --- what people say


class Withdrawal(Struct, frozen=True, kw_only=True):
    """The record that ``entry`` created is deleted again; ``stays`` is what it was created from.

    ``seen`` is how far the journal was read.
    """

    entry: Entry
    ref: Ref
    link: Link
    seen: int

    @property
    def stays(self) -> list[Ref]:
        return [ref for ref in self.link.refs if ref != self.ref]

    def wish(self, now: datetime, by: str | None = None) -> Wish:
        side, link = self.ref.side, self.link
        return Wish(kind="delete", flow=link.flow, members=link.members, side=side, seen=self.seen, at=now, by=by)


def is_creation(entry: Entry) -> bool:
    """Whether it tells that Syncline created a record."""
    return entry.action == "created" and entry.line is None and entry.ref is not None


def is_edit(entry: Entry) -> bool:
    """Whether it tells what a system changed by itself, or a person in it."""
    return entry.action == "edited" or (
        entry.line is not None and entry.action in ("created", "deleted") and entry.origin is None
    )


class Withdrawing:
    """Which of the records that Syncline created can be deleted again."""

    def __init__(self, store: Store, flows: Mapping[str, Flow], created: Iterable[Entry]) -> None:
        self._flows = flows
        refs = [entry.ref for entry in created if entry.ref is not None]
        self._links_of = store.links_of(refs)
        self._links = store.links(self._links_of.values())
        self._wished = {Ref(w.flow, w.side, w.members[w.side]) for w in store.wishes() if w.side is not None}

    def of(self, entry: Entry, edits: Collection[Entry], seen: int, *, over_later: bool) -> Withdrawal:
        """``edits`` are those of the record since. Raises `CannotUndo`."""
        flow, ref = self._flows.get(entry.flow), entry.ref
        assert ref is not None
        if flow is None or ref.side not in flow.sides:
            raise CannotUndo("the agreement has no such flow, or no such side of it, any more")
        if not flow.sides[ref.side].write:
            raise CannotUndo(f"the agreement lets nothing be written to {ref.side}")
        link = self._links.get(self._links_of.get(ref, ""))
        if link is None:
            raise CannotUndo("it is not linked any more")
        if link.state is not LinkState.ACTIVE:
            raise CannotUndo(f"its link is {link.state}")
        if len(link.members) < 2:
            raise CannotUndo("it has no counterpart yet")
        if ref in self._wished:
            raise CannotUndo("the next pass deletes it already")
        if edits and not over_later:
            names = ", ".join(dict.fromkeys(e.property or "lines" for e in edits))
            raise CannotUndo(
                f"it was changed in {ref.side} since ({names}), which would be lost; --over-later does it anyway"
            )
        return Withdrawal(entry=entry, ref=ref, link=link, seen=seen)


# --- what the pass does about it


def wished(store: Store) -> set[str]:
    """The links of which a record is to be deleted."""
    refs = [ref for wish in _deletions(store) for ref in wish.refs]
    return set(store.links_of(refs).values()) if refs else set()


def _deletions(store: Store) -> list[Wish]:
    return [wish for wish in store.wishes() if wish.kind == "delete"]


async def withdraw(worker: Worker) -> None:
    """Delete what people wished, in their order. Raises `ConnectorError`: what was not done stays wished.

    What refers to a record must be gone before it: as long as that is wished only, the record is not touched.
    """
    store = worker.setup.store
    wishes = _deletions(store)
    in_use: set[str] = set()
    for (name, side), group in groupby(wishes, key=lambda wish: (wish.flow, wish.side)):
        flow = worker.setup.flows.get(name)
        if flow is None or side is None or side not in flow.sides:
            continue  # it is switched off: its wishes wait until it is back
        moved = mine = list(group)
        for _ in range(_LOOKS):
            moved = await _withdraw(worker, flow, side, moved, may_send=name not in in_use) if moved else []
        if {wish.seq for wish in mine} & {wish.seq for wish in store.wishes()}:
            in_use |= flow.references


async def recover(worker: Worker, flow: Flow, side: str, intents: Sequence[Intent]) -> None:
    """Find out by looking what became of these deletions. Raises `ConnectorError`."""
    if not intents:
        return
    store, draft, now = worker.setup.store, worker.draft, worker.setup.now()
    found = await worker.setup.systems[side].get(view(flow, side), [str(intent.record) for intent in intents])
    links = store.links([intent.link for intent in intents])
    wishes = _wishes(store, flow, side)
    done: list[tuple[Wish | None, Case]] = []
    for intent in intents:
        record = found.get(str(intent.record))
        if record is not None and now < intent.opened + worker.setup.settling:
            version = intent.write.version if isinstance(intent.write, Delete) else None
            if version in (None, record.version):
                continue  # it may still be deleted
        draft.closed.append(intent.id)
        if record is None and intent.link in links:
            wish = wishes.get(str(intent.record))
            done.append((wish, Case(flow=flow, link=links[intent.link], fresh=False, arrivals={})))
    informed = await worker.knowing.inform(flow, [case for _, case in done])
    for (wish, _), case in zip(done, informed, strict=True):
        _gone(worker, wish, case, side, ours=True)
    draft.save()


def _wishes(store: Store, flow: Flow, side: str) -> dict[str, Wish]:
    """By the id of the record that is to be deleted."""
    return {w.members[side]: w for w in _deletions(store) if (w.flow, w.side) == (flow.name, side)}


async def _withdraw(worker: Worker, flow: Flow, side: str, wishes: Sequence[Wish], *, may_send: bool) -> list[Wish]:
    """One look at these records, and their deletion. Those that moved in between."""
    ready: list[tuple[Wish, Case]] = []
    for wish, case in await _looked_at(worker, flow, side, wishes):
        if not case.arrivals:
            _gone(worker, wish, case, side, ours=False)
        elif why := _moved(worker.setup.store, wish, case, side):
            _void(worker, wish, f"it was changed in {side} since ({why})")
            worker.draft.arrivals[case.ref(side)] = replace(case.arrivals[side], due=worker.setup.now())
        elif may_send and worker.gate.delete(case, [side]):
            ready.append((wish, case))
    if worker.gate.dry:
        for wish, case in ready:
            _gone(worker, wish, case, side, ours=True)
    worker.draft.save()
    if worker.gate.dry:
        return []
    moved: list[Wish] = []
    size = worker.setup.systems[side].capabilities.batch
    for at in range(0, len(ready), size):
        moved += await _send(worker, flow, side, ready[at : at + size])
    return moved


async def _looked_at(worker: Worker, flow: Flow, side: str, wishes: Sequence[Wish]) -> list[tuple[Wish, Case]]:
    """Those of which something can be done now, with their records as they are; without, where there is none."""
    store = worker.setup.store
    refs = {wish.seq: Ref(flow.name, side, wish.members[side]) for wish in wishes}
    of = store.links_of(refs.values())
    links = store.links(of.values())
    unsettled = {intent.link for intent in store.open_intents()}
    meant: list[tuple[Wish, Link]] = []
    for wish in wishes:
        link = links.get(of.get(refs[wish.seq], ""))
        if not flow.sides[side].write:
            _void(worker, wish, f"the agreement lets nothing be written to {side}")
        elif link is None or dict(link.members) != dict(wish.members):
            _void(worker, wish, "it is not linked any more")
        elif link.state is not LinkState.ACTIVE:
            _void(worker, wish, f"its link is {link.state}")
        elif link.id not in unsettled:
            meant.append((wish, link))
    if not meant:
        return []
    found = await worker.setup.systems[side].get(view(flow, side), [wish.members[side] for wish, _ in meant])
    now = worker.setup.now()
    cases: list[Case] = []
    for wish, link in meant:
        ref, record = refs[wish.seq], found.get(wish.members[side])
        there = {side: Arrival(ref=ref, record=record, seen=now, due=None, link=link.id)} if record else {}
        cases.append(Case(flow=flow, link=link, fresh=False, arrivals=there))
    informed = await worker.knowing.inform(flow, cases)
    return list(zip((wish for wish, _ in meant), informed, strict=True))


def _moved(store: Store, wish: Wish, case: Case, side: str) -> str:
    """What a system changed of the record that the person had not seen; nothing, where there is nothing."""
    told, shadow, record = case.rows[side], case.shadows.get(side, Shadow(version=None)), case.records[side]
    if record.closed or not takes_part(case.flow.sides[side], record):
        return "it takes no part any more"
    names = [] if unchanged(told, shadow) else _differing(told, shadow)
    ref = case.ref(side)
    names += [e.property or "lines" for e in store.history(ref) if e.seq > wish.seen and e.ref == ref and is_edit(e)]
    return ", ".join(dict.fromkeys(names))


def _differing(told: Row, shadow: Shadow) -> list[str]:
    names = [name for name, value in told.values.items() if name not in shadow.values or shadow.values[name] != value]
    names += [*told.problems, *map(str, told.waits)]
    return names or ["lines"]


async def _send(worker: Worker, flow: Flow, side: str, cases: Sequence[tuple[Wish, Case]]) -> list[Wish]:
    draft, now = worker.draft, worker.setup.now()
    intents = [_intent(case, side, now) for _, case in cases]
    draft.opened += intents
    draft.save()
    outcomes = await worker.setup.systems[side].write(view(flow, side), [intent.write for intent in intents])
    moved: list[Wish] = []
    lost: list[Intent] = []
    for (wish, case), intent, outcome in zip(cases, intents, outcomes, strict=True):
        if isinstance(outcome, Unknown):
            lost.append(replace(intent, opened=worker.setup.now()))
            continue
        draft.closed.append(intent.id)
        match outcome:
            case Done() | Gone():
                _gone(worker, wish, case, side, ours=True)
            case Refused(message=message):
                _void(worker, wish, f"{side} refused it: {message.rstrip('.')}", "Undo it again once that is mended")
            case Unavailable(message=message):
                worker.result.unfinished.append(f"{side} cannot be written now: {message}")
            case _:
                moved.append(wish)
    draft.opened += lost
    draft.save()
    await recover(worker, flow, side, lost)
    return moved


def _intent(case: Case, side: str, now: datetime) -> Intent:
    id_ = case.link.members[side]
    return Intent(
        id=uuid.uuid4().hex,
        flow=case.flow.name,
        link=case.link.id,
        side=side,
        record=id_,
        write=Delete(id=id_, version=case.versions.get(side)),
        values={},
        opened=now,
    )


def _gone(worker: Worker, wish: Wish | None, case: Case, side: str, *, ours: bool) -> None:
    """What is left rests, so that it is not created anew. Where the deletion is not ``ours`` it cannot be undone."""
    draft, now, ref = worker.draft, worker.setup.now(), case.ref(side)
    left = [each for each in case.refs if each != ref]
    arrivals = worker.setup.store.arrivals(case.refs).values()
    draft.finish(a for a in arrivals if a.ref == ref or a.record is not None)
    draft.released += case.refs
    draft.leave(replace(case.link, state=LinkState.RESTING), [side])
    note = _NOTE if ours else "it was gone when an undo was to delete it"
    by = wish.by if wish is not None and ours else None
    draft.journal.append(deleted(case, side, now, origin=left[0].side if ours else None, note=note, by=by))
    told = Entry(at=now, flow=case.flow.name, link=case.link.id, ref=left[0], action="resting", note=f"{ref}: {note}")
    draft.journal.append(replace(told, by=by))
    draft.fulfilled += [wish.seq] if wish is not None else []
    if ours:
        worker.result.flows[case.flow.name].deleted[side] += 1


def _void(worker: Worker, wish: Wish, why: str, mend: str = "") -> None:
    """It is not done, and no longer wished."""
    draft, side = worker.draft, str(wish.side)
    ref = Ref(wish.flow, side, wish.members[side])
    link = worker.setup.store.links_of([ref]).get(ref)
    note = f"not deleted again: {why}"
    entry = Entry(at=worker.setup.now(), flow=wish.flow, link=link, ref=ref, action="void", note=note)
    entry = replace(entry, by=wish.by)
    draft.journal.append(entry)
    draft.fulfilled.append(wish.seq)
    worker.result.void.append(f"{ref} was {note}" + (f". {mend}" if mend else ""))
