"""Both sides have changed the same property: one value gives way, and is told of, whatever else goes wrong."""

from __future__ import annotations

from typing import Any

import pytest

from engine.pair import Pair
from engine.test_crashes import killed_after, make
from syncline.records import Ref


async def in_step(both: Pair) -> tuple[dict[str, Any], dict[str, Any]]:
    """A customer that both have."""
    ours = await both.erp.create("customers", {"name": "Alder", "organisationNumber": "A1", "address": {"city": "Ulm"}})
    await both.sync()
    (theirs,) = await both.central.all("customers")
    return ours, theirs


async def given_way(both: Pair, ours: dict[str, Any]) -> list[tuple[str | None, Any, Any]]:
    async with both.setup() as setup:
        entries = setup.store.history(Ref("customers", "customerp", ours["id"]))
    return [(e.property, e.old, e.new) for e in entries if e.action == "lost"]


@pytest.mark.parametrize("last", ["customerp", "businesscentral"])
async def test_the_value_that_gives_way_is_told_once(both: Pair, last: str) -> None:
    ours, theirs = await in_step(both)
    edits = [
        ("customerp", both.erp.change("customers", ours["id"], {"address": {"city": "Oslo"}})),
        ("businesscentral", both.central.change("customers", theirs["id"], {"city": "Rome"})),
    ]
    for _, edit in sorted(edits, key=lambda each: each[0] == last):
        await edit
    await both.sync()
    won, lost = ("Oslo", "Rome") if last == "customerp" else ("Rome", "Oslo")
    assert (await both.central.get("customers", theirs["id"]))["city"] == won
    assert await given_way(both, ours) == [("city", lost, won)]


async def test_it_is_told_when_only_its_own_side_could_be_written(both: Pair) -> None:
    """The write to the other side, of another property, is refused for its version and decided again."""
    ours, theirs = await in_step(both)
    await both.erp.change("customers", ours["id"], {"address": {"city": "Oslo", "street": "Gate 1"}})
    await both.central.change("customers", theirs["id"], {"city": "Rome"})
    await both.fail("businesscentral", {"kind": "409", "match": "customers", "method": "PATCH"})
    await both.sync()
    assert (await both.erp.get("customers", ours["id"]))["address"]["city"] == "Rome"
    assert (await both.central.get("customers", theirs["id"]))["addressLine1"] == "Gate 1"
    assert await given_way(both, ours) == [("city", "Oslo", "Rome")]


@pytest.mark.parametrize("kind", ["drop-after", "500-after", "drop-before", "500"])
@pytest.mark.parametrize("last", ["customerp", "businesscentral"])
async def test_it_is_told_where_the_answer_to_its_write_was_lost(both: Pair, last: str, kind: str) -> None:
    ours, theirs = await in_step(both)
    edits = [
        ("customerp", both.erp.change("customers", ours["id"], {"address": {"city": "Oslo"}})),
        ("businesscentral", both.central.change("customers", theirs["id"], {"city": "Rome"})),
    ]
    for _, edit in sorted(edits, key=lambda each: each[0] == last):
        await edit
    for side in ("customerp", "businesscentral"):
        await both.fail(side, {"kind": kind, "method": "PATCH"}, {"kind": kind, "match": "$batch", "method": "POST"})
    await both.sync()
    won, lost = ("Oslo", "Rome") if last == "customerp" else ("Rome", "Oslo")
    assert (await both.central.get("customers", theirs["id"]))["city"] == won
    assert (await both.erp.get("customers", ours["id"]))["address"]["city"] == won
    assert await given_way(both, ours) == [("city", lost, won)]


async def test_it_is_told_whenever_syncline_is_killed(both: Pair) -> None:
    ours, theirs = await in_step(both)
    effects, killed, told = 0, True, []
    while killed:
        await both.erp.change("customers", ours["id"], {"address": {"city": f"Oslo {effects}"}})
        await both.central.change("customers", theirs["id"], {"city": f"Rome {effects}"})
        killed = await killed_after(both, effects)
        await both.sync()
        told.append(("city", f"Oslo {effects}", f"Rome {effects}"))
        assert await given_way(both, ours) == told
        effects += 1
    assert effects > 10


@pytest.mark.parametrize("kind", ["drop-after", "drop-before"])
async def test_that_of_a_line_is_told_where_the_answer_to_its_write_was_lost(both: Pair, kind: str) -> None:
    await make(both, 1)
    await both.sync()
    (ours,) = await both.erp.all("orders")
    (theirs,) = await both.central.all("salesOrders", "$expand=salesOrderLines")
    line = min(theirs["salesOrderLines"], key=lambda each: each["sequence"])
    first, *others = ours["lines"]
    await both.erp.change("orders", ours["id"], {"lines": [{**first, "quantity": 7}, *others]})
    await both.central.change("salesOrderLines", line["id"], {"quantity": 8})
    await both.fail("customerp", {"kind": kind, "match": "orders", "method": "PATCH"})
    await both.sync()
    assert (await both.erp.get("orders", ours["id"]))["lines"][0]["quantity"] == 8
    async with both.setup() as setup:
        entries = setup.store.history(Ref("orders", "customerp", ours["id"]))
    assert [(e.property, e.old, e.new) for e in entries if e.action == "lost"] == [("quantity", 7, 8)]
