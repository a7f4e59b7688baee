"""Which records take part: from when on, by a ``where``, and on a side that is only read."""

from __future__ import annotations

from typing import Any

from engine.pair import Pair


async def customer(both: Pair, n: int, **fields: Any) -> dict[str, Any]:
    return await both.erp.create("customers", {"name": f"Ours {n}", "organisationNumber": f"O{n}", **fields})


async def theirs(both: Pair) -> dict[str, dict[str, Any]]:
    """What Business Central has, by name."""
    return {c["displayName"]: c for c in await both.central.all("customers")}


async def test_what_was_there_before_a_flow_is_taken_up_from_now_on_is_left_alone(both: Pair) -> None:
    both.change_flow("customers", "match: [organisationNumber", "from: now\nmatch: [organisationNumber")
    old = await customer(both, 1)
    await both.central.create("customers", {"type": "Company", "displayName": "Theirs before"})
    assert (await both.sync()).writes == 0
    assert not (await both.verify()).differences
    await customer(both, 2)
    await both.central.create("customers", {"type": "Company", "displayName": "Theirs after"})
    await both.sync()
    assert set(await theirs(both)) == {"Theirs before", "Ours 2", "Theirs after"}
    assert {c["name"] for c in await both.erp.all("customers")} == {"Ours 1", "Ours 2", "Theirs after"}
    assert not (await both.verify()).differences
    await both.erp.change("customers", old["id"], {"phone": "+4721000000"})  # whoever edits it takes it up
    await both.sync()
    assert (await theirs(both))["Ours 1"]["phoneNumber"] == "+4721000000"


async def test_a_side_that_is_only_read_is_never_written(both: Pair) -> None:
    both.change_flow(
        "customers", "{entity: customers, title: Customer}", "{entity: customers, title: Customer, write: off}"
    )
    made = await customer(both, 1, address={"city": "Oslo"})
    await both.central.create("customers", {"type": "Company", "displayName": "Theirs"})
    before = await both.erp.all("customers")
    await both.sync()
    found = (await theirs(both))["Ours 1"]
    await both.central.change("customers", found["id"], {"phoneNumber": "+4721000000"})
    await both.sync()
    assert await both.erp.all("customers") == before
    assert not both.parked()
    await both.erp.change("customers", made["id"], {"address": {"city": "Rome"}})
    assert [(d.name, d.property) for d in (await both.verify()).differences] == [("Ours 1", "city")]
    await both.sync()
    assert (await theirs(both))["Ours 1"]["city"] == "Rome"
    assert (await theirs(both))["Ours 1"]["phoneNumber"] == "+4721000000"
    assert (await both.sync()).writes == 0
    assert not (await both.verify()).differences  # what nobody may bring over is settled


async def test_a_where_says_which_take_part_and_who_leaves_it_rests(both: Pair) -> None:
    both.change_flow(
        "customers",
        "customerp: {entity: customers, title: Customer}",
        "customerp: {entity: customers, title: Customer, where: {hold: [none, shipping]}}",
    )
    made = await customer(both, 1)
    held = await customer(both, 2, hold="all")
    await both.sync()
    assert set(await theirs(both)) == {"Ours 1"}
    assert not (await both.verify()).differences
    await both.erp.change("customers", held["id"], {"hold": "shipping"})
    await both.erp.change("customers", made["id"], {"hold": "invoicing", "phone": "+4721000000"})
    await both.sync()
    found = await theirs(both)
    assert (found["Ours 2"]["blocked"], found["Ours 1"]["blocked"]) == ("Ship", "_x0020_")
    assert found["Ours 1"]["phoneNumber"] == ""
    await both.erp.change("customers", made["id"], {"hold": "none"})
    await both.sync()
    assert (await theirs(both))["Ours 1"]["phoneNumber"] == "+4721000000"
    assert not (await both.verify()).differences
