"""What is held back until a person acts is due again, with everything else that is held back of the same links."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from msgspec.structs import replace

from syncline.records import Link, Ref
from syncline.store import Arrival, Memory, Parked, Store


def of_parked(store: Store, parked: Sequence[Parked], now: datetime) -> list[Arrival]:
    """What is held back of these records and of their links, as due."""
    links = store.links([each.link for each in parked if each.link]).values()
    return _due(store, [*(each.ref for each in parked), *(ref for link in links for ref in link.refs)], now)


def of_links(store: Store, links: Iterable[Link], now: datetime) -> list[Arrival]:
    """What is held back of these links, as due."""
    return _due(store, [ref for link in links for ref in link.refs], now)


def retry(store: Store, parked: Sequence[Parked], now: datetime) -> None:
    """The next pass tries them."""
    store.save(Memory(arrivals=of_parked(store, parked, now), released=[each.ref for each in parked]))


def _due(store: Store, refs: Collection[Ref], now: datetime) -> list[Arrival]:
    return [replace(each, due=now, attempts=0) for each in store.arrivals(refs).values() if each.due is None]
