"""Deletions that a system does not tell: a scan of all ids shows which linked records are no longer there.

A scan only says "look here": each record is asked for by its id before anything is done (`engine/deletions.py`). And
when much of a side is gone at once, something else is likely wrong: a filter, a permission, a restored backup. Then all
stops.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from syncline.engine.setup import EngineError, Setup, view
from syncline.mapping.model import Flow
from syncline.records import Ref
from syncline.store import Arrival, Memory

EVERY = timedelta(hours=1)
_OVERDUE = ""
WINDOW = timedelta(days=1)
"""How far back deletions are counted together: a side that is emptied bit by bit is emptied, too."""
_PAGE = 1_000
_SHARE = 0.2
_FEW = 10
"""So many deletions at once alarm nobody, whatever their share."""


class TooManyDeleted(EngineError):
    """A side is said to have lost more of a flow than a person would delete. Nothing was done about it."""


def scanned(setup: Setup, flow: Flow, side: str) -> None:
    """The side has just been listed whole."""
    setup.store.save(Memory(facts={_fact(flow, side): setup.now().isoformat()}))


def overdue(flow: Flow, side: str) -> dict[str, str]:
    """The fact that a scan is due, whether the side tells its deletions or not."""
    return {_fact(flow, side): _OVERDUE}


def is_due(setup: Setup, flow: Flow, side: str) -> bool:
    """Whether it is time for a scan: of a side that does not tell its deletions, or once could not."""
    last = setup.store.fact(_fact(flow, side))
    if last == _OVERDUE or setup.systems[side].capabilities.deletions:
        return last == _OVERDUE
    return last is None or setup.now() - datetime.fromisoformat(last) >= EVERY


async def scan(setup: Setup, flow: Flow, side: str) -> None:
    """Note every linked record that the side no longer lists. Raises `ConnectorError`."""
    with setup.store.census(flow.name, side) as census:
        async for ids in setup.systems[side].ids(view(flow, side)):
            census.listed(ids)
        after: str | None = None
        while absent := census.absent(after, _PAGE):
            after, now = absent[-1], setup.now()
            refs = (Ref(flow.name, side, id_) for id_ in absent)
            setup.store.save(Memory(arrivals=[Arrival(ref=ref, record=None, seen=now, due=now) for ref in refs]))
    scanned(setup, flow, side)


def check_share(setup: Setup, wanted: Mapping[str, str]) -> None:
    """Raises `TooManyDeleted`. ``wanted`` is what was said of sides that were brought back from a backup."""
    occupied = setup.store.occupied(setup.flows)
    for flow in (flow for name, flow in setup.flows.items() if name in occupied):
        for side in flow.sides:
            if wanted.get(side) == "repair":
                continue  # what is gone there is created again
            gone = setup.store.gone(flow.name, side)
            if not gone:
                continue
            allowed = setup.store.fact(_allowed(flow, side))
            since = setup.now() - WINDOW
            since = max(since, datetime.fromisoformat(allowed)) if allowed else since
            parked, deleted = setup.store.gone_since(flow.name, side, since)
            lost = gone + parked + deleted
            linked = setup.store.linked(flow.name, side) + deleted
            if lost > _FEW and lost > linked * _SHARE:
                before = f", {parked + deleted} of them in the last day" if parked + deleted else ""
                raise TooManyDeleted(
                    f"{side} no longer has {lost} of {linked} linked {flow.name}{before}. Nothing was done.",
                    "If they were deleted on purpose: syncline sync --allow-deletions.",
                )


def allow(setup: Setup) -> None:
    """What was deleted until now was deleted on purpose: only what comes after it counts."""
    now = setup.now().isoformat()
    facts = {_allowed(flow, side): now for flow in setup.flows.values() for side in flow.sides}
    setup.store.save(Memory(facts=facts))


def _allowed(flow: Flow, side: str) -> str:
    return f"{flow.name} deleted on purpose on {side}"


def _fact(flow: Flow, side: str) -> str:
    return f"{flow.name} scanned on {side}"
