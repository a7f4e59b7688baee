"""A day of delays as bars: where each stands, for a drawing made here. No script, no style: only shapes and words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from msgspec import Struct

from syncline.engine.people.words import lasts
from syncline.store import Delay

HOURS = 24
WIDTH, HEIGHT = 240, 28
"""Of the drawing, in its own units."""
_GAP = 2


class Bar(Struct, frozen=True, kw_only=True):
    """An hour: ``usual`` is the mean delay, ``longest`` the longest; the rest is where it is drawn."""

    hour: datetime
    writes: int
    usual: timedelta
    longest: timedelta
    x: float
    y: float
    width: float
    height: float


class Plot(Struct, frozen=True, kw_only=True):
    """``summary`` says in words what the drawing shows. Without bars nothing was written all day."""

    bars: tuple[Bar, ...]
    summary: str
    top: timedelta
    width: int = WIDTH
    height: int = HEIGHT


def plot(known: Mapping[datetime, Delay], now: datetime) -> Plot:
    """The last hours up to now, the height of a bar being the mean delay of what was written in that hour."""
    last = now.replace(minute=0, second=0, microsecond=0)
    hours = [last - timedelta(hours=back) for back in reversed(range(HOURS))]
    told = [known.get(hour) for hour in hours]
    means = [each.total / each.writes if each is not None and each.writes else None for each in told]
    top = max((mean for mean in means if mean is not None), default=timedelta(0))
    step = WIDTH / HOURS
    bars = []
    for at, (each, mean) in enumerate(zip(told, means, strict=True)):
        if each is None or mean is None:
            continue
        height = max(2.0, round(HEIGHT * (mean / top if top else 0), 1))
        bars.append(
            Bar(
                hour=each.hour,
                writes=each.writes,
                usual=mean,
                longest=each.longest,
                x=round(at * step, 1),
                y=HEIGHT - height,
                width=step - _GAP,
                height=height,
            )
        )
    return Plot(bars=tuple(bars), summary=_summary(bars), top=top)


def _summary(bars: list[Bar]) -> str:
    if not bars:
        return "Nothing was written in the last 24 hours."
    writes = sum(bar.writes for bar in bars)
    mean = sum((bar.usual * bar.writes for bar in bars), timedelta(0)) / writes
    longest = max(bar.longest for bar in bars)
    return f"{writes:,} written in the last 24 hours, {lasts(mean)} after being seen, at most {lasts(longest)}."
