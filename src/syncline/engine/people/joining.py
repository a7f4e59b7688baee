"""A person says which records are the same, where no key can tell, and which are not.

Said at any time, it is a wish; the next pass fulfils it, since nobody else may change links while one is at work.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from syncline.engine.case import in_order, link_id, name_of
from syncline.engine.journal import unlinked
from syncline.engine.linking.link import make_link
from syncline.engine.setup import view
from syncline.engine.worker import Worker
from syncline.mapping.known import Known
from syncline.mapping.model import Flow
from syncline.mapping.translate import row, takes_part
from syncline.records import Link, Record, Ref
from syncline.store import Arrival, Entry, Memory, Store, Wish


class CannotJoin(Exception):
    """What was wished cannot be: which records, and why."""


# --- what people say


def link(store: Store, flow: Flow, refs: Collection[Ref], now: datetime, by: str | None = None) -> dict[str, str]:
    """These records, of which none has a link, are the same; their ids by side. Raises `CannotJoin`."""
    _check_free(store, refs)
    members = {ref.side: ref.id for ref in refs}
    if len(members) < 2 or len(members) < len(set(refs)):
        raise CannotJoin(f"A link takes one record of each side, and these are: {_told(refs)}.")
    ordered = in_order(flow, members)
    for wish in store.wishes():
        for ref in set(refs).intersection(wish.refs if wish.kind == "link" else ()):
            raise CannotJoin(f"{ref} is to be linked by the next pass already: {_told(wish.refs)}.")
    store.save(Memory(wishes=[Wish(kind="link", flow=flow.name, members=ordered, at=now, by=by)]))
    return ordered


def unlink(store: Store, ref: Ref, now: datetime, by: str | None = None) -> Link:
    """The link of this record shall end. Raises `CannotJoin`."""
    id_ = store.links_of([ref]).get(ref)
    if id_ is None:
        raise CannotJoin(f"{ref} has no link.")
    link = store.links([id_])[id_]
    if any(intent.link == id_ for intent in store.open_intents()):
        raise CannotJoin(f"It is not known yet what became of a write to {ref}. The next pass finds out.")
    store.save(Memory(wishes=[Wish(kind="unlink", flow=ref.flow, members=link.members, at=now, by=by)]))
    return link


def keep_apart(
    store: Store, pairs: Collection[frozenset[Ref]], now: datetime, by: str | None = None
) -> list[frozenset[Ref]]:
    """These are different records, whatever their keys say; of those that are linked with each other, who is apart
    from one is apart from all. The pairs that were kept. Raises `CannotJoin`.
    """
    refs = sorted({ref for pair in pairs for ref in pair})
    if len({ref.flow for ref in refs}) > 1:
        raise CannotJoin(f"Only records of one flow may be taken for the same, and these are: {_told(refs)}.")
    links = store.links_of(refs)
    kept = [pair for pair in pairs if len({links.get(ref, ref) for ref in pair}) > 1]
    if not kept:
        raise CannotJoin(f"{_told(refs)} are linked. syncline unlink {refs[0]} ends that, and keeps them apart.")
    journal = [
        Entry(at=now, flow=one.flow, link=links.get(one), ref=one, action="apart", note=str(other), by=by)
        for pair in sorted(map(sorted, kept))
        for one, other in (pair, pair[::-1])
    ]
    store.save(Memory(apart=kept, journal=journal))
    return kept


def _told(refs: Collection[Ref]) -> str:
    return ", ".join(map(str, refs))


def _check_free(store: Store, refs: Collection[Ref]) -> None:
    for ref, id_ in store.links_of(refs).items():
        others = [str(other) for other in store.links([id_])[id_].refs if other != ref]
        with_whom = f" with {', '.join(others)}" if others else ""
        raise CannotJoin(f"{ref} has a link already{with_whom}. syncline unlink {ref} ends it.")


def _pairs(refs: Collection[Ref]) -> list[frozenset[Ref]]:
    return [frozenset((one, other)) for one in refs for other in refs if one < other]


# --- what the pass does about it


async def fulfil(worker: Worker) -> None:
    """Do what people wished; what can no longer be is told. Raises `ConnectorError`: what was not done stays wished."""
    for wish in worker.setup.store.wishes():
        flow = worker.setup.flows.get(wish.flow)
        if wish.kind == "delete":
            continue  # `withdrawing` does it, after the turns
        if flow is None:
            continue  # the flow is switched off: its wishes wait until it is back
        try:
            done = await (_link(worker, flow, wish) if wish.kind == "link" else _unlink(worker, flow, wish))
        except CannotJoin as error:
            worker.result.refuse(str(error))
            done = True
        if done:
            worker.draft.fulfilled.append(wish.seq)
        worker.draft.save()


async def _link(worker: Worker, flow: Flow, wish: Wish) -> bool:
    """Whether it was done; the pass brings the records in step as any two that were just found."""
    refs = wish.refs
    _check_free(worker.setup.store, refs)
    waiting = {ref: a for ref, a in worker.setup.store.arrivals(refs).items() if a.record is not None}
    found = {ref: a.record for ref, a in waiting.items() if a.record is not None}
    found |= await _read(worker, flow, [ref for ref in refs if ref not in waiting])
    for ref in refs:
        if ref not in found:
            raise CannotJoin(f"{ref} cannot be linked: there is no such record.")
    link = Link(id=link_id(flow, wish.members), flow=flow.name, members=wish.members)
    name = name_of(flow, row(flow, refs[0].side, found[refs[0]], Known()).values, refs[0].id)
    versions = {ref.side: found[ref].version for ref in refs}
    if not worker.gate.link(flow.name, link, versions, "a person's word", name):
        return False
    now = worker.setup.now()
    read = {ref: Arrival(ref=ref, record=found[ref], seen=now, due=now) for ref in refs if ref not in waiting}
    worker.draft.arrivals |= read
    make_link(worker, link, waiting.values(), "by a person", wish.by)
    worker.draft.together += _pairs(refs)
    worker.result.flows[flow.name].linked += 1
    return True


async def _unlink(worker: Worker, flow: Flow, wish: Wish) -> bool:
    """Whether it was done. The records wait for a person: none is created anew by itself."""
    store, draft, now = worker.setup.store, worker.draft, worker.setup.now()
    refs = wish.refs
    links = store.links(store.links_of(refs).values())
    link = next((each for each in links.values() if dict(each.members) == dict(wish.members)), None)
    if link is None:
        raise CannotJoin(f"{_told(refs)} are not linked any more.")
    if any(intent.link == link.id for intent in store.open_intents()):
        return False
    found = await _read(worker, flow, refs)
    shadows = store.shadows([link.id])
    draft.unlinks.append(link.id)
    draft.apart += _pairs(refs)
    pending = store.arrivals(refs)
    for ref in refs:
        draft.journal.append(unlinked(link, ref, shadows.get((link.id, ref.side)), now, "by a person", wish.by))
        record = found.get(ref)
        if record is None:
            draft.keys[ref] = {}
        if record is None or record.closed or not takes_part(flow.sides[ref.side], record):
            draft.finish([pending[ref]] if ref in pending else [])
            continue
        draft.arrivals[ref] = Arrival(ref=ref, record=record, seen=now, due=None)
        others = [str(other) for other in refs if other != ref]
        mend = (
            f"Say what it is the same as (syncline link {ref} OTHER), or that it is new (syncline parked retry {ref})."
        )
        draft.park(ref, "unlinked", f"was unlinked from {', '.join(others) or 'nothing'}", mend, at=now)
    return True


async def _read(worker: Worker, flow: Flow, refs: Collection[Ref]) -> dict[Ref, Record]:
    """These as they are now, where they are there."""
    found: dict[Ref, Record] = {}
    for side in flow.sides:
        if ids := [ref.id for ref in refs if ref.side == side]:
            records = await worker.setup.systems[side].get(view(flow, side), ids)
            found |= {Ref(flow.name, side, id_): record for id_, record in records.items()}
    return found
