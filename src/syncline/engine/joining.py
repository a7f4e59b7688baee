"""A person says which records are the same, where no key can tell."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from msgspec.structs import replace

from syncline.engine.case import link_id
from syncline.mapping.model import Flow
from syncline.records import Link, Ref
from syncline.store import Entry, Memory, Store


class CannotJoin(Exception):
    """These records cannot be one link: which, and why."""


def join(store: Store, flow: Flow, refs: Collection[Ref], now: datetime) -> Link:
    """Link these records, of which none has a link. The next pass brings them in step. Raises `CannotJoin`."""
    members = {ref.side: ref.id for ref in refs}
    if len(members) < 2 or len(members) < len(refs):
        told = ", ".join(map(str, refs))
        raise CannotJoin(f"A link takes one record of each side, and these are: {told}.")
    for ref in store.links_of(refs):
        raise CannotJoin(f"{ref} has a link already.")
    arrivals = store.arrivals(refs)
    for ref in refs:
        if ref not in arrivals:
            raise CannotJoin(f"{ref} was not seen yet, or has been worked off.")
    ordered = {side: members[side] for side in flow.sides if side in members}
    link = Link(id=link_id(flow, ordered), flow=flow.name, members=ordered)
    store.save(
        Memory(
            links=[link],
            arrivals=[replace(arrival, due=now, attempts=0) for arrival in arrivals.values()],
            released=list(refs),
            woken=list(refs),
            journal=[
                Entry(at=now, flow=flow.name, link=link.id, ref=ref, action="linked", note="by a person")
                for ref in sorted(refs)
            ],
        )
    )
    return link
