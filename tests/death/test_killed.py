"""The real process is killed by SIGKILL, again and again, while answers are lost and people work on both systems.

What both systems hold in the end is compared over plain HTTP. Chance is seeded in everything but time.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pytest

from blackbox.accounts import unaccounted
from blackbox.oracle import Value, Write
from blackbox.people import SIDES, People, Place
from cli.calling import call
from death.dying import Cradle, Left, cradle, sync, unfinished
from engine.pair import Pair, pair
from syncline.demo.compare import compare

KILLS = 25
"""In each of the tests."""
_SEEDS = 4
_NUMBER = "organisationNumber"
_LONGEST_PAUSE = 330
"""Seconds, a little more than the engine puts anything off."""
_RECORDS = 4
"""Of each kind, that both sides have from the beginning."""

_LATENCY: list[dict[str, Any]] = [
    {"kind": "latency", "method": method, "rate": 0.9, "seconds": 0.1} for method in ("POST", "PATCH")
]
"""So slow that most of a pass is waiting for writes, on a busy machine, too: those are the instants that matter."""
_LOST: list[dict[str, Any]] = [
    {"kind": kind, "method": method, "rate": rate, "retryAfter": 0}
    for method in ("POST", "PATCH")
    for kind, rate in {
        "drop-after": 0.05,
        "500-after": 0.04,
        "drop-before": 0.02,
        "500": 0.02,
        "429": 0.02,
        "503": 0.02,
    }.items()
]
_UNREAD: list[dict[str, Any]] = [
    {"kind": kind, "method": "GET", "rate": 0.004, "retryAfter": 0} for kind in ("drop-after", "500", "429", "503")
]


class Pinned(NamedTuple):
    """A property that people edit, where each side has it. It is called ``name`` in the flow, and told as ``about``."""

    about: str
    flow: str
    name: str
    places: tuple[Place, Place]
    numbers: bool = False


class World:
    """Both systems, the people in them, and what each of them has done."""

    def __init__(self, both: Pair, seed: int) -> None:
        self.both = both
        self.people = People(both.erp, both.central)
        self.chance = Random(seed)
        self.pinned: list[Pinned] = []
        self.writes: defaultdict[Pinned, list[Write]] = defaultdict(list)
        self.life = 0
        self.saved_in: dict[Value, int] = {}
        self._numbers = 100
        self._item: dict[str, Any] = {}

    def number(self) -> int:
        self._numbers += 1
        return self._numbers

    async def found(self) -> None:
        """Records that both sides have, in step."""
        for _ in range(_RECORDS):
            await self.make_in_erp()
        await self.both.sync()
        erp, central = self.both.erp, self.both.central
        by_number = {c["taxRegistrationNumber"]: c for c in await central.all("customers")}
        items = {i["number"]: i for i in await central.all("items")}
        persons = {c["email"]: c for c in await central.all("contacts")}
        orders = {o["externalDocumentNumber"]: o for o in await central.all("salesOrders", "$expand=salesOrderLines")}
        for ours in await erp.all("customers"):
            key = ours["organisationNumber"]
            self._pin(key, "customers", "city", ours["id"], "address.city", by_number[key]["id"], "city")
            self._pin(key, "customers", "street", ours["id"], "address.street", by_number[key]["id"], "addressLine1")
        for ours in await erp.all("contacts"):
            theirs = persons[ours["email"]]
            self._pin(ours["email"], "contacts", "jobTitle", ours["id"], "jobTitle", theirs["id"], "jobTitle")
        for ours in await erp.all("products"):
            self._item = items[ours["sku"]]
            place = Place("products", ours["id"], "price"), Place("items", self._item["id"], "unitPrice")
            self.pinned.append(Pinned(ours["sku"], "products", "price", place, numbers=True))
        for ours in await erp.all("orders"):
            lines = sorted(orders[ours["orderNo"]]["salesOrderLines"], key=lambda line: line["sequence"])
            for n, (mine, theirs) in enumerate(zip(ours["lines"], lines, strict=True), start=1):
                place = (
                    Place("orders", ours["id"], f"lines.{mine['id']}.quantity"),
                    Place("salesOrderLines", theirs["id"], "quantity"),
                )
                self.pinned.append(Pinned(f"{ours['orderNo']} line {n}", "orders", "quantity", place, numbers=True))

    def _pin(self, key: str, flow: str, name: str, ours: str, path: str, theirs: str, central_path: str) -> None:
        place = Place(flow, ours, path), Place(flow, theirs, central_path)
        self.pinned.append(Pinned(key, flow, name, place))

    # --- what people do

    async def make_in_erp(self) -> None:
        """A customer with a contact, a product, and an order of both."""
        n, create = self.number(), self.people.create
        buyer = await create(
            0, "customers", {"name": f"Buyer {n}", "organisationNumber": f"B{n}"}, "organisationNumber"
        )
        contact = {"firstName": "Kim", "lastName": f"No {n}", "email": f"kim{n}@a.example", "customerId": buyer["id"]}
        await create(0, "contacts", contact, "email")
        goods = {"sku": f"P{n}", "name": f"Thing {n}", "kind": "stock", "category": "MISC", "unit": "PCS", "price": 5}
        thing = await create(0, "products", goods, "sku")
        lines = [{"productId": thing["id"], "quantity": k, "unit": "PCS", "unitPrice": 10} for k in (1, 2)]
        await create(0, "orders", {"orderNo": f"SO{n}", "customerId": buyer["id"], "lines": lines}, "orderNo")

    async def make_in_central(self) -> None:
        """A customer, and an order of it with two lines."""
        n, create = self.number(), self.people.create
        company = {"type": "Company", "displayName": f"Theirs {n}", "taxRegistrationNumber": f"T{n}"}
        buyer = await create(1, "customers", company, "taxRegistrationNumber")
        line = {"lineType": "Item", "itemId": self._item["id"], "unitPrice": 20}
        lines = [{**line, "quantity": k} for k in (3, 4)]
        order = {"externalDocumentNumber": f"BO{n}", "customerId": buyer["id"], "orderDate": "2026-03-02"}
        await create(1, "salesOrders", {**order, "salesOrderLines": lines}, "externalDocumentNumber")

    async def edit(self) -> None:
        """One property, on one side or on both at once."""
        about = self.chance.choice(self.pinned)
        sides = self.chance.choice([[0], [1], [0, 1]])
        await asyncio.gather(*(self._save(about, side) for side in sides))

    async def _save(self, about: Pinned, side: int) -> None:
        n = self.number()
        value: Value = n if about.numbers else f"Value {n}"
        self.saved_in[value] = self.life
        self.writes[about] += await self.people.save(side, about.places[side], value)

    async def work(self, until: asyncio.Event) -> None:
        """What people do while Syncline runs."""
        while not until.is_set():
            await self.chance.choice([self.edit] * 20 + [self.make_in_erp, self.make_in_central])()
            await asyncio.sleep(self.chance.uniform(0, 0.05))

    # --- a life of Syncline

    async def prepare(self) -> None:
        """Something to do for the first pass of a life."""
        for _ in range(6):
            await self.edit()
        await self.chance.choice([self.make_in_erp, self.make_in_central])()

    async def first_pass(self, born: Cradle) -> float:
        """How many seconds it takes. Nobody works meanwhile."""
        await self.prepare()
        syncline = await born.start(self.both.folder)
        await syncline.told("Running")
        began = time.monotonic()
        await syncline.told('"flows"')
        seconds = time.monotonic() - began
        await syncline.kill()
        return seconds

    async def live(self, born: Cradle, longest: float) -> Left:
        """From the start to a SIGKILL at any instant of so many seconds; what was left."""
        self.life += 1
        over = asyncio.Event()
        syncline = await born.start(self.both.folder)
        await self.prepare()
        await syncline.told("Running")
        people = asyncio.ensure_future(self.work(over))
        await asyncio.sleep(self.chance.uniform(0, longest))
        left = await syncline.kill()
        over.set()
        await people
        return left

    # --- what is there in the end

    async def differences(self) -> list[str]:
        """What is not as it should be, in words."""
        found = await compare(self.both.erp, self.both.central)
        return [
            *found.differences,
            *await self._twice(),
            *[text for about in self.pinned for text in await self._of(about)],
        ]

    async def _twice(self) -> list[str]:
        keys = {
            "customers": ("organisationNumber", "customers", "taxRegistrationNumber"),
            "contacts": ("email", "contacts", "email"),
            "products": ("sku", "items", "number"),
            "orders": ("orderNo", "salesOrders", "externalDocumentNumber"),
        }
        wrong: list[str] = []
        for entity, (key, other, other_key) in keys.items():
            ours = [r[key] for r in await self.both.erp.all(entity)]
            query = "$filter=type eq 'Person'" if other == "contacts" else ""
            theirs = [r[other_key] for r in await self.both.central.all(other, query)]
            for side, held in zip(SIDES, (ours, theirs), strict=True):
                wrong += [f"{entity} {k}: {n} times in {side}" for k, n in Counter(held).items() if n > 1]
        return wrong

    async def _of(self, about: Pinned) -> list[str]:
        ours, theirs = [await self.people.read(side, place) for side, place in enumerate(about.places)]
        name = f"{about.flow} {about.about}: {about.name}"
        wrong = [] if ours == theirs else [f"{name} is {ours!r} in customerp, {theirs!r} in businesscentral"]
        writes = self.writes[about]
        if gone := unaccounted(writes, ours, ()) and unaccounted(writes, ours, self._given_way(about)):
            told = ", ".join(f"{value!r} (saved in life {self.saved_in[value]})" for value in gone)
            wrong.append(f"{name}: {told}: neither there, where {ours!r} is, nor in the history")
        return wrong

    def _given_way(self, about: Pinned) -> set[Value]:
        subject = f"customerp/{about.flow}/{about.places[0].id}"
        told = call(self.both.folder, "history", subject, "--json").json["entries"]
        return {e["old"] for e in told if e["action"] == "lost" and e["property"] == about.name}


@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(_SEEDS))
async def test_killed_at_any_instant_nothing_is_twice_and_nothing_lost(tmp_path: Path, seed: int) -> None:
    async with pair(tmp_path) as both, cradle(tmp_path / "run.log") as born:
        world = World(both, seed)
        await world.found()
        for side in SIDES:
            await both.fail_by_chance(side, seed, _LATENCY)
        longest = 1.5 * await world.first_pass(born)
        for number, side in enumerate(SIDES):
            await both.fail_by_chance(side, seed * 2 + number, [*_LOST, *_UNREAD, *_LATENCY])
        lives = [await world.live(born, longest) for _ in range(KILLS)]
        for side in SIDES:
            await both.fail(side)
        # What was put off often, while the systems were busy, is due minutes later.
        last = asyncio.get_running_loop().time() + _LONGEST_PAUSE
        await sync(both.folder)
        while unfinished(both.folder) and asyncio.get_running_loop().time() < last:
            await asyncio.sleep(1)
            await sync(both.folder)
        wrong = await world.differences()
        wrong += [f"parked: {p.ref}: {p.message}" for p in both.parked()]
    unheard = sum(1 for left in lives if left.sent or left.older)
    told = f"seed {seed}, {len(lives)} kills, {unheard} of them with writes that nobody had heard of:\n"
    assert not wrong, told + "\n".join(wrong)
    assert unheard >= KILLS / 5, told + f"{lives}"
    assert sum(1 for left in lives if left.at_work) >= KILLS / 2, told + f"{lives}"
