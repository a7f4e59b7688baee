"""How much of what each system may be asked was asked of late: remembered after each pass, for people to see."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import msgspec
from msgspec import Struct

from syncline.connectors.base import Spends, Spent
from syncline.engine.setup import Setup
from syncline.store import Memory, Store


class Spending(Struct, frozen=True, kw_only=True):
    """What was ``spent`` of a side's requests by then."""

    at: datetime
    spent: Spent


@contextmanager
def remembered(setup: Setup) -> Iterator[None]:
    """Around a pass, however it ends. One that asked nothing leaves what is known as it is."""
    before = _spent(setup)
    try:
        yield
    finally:
        asked = {side: spent for side, spent in _spent(setup).items() if spent != before[side]}
        facts = {
            _name(side): msgspec.json.encode(Spending(at=setup.now(), spent=spent)).decode()
            for side, spent in asked.items()
        }
        if facts:
            setup.store.save(Memory(facts=facts))


def spending(store: Store, side: str) -> Spending | None:
    """The latest that is known; ``None`` before the first pass."""
    told = store.fact(_name(side))
    return None if told is None else msgspec.json.decode(told, type=Spending)


def _spent(setup: Setup) -> dict[str, Spent]:
    return {side: system.spent for side, system in setup.systems.items() if isinstance(system, Spends)}


def _name(side: str) -> str:
    return f"requests to {side}"
