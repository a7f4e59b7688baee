"""What waiting records wait for in the end, worked out from what is remembered now. No system is asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from syncline.mapping.model import Flow
from syncline.reconcile.waiting import Chain, End, Fate, chain
from syncline.records import Link, LinkState, Ref
from syncline.store import Arrival, Counts, Parked, Store


def chains(store: Store, flows: Mapping[str, Flow], waiting: Iterable[Parked]) -> dict[Ref, Chain]:
    """The chain of each of these that wait."""
    starts = {each.ref: each for each in waiting if each.cause == "waiting"}
    looked = _Looked(store, flows)
    looked.follow(starts.values())
    return {ref: chain(ref, looked.waits, looked.ends) for ref in starts}


def counts(store: Store, flows: Mapping[str, Flow]) -> dict[str, Counts]:
    """How every flow stands. What waits in vain is not waiting: it is parked for a person."""
    found = store.counts()
    waiting = store.parked(cause="waiting") if any(each.waiting for each in found.values()) else ()
    vain = Counter(ref.flow for ref, each in chains(store, flows, waiting).items() if each.endless)
    for flow, number in vain.items():
        known = found[flow]
        found[flow] = replace(known, waiting=known.waiting - number, parked={**known.parked, "waiting": number})
    return found


class _Looked:
    """Everything that some records wait for, looked up step by step."""

    def __init__(self, store: Store, flows: Mapping[str, Flow]) -> None:
        self._store = store
        self._flows = flows
        self.waits: dict[Ref, tuple[Ref, ...]] = {}
        self.ends: dict[Ref, End] = {}

    def follow(self, waiting: Iterable[Parked]) -> None:
        for each in waiting:
            self.waits[each.ref] = each.waits
        new = {ref for refs in self.waits.values() for ref in refs}
        while new := {ref for ref in new if ref not in self.waits and ref not in self.ends}:
            new = self._step(new)

    def _step(self, refs: set[Ref]) -> set[Ref]:
        """What these are, and those that they wait for."""
        store, found = self._store, set[Ref]()
        for ref in refs:
            if known := self._by_key(ref):
                self.waits[ref] = known
                found |= set(known)
        asked = refs - self.waits.keys()
        parked, arrivals, links = store.parked_refs(asked), store.arrivals(asked), store.links_of(asked)
        made = store.links(links.values())
        for ref in asked:
            here = parked.get(ref)
            if here is not None and here.cause == "waiting" and here.waits:
                self.waits[ref] = here.waits
                found |= set(here.waits)
            else:
                self.ends[ref] = self._end(ref, here, arrivals.get(ref), made.get(links.get(ref, "")))
        return found

    def _by_key(self, ref: Ref) -> tuple[Ref, ...]:
        """The records that are meant where one is known by a value only (``companyContact=CT01``)."""
        name, is_key, value = ref.id.partition("=")
        flow = self._flows.get(ref.flow)
        if not is_key or flow is None or name not in flow.properties:
            return ()
        return self._store.by_key(ref.flow, ref.side, name, [value]).get(value, ())

    def _end(self, ref: Ref, parked: Parked | None, arrival: Arrival | None, link: Link | None) -> End:
        flow = self._flows.get(ref.flow)
        if flow is None:
            return End(Fate.NOTHING, "is of a flow that is switched off")
        if parked is not None:
            return End(Fate.PARKED, f"is {parked.cause}: {parked.message}")
        if link is not None:
            lacking = [side for side in flow.sides if side not in link.members]
            if lacking and link.state is LinkState.RESTING:
                return End(Fate.NOTHING, f"has no counterpart in {', '.join(lacking)} any more")
            return End(Fate.COMING, "is linked")
        if arrival is not None:
            gone = arrival.record is None
            return End(Fate.NOTHING, f"was deleted in {ref.side}") if gone else End(Fate.COMING, "is due")
        if not self._store.listed(ref.flow, ref.side):
            return End(Fate.COMING, f"was not seen yet: {ref.side} was not listed to the end")
        return End(Fate.NOTHING, self._unknown(flow, ref))

    def _unknown(self, flow: Flow, ref: Ref) -> str:
        """As much as can be said of a record that no look has shown."""
        if any(entry.action == "deleted" and entry.ref == ref for entry in self._store.history(ref)):
            return f"was deleted in {ref.side}"
        side = flow.sides[ref.side]
        part = f", or takes no part in {flow.name}" if side.where or side.since or side.from_now else ""
        return f"was not in {ref.side} when it was last looked at{part}"
