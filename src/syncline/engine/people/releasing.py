"""What is held back until a person acts is due again, with everything else that is held back of the same links."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from msgspec.structs import replace

from syncline.records import Link, Ref
from syncline.store import Arrival, Entry, Memory, Parked, Store


def of_parked(store: Store, parked: Sequence[Parked], now: datetime) -> list[Arrival]:
    """What is held back of these records and of their links, as due."""
    links = store.links([each.link for each in parked if each.link]).values()
    return _due(store, [*(each.ref for each in parked), *(ref for link in links for ref in link.refs)], now)


def of_links(store: Store, links: Iterable[Link], now: datetime) -> list[Arrival]:
    """What is held back of these links, as due."""
    return _due(store, [ref for link in links for ref in link.refs], now)


def retry(store: Store, parked: Sequence[Parked], now: datetime, by: str | None = None) -> None:
    """The next pass tries them."""
    journal = [
        Entry(at=now, flow=p.ref.flow, link=p.link, ref=p.ref, action="retried", note=f"was parked: {p.cause}", by=by)
        for p in parked
    ]
    arrivals = of_parked(store, parked, now)
    store.save(Memory(arrivals=arrivals, released=[each.ref for each in parked], journal=journal))


def _due(store: Store, refs: Collection[Ref], now: datetime) -> list[Arrival]:
    return [replace(each, due=now, attempts=0) for each in store.arrivals(refs).values() if each.due is None]
