"""One link, or one record that has none yet, with everything that is known of it now."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from syncline.mapping.model import Flow
from syncline.reconcile.merge import Merge
from syncline.reconcile.settle import Told
from syncline.records import Answer, Link, Record, Ref, Row, Shadow, Value, Values
from syncline.store import Arrival
from syncline.store.ids import beginning

_LINKS = uuid.UUID("0b2f6a0e-6f4e-5d8c-9a55-7d1f0c1e5a11")


class Case(Struct, frozen=True, kw_only=True, gc=False):
    """``arrivals``, ``rows`` and ``shadows`` by side. A ``fresh`` link is not remembered yet.

    ``answers`` is what people said of it.
    """

    flow: Flow
    link: Link
    fresh: bool
    arrivals: Mapping[str, Arrival]
    rows: Mapping[str, Row] = {}
    shadows: Mapping[str, Shadow] = {}
    answers: tuple[Answer, ...] = ()
    merge: Merge = Merge()

    @property
    def records(self) -> dict[str, Record]:
        """The records that arrived, by side."""
        return {side: arrival.record for side, arrival in self.arrivals.items() if arrival.record is not None}

    @property
    def gone(self) -> list[str]:
        """The sides whose record is said to be deleted."""
        return [side for side, arrival in self.arrivals.items() if arrival.record is None]

    @property
    def seen(self) -> dict[str, Told]:
        """The version and time that each arrived record told."""
        return {side: Told(version=r.version, modified=r.modified) for side, r in self.records.items()}

    @property
    def versions(self) -> dict[str, str | None]:
        """The version of every member that a write must carry."""
        known = {side: shadow.version for side, shadow in self.shadows.items()}
        return known | {side: told.version for side, told in self.seen.items()}

    @property
    def times(self) -> dict[str, datetime | None]:
        known = {side: shadow.modified for side, shadow in self.shadows.items()}
        return known | {side: told.modified for side, told in self.seen.items()}

    def ref(self, side: str) -> Ref:
        return Ref(self.flow.name, side, self.link.members[side])

    @property
    def refs(self) -> list[Ref]:
        return self.link.refs

    def speaker(self, side: str) -> Ref:
        """The record to be parked when ``side`` cannot be written: one that arrived from elsewhere, if there is one."""
        return next((a.ref for s, a in self.arrivals.items() if s != side), next(iter(self.arrivals.values())).ref)

    @property
    def name(self) -> str:
        """What people call it, in the first side's words."""
        known: dict[str, Value] = {}
        for side in reversed(list(self.flow.sides)):
            known |= self.shadows[side].values if side in self.shadows else {}
            known |= self.rows[side].values if side in self.rows else {}
        return name_of(self.flow, known, next(iter(self.link.members.values())))


def in_order(flow: Flow, members: Mapping[str, str]) -> dict[str, str]:
    """Record ids by side, in the order of the agreement."""
    return {side: members[side] for side in flow.sides if side in members}


def link_id(flow: Flow, members: Mapping[str, str]) -> str:
    """The same for the same records: a link that is made twice, or planned and then made, is one link.

    Links sort as their first records do in a store, and most systems' ids count on: so what comes together stands
    together there, where a first load would touch pages all over it. The ids are UUIDs of version 8 (RFC 9562, 5.8).
    """
    side = next(side for side in flow.sides if side in members)
    begins, same = beginning(members[side]), uuid.uuid5(_LINKS, "\x1f".join((flow.name, side, members[side])))
    return str(uuid.UUID(int=begins >> 12 << 80 | 8 << 76 | (begins & 0xFFF) << 64 | same.int & (1 << 64) - 1))


def name_of(flow: Flow, values: Values, id_: str) -> str:
    """What people call a record: its name, else its strongest key, else its id."""
    simple = [key.properties[0] for key in flow.match if len(key.properties) == 1]
    told = (values.get(name) for name in ("name", *simple))
    return str(next((value for value in told if value is not None), id_))


def group(arrivals: Sequence[Arrival], links: Mapping[str, Link], flow: Flow) -> list[Case]:
    """The arrivals of each link together, in their order."""
    together: dict[str | Ref, dict[str, Arrival]] = {}
    for arrival in arrivals:
        together.setdefault(arrival.link or arrival.ref, {})[arrival.ref.side] = arrival
    return [_case(flow, found, links) for found in together.values()]


def _case(flow: Flow, arrivals: Mapping[str, Arrival], links: Mapping[str, Link]) -> Case:
    first = next(iter(arrivals.values()))
    if first.link is not None:
        return Case(flow=flow, link=links[first.link], fresh=False, arrivals=arrivals)
    members = {first.ref.side: first.ref.id}
    alone = Link(id=link_id(flow, members), flow=flow.name, members=members)
    return Case(flow=flow, link=alone, fresh=True, arrivals=arrivals)
