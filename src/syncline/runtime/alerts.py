"""Of what people are alarmed, decided from what was measured and what they were told before. No I/O, no clock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from msgspec import Struct

from syncline.engine.people.words import count, lasts
from syncline.project.watched import Levels
from syncline.runtime.measures import Measures

About: TypeAlias = Literal["lag", "parked", "failures", "ended"]
_ENDED: Literal["ended"] = "ended"


class Alert(Struct, frozen=True, kw_only=True):
    """What is to be told: that a level is passed, or (``well``) that it no longer is. ``text`` is a sentence.

    ``value`` is what was measured and ``level`` what it is held against, of a lag in seconds; that ``run`` has
    ``ended`` has neither. ``flow`` is whose lag it is.
    """

    about: About
    flow: str | None = None
    well: bool
    text: str
    value: float | None = None
    level: float | None = None
    at: datetime


class Raised(Struct, frozen=True, kw_only=True):
    """What people were told of a level: that it is passed, or not. ``since`` when the opposite holds, if it does."""

    told: bool
    since: datetime | None = None


class _Held(Struct, frozen=True, kw_only=True):
    """A measure against its level."""

    about: About
    flow: str | None = None
    value: float
    level: float
    passed: bool
    words: str


def decide(
    levels: Levels, measures: Measures, before: Mapping[str, Raised]
) -> tuple[tuple[Alert, ...], dict[str, Raised]]:
    """The alerts to send now, and what is to be remembered (``before``, the next time).

    Both what is passed and what is well again is told only once it has lasted: what goes up and down every moment is
    told as often as it lasts, not as often as it moves.
    """
    alerts: list[Alert] = []
    after: dict[str, Raised] = {}
    for held in _held(levels, measures):
        name = f"{held.about} {held.flow}" if held.flow else held.about
        known = before.get(name, Raised(told=False))
        if held.passed == known.told:
            known = Raised(told=known.told)
        else:
            since = known.since or measures.at
            known = Raised(told=known.told, since=since)
            if measures.at - since >= levels.lasting:
                known = Raised(told=held.passed)
                alerts.append(_alert(held, measures.at))
        if known.told or known.since is not None:
            after[name] = known
    if _ENDED in before:
        if measures.passed is None:
            after[_ENDED] = before[_ENDED]
        else:
            text = "syncline run is well again: it runs, and a pass went well."
            alerts.append(Alert(about=_ENDED, well=True, text=text, at=measures.at))
    return tuple(alerts), after


def ended(why: str, before: Mapping[str, Raised], now: datetime) -> tuple[tuple[Alert, ...], dict[str, Raised]]:
    """As `decide`, when ``syncline run`` ends since no later try could mend it. To be started again and again changes
    nothing, and is not told again.
    """
    if _ENDED in before:
        return (), dict(before)
    alert = Alert(about=_ENDED, well=False, text=f"syncline run has ended: {why}", at=now)
    return (alert,), {**before, _ENDED: Raised(told=True)}


def _held(levels: Levels, measures: Measures) -> Iterator[_Held]:
    if levels.lag is not None:
        for flow, of in measures.flows.items():
            lag = measures.at - of.behind if of.behind is not None else timedelta(0)
            yield _Held(
                about="lag",
                flow=flow,
                value=lag.total_seconds(),
                level=levels.lag.total_seconds(),
                passed=lag > levels.lag,
                words=f"{_due(flow, lag)} (the level is {lasts(levels.lag)})",
            )
    if levels.parked is not None:
        parked = sum(of.for_people for of in measures.flows.values())
        yield _Held(
            about="parked",
            value=parked,
            level=levels.parked,
            passed=parked > levels.parked,
            words=f"{count(parked, 'record is', 'records are')} parked for a person (the level is {levels.parked})",
        )
    if levels.failures is not None:
        yield _Held(
            about="failures",
            value=measures.failures,
            level=levels.failures,
            passed=measures.failures >= levels.failures,
            words=f"{count(measures.failures, 'pass', 'passes')} failed in a row (the level is {levels.failures})",
        )


def _due(flow: str, lag: timedelta) -> str:
    return f"the longest due record of {flow} has been due for {lasts(lag)}" if lag else f"nothing of {flow} is due"


def _alert(held: _Held, now: datetime) -> Alert:
    well = not held.passed
    text = f"It is well again: {held.words}." if well else f"{held.words[:1].upper()}{held.words[1:]}."
    return Alert(about=held.about, flow=held.flow, well=well, text=text, value=held.value, level=held.level, at=now)
