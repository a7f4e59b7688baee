"""Properties that a side emptied, or set alike, across much of a flow at once: held before anything of it is written.

Ordinarily nothing is looked at but two counts: only where many linked records of a side are due at once are they gone
through. While a property is held it counts as not told; everything else of the records goes on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Literal

from msgspec import UNSET
from msgspec.structs import replace

from syncline.engine.knowing import Knowing
from syncline.engine.people import releasing
from syncline.engine.setup import Setup
from syncline.engine.worker import Worker
from syncline.mapping.model import Flow
from syncline.mapping.translate import row
from syncline.reconcile.breaker import FEW, SHARE, Count, Name, Tally, trips
from syncline.reconcile.restored import put_back_only
from syncline.records import Row, Shadow, Values
from syncline.store import Entry, Hold, Memory, Store

_PAGE = 1_000


async def check(worker: Worker) -> None:
    """Hold what trips, and tell the worker of all that is held."""
    setup, knowing = worker.setup, worker.knowing
    occupied = setup.store.occupied(setup.flows)
    for flow in (flow for name, flow in setup.flows.items() if name in occupied):
        for side in flow.sides:
            edited = setup.store.edited(flow.name, side)
            if edited <= FEW or edited <= (linked := setup.store.linked(flow.name, side)) * SHARE:
                continue
            known = {(h.within, h.property) for h in setup.store.holds() if (h.flow, h.side) == (flow.name, side)}
            counts = await _count(setup, knowing, flow, side)
            tripped = {n: count for n, count in counts.items() if n not in known and trips(count, linked)}
            _hold(setup, flow, side, tripped, linked)
    worker.holds = setup.store.holds()


async def _count(setup: Setup, knowing: Knowing, flow: Flow, side: str) -> Mapping[Name, Count]:
    tally, after = Tally(), None
    while page := setup.store.edited_arrivals(flow.name, side, after, _PAGE):
        after = page[-1].ref.id
        records = [(side, arrival.record) for arrival in page if arrival.record is not None]
        known = await knowing.to_read(flow, records)
        shadows = setup.store.shadows([arrival.link for arrival in page if arrival.link])
        for arrival in page:
            shadow = shadows.get((arrival.link or "", side))
            if shadow is not None and arrival.record is not None:
                tally.add(flow, side, row(flow, side, arrival.record, known), shadow)
    return tally.counts


def _hold(setup: Setup, flow: Flow, side: str, tripped: Mapping[Name, Count], linked: int) -> None:
    now = setup.now()
    holds = [
        Hold(
            flow=flow.name,
            side=side,
            property=name,
            within=within,
            changed=count.changed,
            blanked=count.blanked,
            linked=linked,
            since=now,
        )
        for (within, name), count in tripped.items()
    ]
    setup.store.save(Memory(holds=holds, journal=[_entry(hold, now, words(hold)) for hold in holds]))


def words(hold: Hold) -> str:
    """What happened, for people."""
    what = f"{hold.blanked} emptied" if hold.blanked * 2 > hold.changed else f"{hold.changed} changed alike"
    return f"{hold.property} of {hold.flow} in {hold.side}: {what} at once, of {hold.linked}"


def _entry(hold: Hold, at: datetime, note: str, by: str | None = None) -> Entry:
    told = Entry(at=at, flow=hold.flow, link=None, ref=None, action="held", property=hold.property, note=note)
    return replace(told, by=by)


# --- while it is held


def to_merge(
    holds: Iterable[Hold], flow: Flow, rows: Mapping[str, Row], shadows: Mapping[str, Shadow]
) -> tuple[dict[str, Row], dict[str, Shadow]]:
    """What is held is not told; what was rejected is put back."""
    all_rows, all_shadows = dict(rows), dict(shadows)
    for hold in holds:
        if hold.flow != flow.name or hold.side not in all_rows:
            continue
        if hold.state == "held":
            all_rows[hold.side] = _without(all_rows[hold.side], hold)
        elif hold.state == "rejected" and hold.side in all_shadows:
            all_rows, all_shadows = put_back_only(hold.side, hold.within, hold.property, all_rows, all_shadows)
    return all_rows, all_shadows


def _without(told: Row, hold: Hold) -> Row:
    def rest(values: Values) -> Values:
        return {name: value for name, value in values.items() if name != hold.property}

    if hold.within == "header":
        return replace(told, values=rest(told.values))
    lines = told.lines
    return told if lines is UNSET else replace(told, lines=tuple(replace(x, values=rest(x.values)) for x in lines))


# --- what a person says


def decide(
    store: Store, holds: Iterable[Hold], state: Literal["passed", "rejected"], now: datetime, by: str | None = None
) -> None:
    """Let through or put back: these sides are listed whole again, so that the edits are seen again; those that are
    held back for another reason are tried again with it.
    """
    chosen = [replace(hold, state=state) for hold in holds]
    cursors = {(hold.flow, hold.side): None for hold in chosen}
    journal = [_entry(hold, now, f"{state} by a person: {words(hold)}", by) for hold in chosen]
    flows = dict.fromkeys(hold.flow for hold in chosen)
    held_back = [p for flow in flows for p in store.parked(flow) if p.link and p.cause != "unknown"]
    arrivals = releasing.of_parked(store, held_back, now)
    store.save(Memory(holds=chosen, cursors=cursors, arrivals=arrivals, journal=journal))


def end(setup: Setup) -> None:
    """What people said holds until everything was seen and done."""
    over = [h for h in setup.store.holds() if h.state != "held"]
    if over and all(setup.store.next_due(flow) is None for flow in setup.flows):
        setup.store.save(Memory(lifted=[(h.flow, h.side, h.within, h.property) for h in over]))
