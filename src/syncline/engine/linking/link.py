"""Match: records that arrived without a link are joined by the keys of the agreement, the strongest first.

What is ambiguous, or only looks alike, is parked with its candidates: a link is never guessed. Nor is a record taken
for new that has a key of one that is linked already: somebody made it twice, or on both sides at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import islice

from msgspec.structs import replace

from syncline.engine.case import in_order, link_id, name_of
from syncline.engine.knowing import match_name
from syncline.engine.linking import returned
from syncline.engine.linking.candidates import MOST, Held, double, listed, park, taken
from syncline.engine.worker import Worker
from syncline.mapping.known import Known
from syncline.mapping.model import Flow, MatchKey
from syncline.mapping.translate import row
from syncline.reconcile.match import Apart, Matched, Suggested, Verdict, candidates, differing, doubles, match, stronger
from syncline.reconcile.match import name_of as key_name
from syncline.records import Link, LinkState, Ref, Value
from syncline.store import Arrival, Cause, Entry, Memory, Store

_PAGE = 1_000


async def link(worker: Worker, flow: Flow) -> None:
    """Join what matches. To be called when every side was listed to the end."""
    unlinked = [await _remember_keys(worker, flow, side) for side in flow.sides]
    if any(unlinked):
        await returned.release(worker, flow)
        await _Matching(worker, flow).run()


async def _remember_keys(worker: Worker, flow: Flow, side: str) -> bool:
    """By what each newly arrived record can be found. Whether there was any, also of before."""
    store, after = worker.setup.store, None
    while page := store.unlinked(flow.name, side, after, _PAGE):
        after = page[-1].ref.id
        fresh = [(arrival.ref, arrival.record) for arrival in page if arrival.due and arrival.record]
        if fresh:
            known = await worker.knowing.to_read(flow, ((side, record) for _, record in fresh))
            rows = {ref: row(flow, side, record, known) for ref, record in fresh}
            store.save(Memory(keys={ref: worker.knowing.keys(flow, side, told) for ref, told in rows.items()}))
    return after is not None


class _Matching:
    """One round over what arrived without a link in one flow.

    Whoever is parked here is judged again in every round, so that it goes on as soon as the reason is gone; what was
    unlinked by a person is a candidate for others, and otherwise left to people.
    """

    def __init__(self, worker: Worker, flow: Flow) -> None:
        self._worker = worker
        self._store: Store = worker.setup.store
        self._flow = flow
        causes: tuple[Cause, ...] = ("ambiguous", "suggested", "unlinked")
        parked = (each for cause in causes for each in self._store.parked(flow.name, cause) if each.link is None)
        self._parked = {each.ref: each for each in parked}
        self._unlinked = {ref for ref, each in self._parked.items() if each.cause == "unlinked"}
        self._held: set[Ref] = set()
        writable = {name for name, side in flow.sides.items() if side.write}
        self._makers = {side for side in flow.sides if writable - {side}}
        """The sides whose new records are made elsewhere."""

    async def run(self) -> None:
        for key in self._flow.match:
            for groups in self._store.alike(self._flow.name, match_name(key_name(key))):
                free = [(value, [ref for ref in refs if ref not in self._held]) for value, refs in groups]
                await self._match(key, free)
                self._worker.draft.save()
        for key in (key for key in self._flow.match if not key.suggest):
            for groups in self._store.contested(self._flow.name, self._flow.sides, match_name(key_name(key))):
                await self._contest(key, groups)
                self._worker.draft.save()
        self._let_go()
        self._worker.draft.save()

    # --- records without a link, among each other

    async def _match(self, key: MatchKey, found: Iterable[tuple[Value, list[Ref]]]) -> None:
        groups = {value: refs for value, refs in found if len({ref.side for ref in refs}) > 1}
        taken = self._taken(key, groups)
        everybody = [ref for refs in groups.values() for ref in refs]
        apart, told = self._store.apart(everybody), self._told(key, everybody)
        verdicts = [
            verdict
            for value, refs in groups.items()
            for verdict in match(key, refs, _among(apart, refs), told)
            if not (value in taken and isinstance(verdict, Matched))
        ]
        arrivals = self._store.arrivals([ref for verdict in verdicts for ref in _refs(self._flow, verdict)])
        held: list[Held] = []
        for verdict in verdicts:
            refs = _refs(self._flow, verdict)
            if isinstance(verdict, Matched) and not self._unlinked.intersection(refs):
                members = in_order(self._flow, verdict.members)
                link = Link(id=link_id(self._flow, members), flow=self._flow.name, members=members)
                self._link(key, link, {ref.side: arrivals[ref] for ref in refs})
            else:
                held += self._hold(key, verdict, refs, arrivals, apart)
        await park(self._worker, self._flow, held, arrivals, {})

    def _told(self, key: MatchKey, refs: Collection[Ref]) -> dict[Ref, dict[str, Value]]:
        """What these have of the keys that are stronger, strongest first."""
        names = {name: match_name(name) for name in stronger(self._flow, key)}
        found = self._store.told_keys(refs, list(names.values()))
        return {ref: {name: of[kept] for name, kept in names.items() if kept in of} for ref, of in found.items()}

    def _taken(self, key: MatchKey, groups: Mapping[Value, Collection[Ref]]) -> Collection[Value]:
        """The values that a link has already, where what has arrived with them is not on every side: elsewhere it would
        be made once more.
        """
        partial = [value for value, refs in groups.items() if len({ref.side for ref in refs}) < len(self._flow.sides)]
        if not partial or key.suggest:
            return ()
        linked, _ = self._linked_by(key, partial)
        return {value for value, refs in linked.items() if refs}

    def _link(self, key: MatchKey, link: Link, arrivals: Mapping[str, Arrival]) -> None:
        """``arrivals`` are those of the members that had no link, by side."""
        flow, worker = self._flow, self._worker
        versions = {side: a.record.version if a.record else None for side, a in arrivals.items()}
        if not worker.gate.link(flow.name, link, versions, key_name(key), _name(flow, arrivals)):
            return
        make_link(worker, link, arrivals.values(), f"by {key_name(key)}")
        worker.result.flows[flow.name].linked += 1

    def _hold(
        self, key: MatchKey, verdict: Verdict, refs: Sequence[Ref], arrivals: Mapping[Ref, Arrival], apart: Apart
    ) -> list[Held]:
        """What is to be parked of one group; nothing where nothing is new."""
        self._held.update(refs)
        is_suggested = isinstance(verdict, Suggested)
        reason = "looks like the same record by" if is_suggested else "several records have the same"
        though = f", though {verdict.though} differs" if isinstance(verdict, Suggested) and verdict.though else ""
        mend = (
            "Say which are the same (syncline link), which are not (syncline parked apart), or make the values differ."
        )
        among = _among(apart, refs)
        held = [
            Held(
                ref=ref,
                cause="suggested" if is_suggested else "ambiguous",
                message=f"{reason} {key_name(key)}{though}: {listed([other for other in refs if other != ref])}",
                mend=mend,
                candidates=tuple(islice(candidates(ref, refs, among), MOST)),
            )
            for ref in refs
            if ref not in self._unlinked
        ]
        is_news = any(arrivals[ref].due for ref in refs)
        return [each for each in held if is_news or not each.is_parked(self._parked.get(each.ref))]

    # --- records without a link, against those that have one

    async def _contest(self, key: MatchKey, groups: Sequence[tuple[Value, tuple[Ref, ...]]]) -> None:
        """A record is new only if none of its side or another has its key already."""
        refs = [ref for _, sharing in groups for ref in sharing]
        linked, links = self._linked_by(key, [value for value, _ in groups])
        apart = self._store.apart(refs)
        arrivals = self._store.arrivals(refs)
        told = self._told(key, [*refs, *links])
        held: list[Held] = []
        for value, sharing in groups:
            free = [ref for ref in sharing if ref.side in self._makers and ref not in self._held | self._unlinked]
            sides = Counter(ref.side for ref in sharing)
            for ref in free:
                rivals = _rivals(ref, linked.get(value, ()), links, apart)
                alone = len(rivals) == 1 and sides[ref.side] == 1
                same = alone and not differing(told.get(each, {}) for each in (ref, rivals[0]))
                if same and self._may_join(links[rivals[0]], ref):
                    self._held.add(ref)
                    link = links[rivals[0]]
                    joined = replace(link, members=in_order(self._flow, {**link.members, ref.side: ref.id}))
                    self._link(key, joined, {ref.side: arrivals[ref]})
                    links |= dict.fromkeys(joined.refs, joined)
                elif rivals:
                    self._held.add(ref)
                    held.append(taken(key, ref, rivals, links))
            free = [ref for ref in free if ref not in self._held]
            for ref, first in doubles(free, _among(apart, free)).items():
                self._held.add(ref)
                held.append(double(key, ref, first))
        news = [each for each in held if arrivals[each.ref].due or not each.is_parked(self._parked.get(each.ref))]
        await park(self._worker, self._flow, news, arrivals, links)

    def _may_join(self, link: Link, ref: Ref) -> bool:
        """Whether the link lacks just such a record: it could not be made there, and somebody has."""
        if link.state is not LinkState.ACTIVE or ref.side in link.members:
            return False
        is_going = any(arrival.record is None for arrival in self._store.arrivals(link.refs).values())
        return not is_going and link.id not in {intent.link for intent in self._store.open_intents()}

    def _linked_by(self, key: MatchKey, values: Collection[Value]) -> tuple[dict[Value, list[Ref]], dict[Ref, Link]]:
        """The linked records that have one of these values, by value, and the link of each."""
        found: dict[Value, list[Ref]] = {}
        for side in self._flow.sides:
            for value, refs in self._store.by_key(self._flow.name, side, match_name(key_name(key)), values).items():
                found.setdefault(value, []).extend(refs)
        ids = self._store.links_of([ref for refs in found.values() for ref in refs])
        links = self._store.links(ids.values())
        of = {ref: links[id_] for ref, id_ in ids.items()}
        return {value: [ref for ref in refs if ref in of] for value, refs in found.items()}, of

    # --- what is no longer parked

    def _let_go(self) -> None:
        """Who was parked for a reason that is gone goes on; who was unlinked waits for a person, also when edited."""
        draft = self._worker.draft
        for ref, arrival in self._store.arrivals(self._parked).items():
            if arrival.link is not None:
                continue
            if ref in self._unlinked:
                if arrival.record is not None and arrival.due is not None:
                    draft.arrivals[ref] = replace(arrival, due=None)
            elif ref not in self._held:
                draft.released.append(ref)
                draft.arrivals[ref] = replace(arrival, due=arrival.due or arrival.seen, attempts=0)


def make_link(worker: Worker, link: Link, arrivals: Iterable[Arrival], note: str, by: str | None = None) -> None:
    """The records are one: they are due, and no longer parked, nor is who waits for them."""
    draft, now = worker.draft, worker.setup.now()
    draft.links[link.id] = link
    refs = sorted(link.refs)
    draft.released += refs
    draft.woken += refs
    draft.arrivals |= {a.ref: replace(a, due=a.seen, attempts=0) for a in arrivals if a.due is None}
    told = Entry(at=now, flow=link.flow, link=link.id, ref=None, action="linked", note=note, by=by)
    draft.journal += (replace(told, ref=ref) for ref in refs)


def _refs(flow: Flow, verdict: Verdict) -> list[Ref]:
    if isinstance(verdict, Matched):
        return [Ref(flow.name, side, id_) for side, id_ in verdict.members.items()]
    return list(verdict.refs)


def _among(apart: Apart, refs: Collection[Ref]) -> Apart:
    """Those pairs of which both are among these."""
    if not apart:
        return ()
    known = set(refs)
    return {pair for pair in apart if pair <= known}


def _rivals(ref: Ref, linked: Iterable[Ref], links: Mapping[Ref, Link], apart: Apart) -> list[Ref]:
    """One record of each link whose key the record has; on another side, if there is one. Whoever is apart from one
    member of a link is apart from the link.
    """
    found: dict[str, Ref] = {}
    for other in sorted(linked, key=lambda other: (other.side == ref.side, other)):
        link = links[other]
        if link.id not in found and not any(frozenset((ref, member)) in apart for member in link.refs):
            found[link.id] = other
    return list(found.values())


def _name(flow: Flow, arrivals: Mapping[str, Arrival]) -> str:
    """What people call it, by the first side: read without asking what it refers to."""
    side = next(side for side in flow.sides if side in arrivals)
    arrival = arrivals[side]
    values = row(flow, side, arrival.record, Known()).values if arrival.record else {}
    return name_of(flow, values, arrival.ref.id)
