"""Match: records that arrived without a link are joined by the keys of the agreement, the strongest first.

What is ambiguous, or only looks alike, is parked with its candidates: a link is never guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from syncline.engine.case import link_id, name_of
from syncline.engine.knowing import match_name
from syncline.engine.worker import Worker
from syncline.mapping.known import Known
from syncline.mapping.model import Flow, MatchKey
from syncline.mapping.translate import row
from syncline.reconcile.match import Ambiguous, Matched, Suggested, match
from syncline.reconcile.match import name_of as key_name
from syncline.records import Link, Ref, Value
from syncline.store import Arrival, Cause, Entry, Memory

_PAGE = 1_000


async def link(worker: Worker, flow: Flow) -> None:
    """Join what matches. To be called when every side was listed to the end."""
    for side in flow.sides:
        await _remember_keys(worker, flow, side)
    held: set[Ref] = set()
    for key in flow.match:
        after: Value = None
        while groups := worker.setup.store.alike(flow.name, match_name(key_name(key)), after):
            after = groups[-1][0]
            _join(worker, flow, key, [[ref for ref in refs if ref not in held] for _, refs in groups], held)
            worker.draft.save()


async def _remember_keys(worker: Worker, flow: Flow, side: str) -> None:
    """By what each newly arrived record can be found."""
    store, after = worker.setup.store, None
    while page := store.unlinked(flow.name, side, after, _PAGE):
        after = page[-1].ref.id
        fresh = [(arrival.ref, arrival.record) for arrival in page if arrival.due and arrival.record]
        if fresh:
            known = await worker.knowing.to_read(flow, ((side, record) for _, record in fresh))
            rows = {ref: row(flow, side, record, known) for ref, record in fresh}
            store.save(Memory(keys={ref: worker.knowing.keys(flow, side, told) for ref, told in rows.items()}))


def _join(worker: Worker, flow: Flow, key: MatchKey, groups: Iterable[list[Ref]], held: set[Ref]) -> None:
    verdicts = [(refs, match(key, refs)) for refs in groups]
    arrivals = worker.setup.store.arrivals([ref for refs, verdict in verdicts if verdict for ref in refs])
    for refs, verdict in verdicts:
        match verdict:
            case Matched(members):
                _link(worker, flow, key, members, {ref.side: arrivals[ref] for ref in refs})
            case Ambiguous():
                message = f"several records have the same {key_name(key)}"
                _park(worker, flow, "ambiguous", message, refs, arrivals, held)
            case Suggested():
                message = f"looks like the same record by {key_name(key)}"
                _park(worker, flow, "suggested", message, refs, arrivals, held)
            case None:
                pass


def _link(
    worker: Worker, flow: Flow, key: MatchKey, members: Mapping[str, str], arrivals: Mapping[str, Arrival]
) -> None:
    ordered = {side: members[side] for side in flow.sides if side in members}
    link = Link(id=link_id(flow, ordered), flow=flow.name, members=ordered)
    versions = {side: a.record.version if a.record else None for side, a in arrivals.items()}
    if not worker.gate.link(flow.name, link, versions, key_name(key), _name(flow, arrivals, ordered)):
        return
    draft, now = worker.draft, worker.setup.now()
    draft.links[link.id] = link
    refs = [arrival.ref for arrival in arrivals.values()]
    draft.released += refs
    draft.woken += refs
    draft.arrivals |= {a.ref: replace(a, due=a.seen, attempts=0) for a in arrivals.values() if a.due is None}
    worker.result.flows[flow.name].linked += 1
    note = f"by {key_name(key)}"
    draft.journal += (
        Entry(at=now, flow=flow.name, link=link.id, ref=ref, action="linked", note=note) for ref in sorted(refs)
    )


def _name(flow: Flow, arrivals: Mapping[str, Arrival], members: Mapping[str, str]) -> str:
    """What people call it: read without asking what it refers to."""
    side = next(iter(members))
    record = arrivals[side].record
    return name_of(flow, row(flow, side, record, Known()).values if record else {}, members[side])


def _park(
    worker: Worker,
    flow: Flow,
    cause: Cause,
    message: str,
    refs: list[Ref],
    arrivals: Mapping[Ref, Arrival],
    held: set[Ref],
) -> None:
    held |= set(refs)
    for ref in refs:
        others = [str(other) for other in refs if other != ref]
        worker.draft.again([arrivals[ref]], None)
        worker.draft.park(
            ref,
            cause,
            f"{message}: {', '.join(others)}",
            "Say which are the same (syncline parked join), or make the values differ.",
            at=worker.setup.now(),
            details={"candidates": others},
        )
