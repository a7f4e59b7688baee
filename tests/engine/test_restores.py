"""Something is brought back from its backup: Syncline's own store, or one of the two systems."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from engine.pair import Pair
from syncline.engine.delivery.recover import look_again
from syncline.engine.gate import Open
from syncline.engine.guards.restored import WentBack
from syncline.engine.knowing import Knowing
from syncline.engine.people.answering import Word, answer
from syncline.engine.plan import plan
from syncline.engine.report import Quiet, Result
from syncline.engine.sync import sync, work_off
from syncline.engine.worker import Worker
from syncline.store import Entry

SIDES = ("customerp", "businesscentral")


async def customer(both: Pair, n: int = 1, **fields: Any) -> dict[str, Any]:
    told = {"name": f"Customer {n}", "organisationNumber": f"ORG{n}", "address": {"city": "Oslo"}}
    return await both.erp.create("customers", {**told, **fields})


async def thing(both: Pair) -> dict[str, Any]:
    told = {"sku": "P1", "name": "Thing", "kind": "stock", "category": "MISC", "unit": "PCS"}
    return await both.erp.create("products", told)


async def order(both: Pair, number: str, buyer: dict[str, Any], product: dict[str, Any]) -> dict[str, Any]:
    line = {"productId": product["id"], "quantity": 1, "unit": "PCS", "unitPrice": 10}
    return await both.erp.create("orders", {"orderNo": number, "customerId": buyer["id"], "lines": [line]})


async def ours(both: Pair) -> dict[str, dict[str, Any]]:
    return {c["name"]: c for c in await both.erp.all("customers")}


async def theirs(both: Pair) -> dict[str, dict[str, Any]]:
    return {c["displayName"]: c for c in await both.central.all("customers")}


async def edit(both: Pair, side: str, name: str, city: str) -> None:
    if side == "customerp":
        await both.erp.change("customers", (await ours(both))[name]["id"], {"address": {"city": city}})
    else:
        await both.central.change("customers", (await theirs(both))[name]["id"], {"city": city})


async def cities(both: Pair) -> dict[str, tuple[str | None, str | None]]:
    """By name, as Customerp and as Business Central has it."""
    here, there = await ours(both), await theirs(both)
    return {
        name: (here.get(name, {}).get("address", {}).get("city"), there.get(name, {}).get("city"))
        for name in sorted({*here, *there})
    }


async def keep(both: Pair, side: str) -> None:
    """Take a backup of a system."""
    await both.erp.ask("POST", f"{both.addresses[side]}/sandbox/snapshots", {"name": "backup"})


async def bring_back(both: Pair, side: str) -> None:
    await both.erp.ask("POST", f"{both.addresses[side]}/sandbox/snapshots/backup/restore")


def store_file(both: Pair) -> Path:
    (found,) = both.folder.glob("*.db")
    return found


async def journal(both: Pair) -> list[Entry]:
    async with both.setup() as setup:
        return list(setup.store.journal(limit=100_000))


async def in_step(both: Pair) -> None:
    """Both sides agree, and another pass has nothing to do."""
    assert not (await both.verify()).differences
    assert (await both.sync()).writes == 0


# --- Syncline's own store


async def test_a_store_from_an_hour_ago_finds_everything_again(both: Pair, tmp_path: Path) -> None:
    both.change_flow("customers", "delete: ask", "delete: propagate")
    for n in range(4):
        await customer(both, n)
    await both.sync()
    shutil.copy(store_file(both), tmp_path / "backup")
    made = await customer(both, 4)
    product = await thing(both)
    await order(both, "SO-1", made, product)
    await both.central.create("customers", {"displayName": "Of theirs", "taxRegistrationNumber": "ORG9"})
    await edit(both, "customerp", "Customer 0", "Bergen")
    await edit(both, "businesscentral", "Customer 1", "Bonn")
    gone = (await ours(both))["Customer 3"]
    await both.erp.ask("DELETE", f"customers/{gone['id']}", headers={"If-Match": gone["etag"]})
    await both.sync()
    await edit(both, "customerp", "Customer 0", "Bodø")  # not synchronised yet
    await edit(both, "businesscentral", "Customer 2", "Köln")
    before = await cities(both)
    shutil.copy(tmp_path / "backup", store_file(both))
    await both.sync()
    await both.sync()
    assert await cities(both) == {
        "Customer 0": ("Bodø", "Bodø"),
        "Customer 1": ("Bonn", "Bonn"),
        "Customer 2": ("Köln", "Köln"),
        "Customer 4": before["Customer 4"],
        "Of theirs": before["Of theirs"],
    }
    assert len(await both.central.all("salesOrders")) == len(await both.erp.all("orders")) == 1
    (placed,) = await both.central.all("salesOrders", "$expand=salesOrderLines")
    assert len(placed["salesOrderLines"]) == 1
    assert not both.parked()
    await in_step(both)


async def test_a_store_that_is_lost_is_made_again_from_both_sides(both: Pair) -> None:
    product = await thing(both)
    for n in range(3):
        await order(both, f"SO-{n}", await customer(both, n), product)
    await both.sync()
    await edit(both, "customerp", "Customer 0", "Bergen")
    await edit(both, "businesscentral", "Customer 0", "Bonn")  # later, so it wins
    await edit(both, "customerp", "Customer 1", "Bodø")
    store_file(both).unlink()
    result = await both.sync()
    assert {name: flow.created.total() for name, flow in result.flows.items()} == dict.fromkeys(result.flows, 0)
    assert (await cities(both))["Customer 0"] == ("Bonn", "Bonn")
    assert (await cities(both))["Customer 1"] == ("Bodø", "Bodø")
    lost = {(e.old, e.new) for e in await journal(both) if e.action == "lost" and e.property == "city"}
    assert lost == {("Bergen", "Bonn"), ("Oslo", "Bodø")}
    await in_step(both)


# --- one of the two systems


async def happened(both: Pair, side: str) -> None:
    """A backup is taken; then each side edits and makes something, all of which is brought in step; it is restored."""
    for n in range(6):
        await customer(both, n)
    await both.sync()
    await keep(both, side)
    await edit(both, "customerp", "Customer 0", "Bergen")
    await edit(both, "businesscentral", "Customer 1", "Bonn")
    made = await customer(both, 7)
    await order(both, "SO-1", made, await thing(both))
    await both.sync()
    await bring_back(both, side)


@pytest.mark.parametrize("side", SIDES)
async def test_a_system_that_was_brought_back_stops_everything(both: Pair, side: str) -> None:
    await happened(both, side)
    other = SIDES[1 - SIDES.index(side)]
    await edit(both, other, "Customer 5", "Köln")
    before = await cities(both)
    for _ in range(2):
        async with both.setup() as setup:
            with pytest.raises(WentBack, match=f"{side} seems to have been brought back.*Nothing was done"):
                await sync(setup)
            with pytest.raises(WentBack):
                await plan(setup)
    assert await cities(both) == before
    assert not [e for e in await journal(both) if e.action == "deleted"]


@pytest.mark.parametrize("side", SIDES)
async def test_what_it_has_forgotten_is_put_back(both: Pair, side: str) -> None:
    await happened(both, side)
    other = SIDES[1 - SIDES.index(side)]
    await edit(both, other, "Customer 5", "Köln")  # what was edited since is an edit, on either side
    await edit(both, side, "Customer 4", "Wien")
    async with both.setup() as setup:
        await sync(setup, restored={side: "repair"})
    assert await cities(both) == {
        "Customer 0": ("Bergen", "Bergen"),
        "Customer 1": ("Bonn", "Bonn"),
        "Customer 2": ("Oslo", "Oslo"),
        "Customer 3": ("Oslo", "Oslo"),
        "Customer 4": ("Wien", "Wien"),
        "Customer 5": ("Köln", "Köln"),
        "Customer 7": ("Oslo", "Oslo"),
    }
    assert len(await both.central.all("salesOrders")) == len(await both.erp.all("orders")) == 1
    assert len(await both.central.all("items")) == len(await both.erp.all("products")) == 1
    told = {(e.ref.side, e.old, e.new) for e in await journal(both) if e.ref and e.property == "city"}
    assert {(side, "Oslo", "Bergen"), (side, "Oslo", "Bonn")} <= told
    assert not both.parked()
    await in_step(both)


@pytest.mark.parametrize("side", SIDES)
async def test_the_backup_can_be_the_truth(both: Pair, side: str) -> None:
    for flow in ("customers", "orders", "products"):
        both.change_flow(flow, "delete: ask", "delete: propagate")
    await happened(both, side)
    async with both.setup() as setup:
        await sync(setup, restored={side: "follow"})
    assert await cities(both) == {f"Customer {n}": ("Oslo", "Oslo") for n in range(6)}
    assert not await both.central.all("salesOrders")
    assert not await both.erp.all("orders")
    told = {(e.ref.side, e.old, e.new) for e in await journal(both) if e.ref and e.property == "city"}
    other = SIDES[1 - SIDES.index(side)]
    assert {(other, "Bergen", "Oslo"), (other, "Bonn", "Oslo")} <= told
    (deleted,) = (
        e for e in await journal(both) if e.action == "deleted" and e.origin == side and e.flow == "customers"
    )
    assert deleted.whole
    assert deleted.whole.values["name"] == "Customer 7"
    await in_step(both)


async def test_a_number_that_was_given_anew_makes_no_two_customers_one(both: Pair) -> None:
    await customer(both, 1)
    await both.sync()
    await keep(both, "businesscentral")
    lost = await customer(both, 2)
    await both.sync()
    number = (await theirs(both))["Customer 2"]["number"]
    await bring_back(both, "businesscentral")
    await both.central.create(
        "customers", {"displayName": "Somebody else", "number": number, "taxRegistrationNumber": "ORG3"}
    )
    async with both.setup() as setup:
        await sync(setup, restored={"businesscentral": "repair"})
    assert (await ours(both))["Customer 2"]["id"] == lost["id"]
    assert "Customer 2" not in await theirs(both)
    assert (await theirs(both))["Somebody else"]["number"] == number
    assert {parked.cause for parked in both.parked()} == {"deleted", "ambiguous"}
    (gone,) = (parked for parked in both.parked() if parked.cause == "deleted")
    assert "has its number now" in gone.message


async def test_a_deleted_record_is_no_sign_of_a_backup(both: Pair) -> None:
    """The record that was modified last is gone, also the next: the others stand, and the pass goes on."""
    for n in range(5):
        await customer(both, n)
    await both.sync()
    for n in (4, 3):
        record = (await theirs(both))[f"Customer {n}"]
        await both.central.ask("DELETE", f"customers({record['id']})", headers={"If-Match": record["@odata.etag"]})
    await edit(both, "customerp", "Customer 0", "Bergen")
    await both.sync()
    assert (await cities(both))["Customer 0"] == ("Bergen", "Bergen")


# --- records that are older than they were


@pytest.mark.parametrize("word", ["restore", "accept"])
async def test_an_older_record_is_looked_at_again_and_then_asked_about(both: Pair, word: Word) -> None:
    for n in range(2):
        await customer(both, n)
    await both.sync()
    await keep(both, "businesscentral")
    await edit(both, "customerp", "Customer 0", "Bergen")
    await both.sync()
    await bring_back(both, "businesscentral")
    async with both.setup() as setup:
        # Only the one record is looked at: as if it came from a replica that never catches up.
        worker = Worker(setup, Knowing(setup), Open(), Result())
        id_ = (await theirs(both))["Customer 0"]["id"]
        await look_again(worker, setup.flows["customers"], {"businesscentral": [id_]})
        await work_off(worker, Quiet())
        (parked,) = setup.store.parked()
        assert (parked.cause, parked.message) == ("older", "older in businesscentral than it was there before")
        assert (await cities(both))["Customer 0"] == ("Bergen", "Oslo")
        answer(setup.store, [parked], word, setup.now())
        await work_off(worker, Quiet())
    city = "Bergen" if word == "restore" else "Oslo"
    assert (await cities(both))["Customer 0"] == (city, city)
    told = [(e.ref.side, e.old, e.new) for e in await journal(both) if e.ref and e.property == "city"]
    written = ("businesscentral", "Oslo", "Bergen") if word == "restore" else ("customerp", "Bergen", "Oslo")
    assert told[-1] == written or written in told[-2:]
    assert not both.parked()
