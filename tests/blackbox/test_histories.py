"""Random histories against the real sandboxes: people on both sides, Syncline between them all the while."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pytest

from blackbox.accounts import unaccounted
from blackbox.oracle import Event, Quiet, Read, Rules, Unexplained, Value, Write, judge
from blackbox.people import People, Place
from engine.pair import Pair, pair
from syncline.connectors.base import ConnectorError
from syncline.engine.sync import sync
from syncline.reconcile import merge
from syncline.records import Ref
from syncline.store import Store

_DESKS = 6
_RECORDS = 2
_DEEDS = 30
"""Things that are done at one desk to its records, in one history."""

_FAULTS = [
    {"kind": "drop-after", "rate": 0.06},
    {"kind": "500-after", "rate": 0.04},
    {"kind": "drop-before", "rate": 0.03},
    {"kind": "500", "rate": 0.02},
    {"kind": "429", "rate": 0.02, "retryAfter": 0},
    {"kind": "503", "rate": 0.02, "retryAfter": 0},
    {"kind": "latency", "rate": 0.2, "seconds": 0.02},
]


class Property(NamedTuple):
    """A property of customers by its path on each side. ``prefer`` is the side whose edit the agreement prefers."""

    name: str
    paths: tuple[str, str]
    numbers: bool = False
    prefer: int | None = None


_PROPERTIES = (
    Property("city", ("address.city", "city")),
    Property("street", ("address.street", "addressLine1")),
    Property("creditLimit", ("creditLimit", "creditLimit"), numbers=True, prefer=1),
)


class Pinned(NamedTuple):
    """What one history is about: a property of a record that both sides have, and its value at the beginning."""

    property: Property
    places: tuple[Place, Place]
    before: Value


@asynccontextmanager
async def at_work(both: Pair) -> AsyncIterator[None]:
    """Syncline passes again and again; it goes on after a system was away for too long, as whoever runs it would."""

    stop = asyncio.Event()

    async def passes() -> None:
        async with both.setup() as setup:
            while not stop.is_set():
                try:
                    await sync(setup)
                except ConnectorError:
                    continue
                await asyncio.sleep(0)

    task = asyncio.ensure_future(passes())
    try:
        yield
    finally:
        stop.set()
        await task


async def new_records(both: Pair, desk: int) -> list[Pinned]:
    """Customers of one desk, in step on both sides."""
    found: list[Pinned] = []
    for n in range(_RECORDS):
        number = f"D{desk}-{n}"
        fields = {"name": f"Customer {number}", "organisationNumber": number, "creditLimit": 1}
        ours = await both.erp.create("customers", {**fields, "address": {"city": "Start", "street": "Start"}})
        await both.sync()
        theirs = next(c for c in await both.central.all("customers") if c["taxRegistrationNumber"] == number)
        for p in _PROPERTIES:
            places = Place("customers", ours["id"], p.paths[0]), Place("customers", theirs["id"], p.paths[1])
            found.append(Pinned(p, places, 1 if p.numbers else "Start"))
    return found


async def at_desk(people: People, chance: Random, pinned: list[Pinned], fresh: count[int]) -> list[list[Event]]:
    """What one person sees and does, one thing after the other, at whichever side; by what it is about."""
    told: list[list[Event]] = [[] for _ in pinned]
    for _ in range(_DEEDS):
        n, side = chance.randrange(len(pinned)), chance.randrange(2)
        about, events = pinned[n], told[n]
        place = about.places[side]
        if chance.random() < 0.55:
            number = next(fresh)
            value = 100 + number if about.property.numbers else f"Value {number}"
            events += await people.save(side, place, value)
        else:
            events.append(Read(side, await people.read(side, place)))
        await asyncio.sleep(chance.choice([0, 0, 0.01, 0.05, 0.1]))
    return told


def given_way(store: Store, about: Pinned) -> frozenset[Value]:
    entries = store.history(Ref("customers", "customerp", about.places[0].id))
    lost = [e for e in entries if e.action == "lost" and e.property == about.property.name]
    return frozenset(float(e.old) if about.property.numbers and e.old is not None else str(e.old) for e in lost)


async def run(both: Pair, seed: int, faults: bool) -> list[str]:
    """Histories of every desk beside each other, and what is wrong with them, in words."""
    people, fresh = People(both.erp, both.central), count()
    desks = [await new_records(both, desk) for desk in range(_DESKS)]
    if faults:
        for number, side in enumerate(("customerp", "businesscentral")):
            await both.fail_by_chance(side, seed * 2 + number, _FAULTS)
    async with at_work(both):
        told = await asyncio.gather(
            *(at_desk(people, Random(f"{seed} {n}"), pinned, fresh) for n, pinned in enumerate(desks))
        )
    for side in ("customerp", "businesscentral"):
        await both.fail(side)
    await both.sync()
    wrong: list[str] = []
    async with both.setup() as setup:
        for desk, histories in zip(desks, told, strict=True):
            for about, events in zip(desk, histories, strict=True):
                lost = given_way(setup.store, about)
                held = [await people.read(side, place) for side, place in enumerate(about.places)]
                end: list[Event] = [Quiet(lost), *(Read(side, value) for side, value in enumerate(held))]
                wrong += _wrong(about, [*events, *end], lost, held[0], unheard=faults)
    return wrong


def _wrong(about: Pinned, events: list[Event], lost: frozenset[Value], stands: Value, *, unheard: bool) -> list[str]:
    name = f"{about.property.name} of {about.places[0].id}"
    gone = unaccounted([e for e in events if isinstance(e, Write)], stands, lost)
    wrong = [f"{name}: {gone} went nowhere"] if gone else []
    try:
        judge(about.before, events, Rules(about.property.prefer, unheard), name)
    except Unexplained as error:
        wrong.append(str(error))
    return wrong


@pytest.mark.parametrize("faults", [False, True], ids=["heard", "unheard"])
@pytest.mark.parametrize("seed", range(2))
async def test_every_history_is_explained(tmp_path: Path, seed: int, faults: bool) -> None:
    async with pair(tmp_path) as both:
        wrong = await run(both, seed, faults)
    assert not wrong, f"seed {seed}:\n" + "\n".join(wrong)


def _tells_no_loser(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("syncline.engine.journal._lost", lambda *_: ())


def _writes_whatever_stands_there(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("syncline.engine.case.Case.versions", property(lambda self: dict.fromkeys(self.link.members, "*")))


def _compares_the_sides(patch: pytest.MonkeyPatch) -> None:
    """What Syncline last knew counts for nothing: whatever differs is a conflict."""
    told = merge.merge

    def without_shadows(flow: Any, rows: Any, shadows: Any, *others: Any) -> Any:
        return told(flow, rows, {} if len(rows) == len(flow.sides) else shadows, *others)

    patch.setattr("syncline.engine.turn.merge", without_shadows)


@pytest.mark.parametrize("breaks", [_tells_no_loser, _writes_whatever_stands_there, _compares_the_sides])
async def test_a_broken_engine_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, breaks: Callable[[pytest.MonkeyPatch], None]
) -> None:
    breaks(monkeypatch)
    async with pair(tmp_path) as both:
        assert await run(both, 1, faults=False)
