"""How the flows stand, as the overview shows it."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta

from msgspec import Struct

from syncline.console.desk import Desk
from syncline.console.plot import HOURS, Plot, plot
from syncline.engine.spending import Spending, spending
from syncline.store import Delay

MOST = 10_000
"""What is due is counted up to here: more is told as more."""


class Line(Struct, frozen=True, kw_only=True):
    """A flow. ``lag`` is for how long the longest due record has been due, ``None`` where none is; ``plot`` its day."""

    flow: str
    linked: int
    resting: int
    completed: int
    due: int
    more_due: bool
    waiting: int
    parked: int
    lag: timedelta | None
    last: datetime | None
    plot: Plot


class Asked(Struct, frozen=True, kw_only=True):
    """How much of what a system may be asked was asked of late; ``None`` before the first pass."""

    title: str
    spending: Spending | None


class Overview(Struct, frozen=True, kw_only=True):
    """``worker`` is the process that works on the store and its command; ``seq`` the last entry of the journal."""

    lines: tuple[Line, ...]
    asked: tuple[Asked, ...]
    worker: tuple[int, str] | None
    held: int
    seq: int
    at: datetime


def overview(desk: Desk) -> Overview:
    now, store = desk.now(), desk.store
    by_flow: defaultdict[str, dict[datetime, Delay]] = defaultdict(dict)
    for each in store.delays(now - timedelta(hours=HOURS)):
        by_flow[each.flow][each.hour] = each
    return Overview(
        lines=tuple(_line(desk, flow, now, plot(by_flow[flow], now)) for flow in desk.flows),
        asked=tuple(_asked(desk, side) for side in desk.project.sides),
        worker=store.worker(),
        held=len(store.holds()),
        seq=store.newest(),
        at=now,
    )


def _asked(desk: Desk, side: str) -> Asked:
    return Asked(title=desk.project.systems[side].title, spending=spending(desk.store, side))


def _line(desk: Desk, flow: str, now: datetime, drawn: Plot) -> Line:
    standing = desk.store.standing(flow, now, MOST + 1)
    parked = dict(standing.parked)
    waiting = parked.pop("waiting", 0)
    return Line(
        flow=flow,
        linked=standing.linked,
        resting=standing.resting,
        completed=standing.completed,
        due=min(standing.due, MOST),
        more_due=standing.due > MOST,
        waiting=waiting,
        parked=sum(parked.values()),
        lag=None if standing.behind is None else now - standing.behind,
        last=standing.last,
        plot=drawn,
    )
