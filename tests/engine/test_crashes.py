"""Syncline is killed, at every effect there is and by chance among faults: no record is made twice, no edit is lost."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from engine.dying import Killed, Life, mortal
from engine.pair import Pair, pair
from postgres import store_in
from syncline.connectors.base import ConnectorError
from syncline.engine.sync import sync

_PARTS = 4
"""The effects are shared out among so many tests, so that they run beside each other."""


async def killed_after(both: Pair, effects: int) -> bool:
    """One pass that is killed after so many effects; whether it was."""
    async with both.setup() as setup:
        try:
            await sync(mortal(setup, Life(effects)))
        except Killed:
            return True
    return False


async def make(both: Pair, n: int) -> None:
    """New records on both sides, with everything that points from one to another."""
    buyer = await both.erp.create("customers", {"name": f"Buyer {n}", "organisationNumber": f"B{n}"})
    thing = await both.erp.create(
        "products", {"sku": f"P{n}", "name": f"Thing {n}", "kind": "stock", "category": "MISC", "unit": "PCS"}
    )
    lines = [{"productId": thing["id"], "quantity": k, "unit": "PCS", "unitPrice": 10} for k in (1, 2)]
    await both.erp.create("orders", {"orderNo": f"SO-{n}", "customerId": buyer["id"], "lines": lines})
    await both.central.create(
        "customers", {"type": "Company", "displayName": f"Theirs {n}", "taxRegistrationNumber": f"T{n}"}
    )


async def edit(both: Pair, n: int, city: str) -> None:
    """Another property of the same record on each side, and a line that is new."""
    ours = next(c for c in await both.erp.all("customers") if c["organisationNumber"] == f"B{n}")
    theirs = next(c for c in await both.central.all("customers") if c["taxRegistrationNumber"] == f"B{n}")
    order = next(o for o in await both.erp.all("orders") if o["orderNo"] == f"SO-{n}")
    await both.erp.change("customers", ours["id"], {"address": {"city": city}})
    await both.central.change("customers", theirs["id"], {"addressLine1": f"Street of {city}"})
    await both.erp.change("orders", order["id"], {"lines": [*order["lines"], {"description": f"to {city}"}]})


async def check_once(both: Pair) -> None:
    """Each record once on each side, each order with each line once, and both sides agree."""
    ours, theirs = await both.erp.all("customers"), await both.central.all("customers")
    numbers = Counter(c["organisationNumber"] for c in ours)
    assert max(numbers.values()) == 1, numbers
    assert numbers == Counter(c["taxRegistrationNumber"] for c in theirs)
    items = Counter(i["number"] for i in await both.central.all("items"))
    assert items == Counter(p["sku"] for p in await both.erp.all("products"))
    orders = await both.central.all("salesOrders", "$expand=salesOrderLines")
    assert {o["orderNo"]: _ours(o) for o in await both.erp.all("orders")} == {
        o["externalDocumentNumber"]: _theirs(o) for o in orders
    }
    assert len({o["externalDocumentNumber"] for o in orders}) == len(orders)
    assert not both.parked()
    both.check_journal()
    assert not (await both.verify()).differences


def _ours(order: dict[str, Any]) -> list[tuple[float, str | None]]:
    return [(line["quantity"] or 0, line["description"]) for line in order["lines"]]


def _theirs(order: dict[str, Any]) -> list[tuple[float, str | None]]:
    lines = sorted(order["salesOrderLines"], key=lambda line: line["sequence"])
    return [(line["quantity"], line["description"]) for line in lines]


@pytest.mark.parametrize("part", range(_PARTS))
async def test_killed_after_any_effect_nothing_is_made_twice_and_nothing_lost(tmp_path: Path, part: int) -> None:
    async with pair(tmp_path) as both:
        await both.sync()
        effects, killed = part, True
        while killed:
            await make(both, effects)
            killed = await killed_after(both, effects)
            await both.sync()
            await edit(both, effects, f"City {effects}")
            await killed_after(both, effects)
            await both.sync()
            effects += _PARTS
        assert effects > 40  # a pass that makes all these has that many effects at least
        await check_once(both)
        for customer in await both.central.all("customers"):
            if customer["taxRegistrationNumber"].startswith("B"):
                n = customer["taxRegistrationNumber"][1:]
                assert (customer["city"], customer["addressLine1"]) == (f"City {n}", f"Street of City {n}")


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_killed_by_chance_among_faults_nothing_is_made_twice_and_nothing_lost(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str, seed: int
) -> None:
    chance = random.Random(seed)
    async with pair(tmp_path, store_in(kind, request)) as both:
        cities: dict[int, str] = {}
        for n in range(6):
            await make(both, n)
            for side, part in (("businesscentral", "$batch"), ("customerp", "")):
                kinds = chance.choices(["drop-after", "drop-before", "500", "503", "429"], k=chance.randrange(4))
                faults = [
                    {"kind": kind, "match": part, "after": chance.randrange(4), "retryAfter": 0} for kind in kinds
                ]
                await both.fail(side, *faults)
            for _ in range(chance.randrange(3)):
                try:
                    await killed_after(both, chance.randrange(80))
                except ConnectorError:
                    continue  # the system was away for too long: whoever runs it comes again
            await both.fail("businesscentral")
            await both.fail("customerp")
            await both.sync()
            cities[n] = f"City {chance.randrange(1000)}"
            await edit(both, n, cities[n])
        await both.sync()
        await check_once(both)
        held = {c["taxRegistrationNumber"]: c for c in await both.central.all("customers")}
        for n, city in cities.items():
            assert (held[f"B{n}"]["city"], held[f"B{n}"]["addressLine1"]) == (city, f"Street of {city}")
