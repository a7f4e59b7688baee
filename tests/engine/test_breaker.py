"""A broken import empties one property everywhere: it is held, everything else goes on, and a person decides."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

import pytest

from engine.pair import Pair
from syncline.engine.guards.breaker import decide

N = 30


async def filled(both: Pair) -> dict[str, dict[str, Any]]:
    for n in range(N):
        told = {"name": f"Customer {n}", "organisationNumber": f"ORG{n}", "phone": f"+472100{n:04}"}
        await both.erp.create("customers", {**told, "address": {"city": f"City {n}"}})
    await both.sync()
    return {c["name"]: c for c in await both.erp.all("customers")}


async def phones(both: Pair) -> tuple[dict[str, str], dict[str, str]]:
    ours = {c["name"]: c["phone"] or "" for c in await both.erp.all("customers")}
    return ours, {c["displayName"]: c["phoneNumber"] for c in await both.central.all("customers")}


async def emptied(both: Pair) -> None:
    """Every phone is gone; one record has another edit besides."""
    made = await filled(both)
    for name, record in made.items():
        more = {"address": {"city": "Bergen"}} if name == "Customer 3" else {}
        await both.erp.change("customers", record["id"], {"phone": None, **more})


async def test_what_is_emptied_everywhere_is_held_and_all_else_goes_on(both: Pair) -> None:
    await emptied(both)
    for _ in range(2):
        result = await both.sync()
        assert result.held == [f"phone of customers in customerp: {N} emptied at once, of {N}"]
    _, theirs = await phones(both)
    assert theirs["Customer 1"] == "+4721000001"
    assert {c["displayName"]: c["city"] for c in await both.central.all("customers")}["Customer 3"] == "Bergen"
    await both.central.change("customers", (await both.central.all("customers"))[0]["id"], {"city": "Bonn"})
    await both.sync()
    assert "Bonn" in {c["address"]["city"] for c in await both.erp.all("customers")}
    async with both.setup() as setup:
        (hold,) = setup.store.holds()
        assert (hold.flow, hold.side, hold.property, hold.blanked, hold.linked) == (
            "customers",
            "customerp",
            "phone",
            N,
            N,
        )
        assert [e.note for e in setup.store.journal(limit=100_000) if e.action == "held"] == result.held


@pytest.mark.parametrize("state", ["passed", "rejected"])
async def test_a_person_lets_it_through_or_rolls_it_back(both: Pair, state: Literal["passed", "rejected"]) -> None:
    await emptied(both)
    await both.sync()
    async with both.setup() as setup:
        decide(setup.store, setup.store.holds(), state, datetime.now(UTC))
    result = await both.sync()
    assert not result.held
    ours, theirs = await phones(both)
    assert ours == theirs
    assert set(ours.values()) == ({""} if state == "passed" else {f"+472100{n:04}" for n in range(N)})
    async with both.setup() as setup:
        assert not setup.store.holds()
        old = {e.old for e in setup.store.journal(limit=100_000) if e.property == "phone" and e.action == "updated"}
    assert old == ({f"+472100{n:04}" for n in range(N)} if state == "passed" else {None})
    assert not (await both.verify()).differences
    assert (await both.sync()).writes == 0


async def test_new_values_everywhere_are_work_like_any_other(both: Pair) -> None:
    for n, (_, record) in enumerate((await filled(both)).items()):
        await both.erp.change("customers", record["id"], {"phone": f"+472200{n:04}"})
    result = await both.sync()
    assert not result.held
    assert result.flows["customers"].updated["businesscentral"] == N
