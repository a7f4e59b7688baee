"""Records that may be the same as others: parked with those others, how alike they are, and why."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict, replace

from syncline.engine.case import group, name_of
from syncline.engine.worker import Worker
from syncline.mapping.model import Flow, MatchKey
from syncline.mapping.translate import row
from syncline.reconcile.likeness import likeness
from syncline.reconcile.match import name_of as key_name
from syncline.records import Link, Ref, Row, Values
from syncline.store import Arrival, Cause, Parked

MOST = 20
"""Candidates that are looked at closely: a value that more records share tells none from the others."""
_NAMED = 5


class Held(Struct, frozen=True, kw_only=True):
    """A record that is to be parked, with those it may be the same as."""

    ref: Ref
    cause: Cause
    message: str
    mend: str
    candidates: tuple[Ref, ...]

    def is_parked(self, parked: Parked | None) -> bool:
        """Whether it is parked for just this already."""
        if parked is None or (parked.cause, parked.message) != (self.cause, self.message):
            return False
        told = {candidate["record"] for candidate in parked.details.get("candidates", ())}
        return told == {str(ref) for ref in self.candidates}


async def park(
    worker: Worker, flow: Flow, held: Sequence[Held], arrivals: Mapping[Ref, Arrival], links: Mapping[Ref, Link]
) -> None:
    """Park these; ``links`` are those of candidates that have one."""
    if not held:
        return
    rows = await _rows(worker, flow, {ref for each in held for ref in (each.ref, *each.candidates)}, arrivals, links)
    for each in held:
        arrival = arrivals[each.ref]
        told = rows[each.ref]
        worker.draft.again([arrival], None)
        worker.draft.park(
            each.ref,
            each.cause,
            each.message,
            each.mend,
            at=worker.setup.now(),
            details={"candidates": [c for _, c in sorted(_candidates(flow, each, told, rows), key=_best_first)]},
        )
        (case,) = group([arrival], {}, flow)
        worker.gate.parked(replace(case, rows={each.ref.side: Row(values=told)}), each.message)


def _candidates(
    flow: Flow, held: Held, told: Values, rows: Mapping[Ref, Values]
) -> Iterable[tuple[tuple[int, str], dict[str, Any]]]:
    for other in held.candidates:
        found = likeness(flow, held.ref.side, told, other.side, rows[other])
        yield (
            (-found.score, str(other)),
            {
                "record": str(other),
                "name": name_of(flow, rows[other], other.id),
                "score": found.score,
                "same": list(found.same),
                "differ": [asdict(each) for each in found.differ],
            },
        )


async def _rows(
    worker: Worker, flow: Flow, refs: Collection[Ref], arrivals: Mapping[Ref, Arrival], links: Mapping[Ref, Link]
) -> dict[Ref, Values]:
    """What is known of these: as they arrived, or as they were last known to be."""
    arrived = dict(arrivals) | worker.setup.store.arrivals([r for r in refs if r not in arrivals and r not in links])
    records = {ref: arrived[ref].record for ref in refs if ref in arrived}
    there = {ref: record for ref, record in records.items() if record is not None}
    known = await worker.knowing.to_read(flow, ((ref.side, record) for ref, record in there.items()))
    rows = {ref: row(flow, ref.side, record, known).values for ref, record in there.items()}
    shadows = worker.setup.store.shadows([links[ref].id for ref in refs if ref in links])
    for ref in refs:
        if ref not in rows:
            shadow = shadows.get((links[ref].id, ref.side)) if ref in links else None
            rows[ref] = shadow.values if shadow else {}
    return rows


def taken(key: MatchKey, ref: Ref, rivals: Sequence[Ref], links: Mapping[Ref, Link]) -> Held:
    first = rivals[0]
    members = {member.side: member for member in links[first].refs}
    others = [str(member) for member in members.values() if member != first]
    with_whom = f"is linked with {', '.join(others)}" if others else "has a link of its own"
    more = f" (and {len(rivals) - 1} more)" if len(rivals) > 1 else ""
    partner = next((member for side, member in members.items() if side != ref.side), None)
    place = f", or give it the other's place: syncline unlink {first}, then syncline link {ref} {partner}"
    return Held(
        ref=ref,
        cause="ambiguous",
        message=f"has the same {key_name(key)} as {first}, which {with_whom}{more}",
        mend=f"If it is another one: syncline parked apart {ref}. "
        f"If it is the same: delete one of them{place if partner else ''}.",
        candidates=tuple(rivals[:MOST]),
    )


def double(key: MatchKey, ref: Ref, first: Ref) -> Held:
    return Held(
        ref=ref,
        cause="ambiguous",
        message=f"has the same {key_name(key)} as {first}, which is not linked yet",
        mend=f"If it is another one: syncline parked apart {ref}. If it is the same: delete one of them.",
        candidates=(first,),
    )


def listed(refs: Sequence[Ref]) -> str:
    named = ", ".join(map(str, refs[:_NAMED]))
    return f"{named} and {len(refs) - _NAMED} more" if len(refs) > _NAMED else named


def _best_first(candidate: tuple[tuple[int, str], dict[str, Any]]) -> tuple[int, str]:
    return candidate[0]
