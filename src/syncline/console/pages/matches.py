"""Records that may be the same: suggested, or ambiguous, with how alike they are and why."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import Struct
from starlette.responses import Response
from starlette.routing import Route

from syncline.console.views import record_url
from syncline.console.visits import Visit, act, address, page
from syncline.engine.people.joining import CannotJoin, keep_apart, link
from syncline.engine.people.names import ref_of
from syncline.engine.people.words import shown
from syncline.records import Ref
from syncline.store import Parked

_CAUSES = ("suggested", "ambiguous")
_PAGE = 25
_REASONS = 12


class Differing(Struct, frozen=True, kw_only=True):
    """A property of which the two hold different values; ``alike`` is how much texts are, 0 to 99."""

    name: str
    left: str
    right: str
    alike: int | None


class Candidate(Struct, frozen=True, kw_only=True):
    """A record that may be the same one. ``partner`` is with whom it is linked already, if with anybody."""

    ref: str
    name: str
    url: str
    score: int
    same: tuple[str, ...]
    differ: tuple[Differing, ...]
    partner: str


class Match(Struct, frozen=True, kw_only=True):
    """A parked record with its candidates, the most alike first."""

    ref: str
    flow: str
    side: str
    name: str
    url: str
    cause: str
    since: datetime
    message: str
    candidates: tuple[Candidate, ...]


def routes() -> list[Route]:
    return [page("/matches", _matches), act("/matches", _decide, "resolve")]


def _matches(visit: Visit) -> Response:
    store, flow = visit.desk.store, visit.flow()
    cause = visit.asked("cause")
    causes = [cause] if cause in _CAUSES else list(_CAUSES)
    after, name = visit.asked("after"), visit.asked("record")
    ref = ref_of(visit.desk.flows, name) if name else None
    place = None
    if after and ref is not None:
        of, _, since = after.partition(" ")
        try:
            place = (of, datetime.fromisoformat(since), ref)
        except ValueError:
            place = None
    found = store.parked_page(causes, flow, place, _PAGE + 1)
    here, more = found[:_PAGE], ""
    visit.names.know_parked(here)
    if len(found) > _PAGE:
        last = here[-1]
        more = address(
            "/matches", flow=flow, cause=cause, after=f"{last.cause} {last.since.isoformat()}", record=str(last.ref)
        )
    numbers = store.causes()
    total = sum(n for (of, at), n in numbers.items() if of in causes and flow in (None, at))
    return visit.show(
        "matches.html", matches=_once([_match(visit, each) for each in here]), more=more, total=total, flow=flow or ""
    )


def _once(matches: list[Match]) -> list[Match]:
    """Two records that are each other's candidates are parked both, and shown once."""
    shown_: set[frozenset[str]] = set()
    kept = []
    for match in matches:
        pairs = {frozenset((match.ref, candidate.ref)) for candidate in match.candidates}
        if not pairs or not pairs <= shown_:
            kept.append(match)
        shown_ |= pairs
    return kept


def _match(visit: Visit, parked: Parked) -> Match:
    told = parked.details.get("candidates", ())
    refs = {str(c["record"]): ref_of(visit.desk.flows, str(c["record"])) for c in told}
    linked = visit.desk.store.links_of([ref for ref in refs.values() if ref is not None])
    links = visit.desk.store.links(linked.values())
    partners = {ref: links[id_].refs for ref, id_ in linked.items() if id_ in links}
    return Match(
        ref=str(parked.ref),
        flow=parked.ref.flow,
        side=parked.ref.side,
        name=visit.names.of_parked(parked),
        url=record_url(parked.ref),
        cause=parked.cause,
        since=parked.since,
        message=parked.message,
        candidates=tuple(_candidate(visit, parked, c, refs[str(c["record"])], partners) for c in told),
    )


def _candidate(
    visit: Visit, parked: Parked, told: dict[str, Any], ref: Ref | None, partners: dict[Ref, list[Ref]]
) -> Candidate:
    flow = parked.ref.flow
    others = [str(r) for r in partners.get(ref, ()) if r != ref] if ref is not None else []
    return Candidate(
        ref=str(told["record"]),
        name=shown(told["name"]),
        url=record_url(ref) if ref is not None else "",
        score=int(told["score"]),
        same=tuple(told["same"]),
        differ=tuple(
            Differing(
                name=d["property"],
                left=shown(visit.names.value(flow, d["property"], d["left"])),
                right=shown(visit.names.value(flow, d["property"], d["right"])),
                alike=d.get("alike"),
            )
            for d in told["differ"][:_REASONS]
        ),
        partner=", ".join(others) or ("a link of its own" if ref in partners else ""),
    )


def _decide(visit: Visit) -> Response:
    """``do`` is ``link`` or ``apart``; without a candidate, the record is apart from all of its."""
    again = address("/matches", flow=visit.told("flow"))
    refs = [r for name in ("ref", "candidate") if (r := ref_of(visit.desk.flows, visit.told(name) or "")) is not None]
    if not refs or (visit.told("candidate") and len(refs) < 2):
        return visit.back(again, "Say which records are meant.", wrong=True)
    store, now, by = visit.desk.store, visit.desk.now(), visit.session.user
    try:
        if visit.told("do") == "link" and len(refs) == 2:
            link(store, visit.desk.flows[refs[0].flow], refs, now, by)
            return visit.back(again, f"{refs[0]} = {refs[1]}: the next pass links them and brings them in step.")
        others = refs[1:]
        if not others:
            parked = store.parked_refs(refs).get(refs[0])
            others = visit.names.candidates(parked) if parked is not None else []
        if not others:
            return visit.back(again, f"{refs[0]} is not parked for others any more.", wrong=True)
        keep_apart(store, [frozenset((refs[0], other)) for other in others], now, by)
    except CannotJoin as error:
        return visit.back(again, str(error), wrong=True)
    return visit.back(again, "They are never taken for the same. The next pass goes on with them.")
