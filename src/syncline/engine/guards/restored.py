"""A system that was brought back from its backup: noticed before anything is written, and what a person says of it.

Its times and versions go backwards, new records are gone, numbers are given anew: to go on as if nothing had happened
would pass on old values for edits and losses for deletions. What its users want cannot be guessed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Literal, TypeAlias, get_args

from syncline.engine.people import releasing
from syncline.engine.setup import EngineError, Setup, view
from syncline.mapping.model import Flow
from syncline.reconcile.restored import Look, look, went_back
from syncline.records import Ref, Shadow
from syncline.store import Memory

Wanted: TypeAlias = Literal["repair", "follow"]
"""What is to become of a side that was brought back: what it has forgotten is put back there (``repair``), or what it
says now is the truth (``follow``)."""

_RECENT = 50
_LOOKS = 3
_PAUSE = timedelta(seconds=2)
_NEVER = datetime.fromtimestamp(0, UTC)


class NoSuchSide(EngineError):
    """It is none of the systems of this project."""


class WentBack(EngineError):
    """A side holds what it held at an earlier time. Nothing was done about it."""


def doubtful(flow: Flow, side: str) -> dict[str, str]:
    """The fact that something of this side looks as if it had gone back. The next check removes it or raises."""
    return {_doubt(flow, side): "yes"}


async def check(setup: Setup) -> None:
    """Look at what was worked on last, where there is doubt. Raises `WentBack` and `ConnectorError`."""
    doubts = {_doubt(flow, side): (flow, side) for flow in setup.flows.values() for side in flow.sides}
    known = {name for name, told in setup.store.facts(doubts).items() if told}
    decided = wanted(setup) if known else {}
    for name, (flow, side) in doubts.items():
        if name in known and side not in decided:
            await _look(setup, flow, side)
            setup.store.save(Memory(facts={name: ""}))


async def _look(setup: Setup, flow: Flow, side: str) -> None:
    """A replica that lags behind looks alike at first: it is given time."""
    for again in range(_LOOKS):
        looks = await _looks(setup, flow, side)
        if not went_back(looks):
            return
        if again < _LOOKS - 1:
            await asyncio.sleep(min(setup.settling, _PAUSE).total_seconds())
    older, gone = looks.count(Look.OLDER), looks.count(Look.GONE)
    raise WentBack(
        f"{side} seems to have been brought back from a backup: of the {len(looks)} {flow.name} that were worked on "
        f"last, {older} are older there than they were and {gone} are gone. Nothing was done.",
        f"syncline sync --repair {side} puts back there what it has forgotten; "
        f"syncline sync --follow {side} takes what it says now for the truth.",
    )


async def _looks(setup: Setup, flow: Flow, side: str) -> list[Look]:
    """The one that was modified last first."""
    refs = setup.store.recent(flow.name, side, _RECENT)
    links = setup.store.links_of(refs)
    shadows = setup.store.shadows(list(links.values()))
    known = {ref: shadows[link, side] for ref, link in links.items() if (link, side) in shadows}
    found = await setup.systems[side].get(view(flow, side), [ref.id for ref in known]) if known else {}

    def modified(ref: Ref) -> tuple[bool, datetime]:
        shadow: Shadow = known[ref]
        return shadow.modified is not None, shadow.modified or _NEVER

    return [look(found.get(ref.id), known[ref]) for ref in sorted(known, key=modified, reverse=True)]


# --- what a person said


def begin(setup: Setup, sides: Mapping[str, Wanted]) -> None:
    """These sides are listed whole again, and taken as was said until nothing is due, with what was asked about before.

    Raises `NoSuchSide`.
    """
    for side in sides:
        if side not in setup.sides:
            raise NoSuchSide(f"There is no system {side}.", f"There are {', '.join(setup.sides)}.")
    flows = [(flow, side) for flow in setup.flows.values() for side in flow.sides if side in sides]
    facts = {_wanted(side): str(what) for side, what in sides.items()}
    facts |= {_doubt(flow, side): "" for flow, side in flows}
    asked = [parked for parked in setup.store.parked(cause="older") if parked.ref.side in sides]
    arrivals = releasing.of_parked(setup.store, asked, setup.now())
    setup.store.save(Memory(facts=facts, cursors={(flow.name, side): None for flow, side in flows}, arrivals=arrivals))


def wanted(setup: Setup) -> dict[str, Wanted]:
    """What was said of sides that were brought back, as long as it holds."""
    names = {side: _wanted(side) for side in setup.sides}
    said = setup.store.facts(names.values())
    return {side: what for what in get_args(Wanted) for side, name in names.items() if said.get(name) == what}


def end(setup: Setup, sides: Collection[str]) -> None:
    """All of these was done, unless something is still due."""
    if sides and all(setup.store.next_due(flow) is None for flow in setup.flows):
        setup.store.save(Memory(facts={_wanted(side): "" for side in sides}))


def _wanted(side: str) -> str:
    return f"wanted of {side}, which was brought back"


def _doubt(flow: Flow, side: str) -> str:
    return f"{flow.name} may have gone back on {side}"
