"""Records that were deleted: told by a feed or found by a scan, confirmed by a read, then as the agreement says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec import structs

from engine.pair import Pair
from syncline.engine.guards.scan import TooManyDeleted
from syncline.engine.people.answering import Word, answer
from syncline.engine.plan import apply, plan
from syncline.engine.setup import EngineError, Setup
from syncline.engine.sync import sync
from syncline.records import Ref
from syncline.store import Memory


async def customer(both: Pair, n: int = 1, **fields: Any) -> dict[str, Any]:
    told = {"name": f"Customer {n}", "organisationNumber": f"ORG{n}", "address": {"city": "Oslo"}}
    return await both.erp.create("customers", {**told, **fields})


async def theirs(both: Pair) -> dict[str, dict[str, Any]]:
    """What Business Central has, by name."""
    return {c["displayName"]: c for c in await both.central.all("customers")}


async def delete_ours(both: Pair, made: dict[str, Any]) -> None:
    etag = (await both.erp.get("customers", made["id"]))["etag"]
    await both.erp.ask("DELETE", f"customers/{made['id']}", headers={"If-Match": etag})


async def delete_theirs(both: Pair, record: dict[str, Any]) -> None:
    await both.central.ask("DELETE", f"customers({record['id']})", headers={"If-Match": record["@odata.etag"]})


def later(setup: Setup, **by: float) -> Setup:
    """The same, at a later time."""
    return structs.replace(setup, now=lambda: datetime.now(UTC) + timedelta(**by))


@pytest.mark.parametrize("word", ["delete", "restore", "keep"])
async def test_a_deletion_that_is_asked_about_ends_as_a_person_says(both: Pair, word: Word) -> None:
    made = await customer(both)
    await both.sync()
    await delete_ours(both, made)
    await both.sync()
    async with both.setup() as setup:
        answer(setup.store, setup.store.parked(), word, setup.now())
        reviewed = await plan(setup)
    steps = {"delete": [("delete", "businesscentral")], "restore": [("create", "customerp")], "keep": []}
    assert [(row.step, row.target) for row in reviewed.rows] == steps[word]
    await both.sync()
    assert len(await both.central.all("customers")) == (0 if word == "delete" else 1)
    again = await both.erp.all("customers")
    assert [c["name"] for c in again] == (["Customer 1"] if word == "restore" else [])
    assert not both.parked()
    async with both.setup() as setup:
        told = setup.store.history(Ref("customers", "customerp", made["id"]))
        assert any(entry.note.endswith("by a person") for entry in told)
        (lost,) = (e for e in told if e.action == "deleted" and e.ref and e.ref.side == "customerp")
        assert lost.whole
        assert lost.whole.values["city"] == "Oslo"
    if word == "restore":
        await both.erp.change("customers", again[0]["id"], {"phone": "+4721000000"})
        await both.sync()
        assert (await theirs(both))["Customer 1"]["phoneNumber"] == "+4721000000"
        assert not (await both.verify()).differences


async def test_what_was_said_of_a_deletion_is_not_done_to_a_later_edit(both: Pair) -> None:
    made = await customer(both)
    await both.sync()
    await delete_ours(both, made)
    await both.sync()
    async with both.setup() as setup:
        answer(setup.store, setup.store.parked(), "delete", setup.now())
    await both.central.change("customers", (await theirs(both))["Customer 1"]["id"], {"city": "Bergen"})
    await both.sync()
    assert (await theirs(both))["Customer 1"]["city"] == "Bergen"
    assert [parked.cause for parked in both.parked()] == ["deleted"]


@pytest.mark.parametrize("policy", ["ask", "propagate", "keep", "block"])
@pytest.mark.parametrize("side", ["customerp", "businesscentral"])
async def test_what_is_created_again_in_its_own_system_is_the_same_one(both: Pair, side: str, policy: str) -> None:
    """By accident a record is deleted, and typed in again: it has another id, and the old counterpart."""
    both.change_flow("customers", "delete: ask", f"delete: {policy}")
    made = await customer(both)
    await both.sync()
    (left,) = (await theirs(both)).values()
    if side == "customerp":
        await delete_ours(both, made)
        if policy == "ask":
            await both.sync()  # it is parked by then
        await customer(both, phone="+4721000000")
    else:
        await delete_theirs(both, left)
        told = {"displayName": "Customer 1", "taxRegistrationNumber": "ORG1", "phoneNumber": "+4721000000"}
        await both.central.create("customers", told)
    await both.sync()
    assert not both.parked()
    (ours,) = await both.erp.all("customers")
    (kept,) = (await theirs(both)).values()
    assert (ours["id"] == made["id"], kept["id"] == left["id"]) == (side != "customerp", side == "customerp")
    assert (ours["phone"], ours["address"]["city"]) == ("+4721000000", "Oslo")
    assert (kept["phoneNumber"], kept["city"]) == ("+4721000000", "Oslo")
    assert not (await both.verify()).differences


@pytest.mark.parametrize("policy", ["ask", "propagate", "keep", "block"])
async def test_a_deletion_is_as_the_flow_says(both: Pair, policy: str) -> None:
    both.change_flow("customers", "delete: ask", f"delete: {policy}")
    made = await customer(both)
    await both.sync()
    await delete_ours(both, made)
    await both.sync()
    left = await both.central.all("customers")
    assert len(left) == (0 if policy == "propagate" else 1)
    assert [parked.cause for parked in both.parked()] == (["deleted"] if policy == "ask" else [])
    assert len(await both.erp.all("customers")) == (1 if policy == "block" else 0)
    if policy == "keep":  # what is kept is nobody's counterpart: it is not created anew
        await both.central.change("customers", left[0]["id"], {"city": "Bonn"})
        await both.sync()
        assert not await both.erp.all("customers")


async def test_what_business_central_deletes_without_a_word_is_found_by_a_scan(both: Pair) -> None:
    both.change_flow("customers", "delete: ask", "delete: propagate")
    for n in range(3):
        await customer(both, n)
    await both.sync()
    await delete_theirs(both, (await theirs(both))["Customer 1"])
    async with both.setup() as setup:
        assert (await sync(setup)).writes == 0  # no poll can show it, and it is not yet time for a scan
        assert (await sync(later(setup, minutes=59))).writes == 0
        result = await sync(later(setup, minutes=61))
        assert result.flows["customers"].deleted == {"customerp": 1}
    assert sorted(c["name"] for c in await both.erp.all("customers")) == ["Customer 0", "Customer 2"]
    assert not (await both.verify()).differences


async def test_a_scan_can_be_asked_for(both: Pair) -> None:
    await customer(both)
    await both.sync()
    await delete_theirs(both, (await theirs(both))["Customer 1"])
    for _ in range(2):  # what was found is told once
        async with both.setup() as setup:
            await sync(setup, scanning=True)
        (parked,) = both.parked()
        assert (parked.cause, parked.message) == ("deleted", "deleted in businesscentral, still in customerp")


async def test_what_a_scan_misses_is_asked_for_before_it_is_believed(both: Pair) -> None:
    """A person type is no longer listed as a company, but it is there: it rests, and nothing is deleted."""
    both.change_flow("customers", "delete: ask", "delete: propagate")
    await customer(both)
    await both.sync()
    await both.central.change("customers", (await theirs(both))["Customer 1"]["id"], {"type": "Person"})
    async with both.setup() as setup:
        await sync(setup, scanning=True)
        (linked,) = setup.store.find_links("ORG1", "customers")
        assert linked.link.state == "resting"
    assert len(await both.erp.all("customers")) == 1


async def test_an_invoiced_order_is_not_taken_for_deleted(both: Pair) -> None:
    buyer = await customer(both)
    thing = await both.erp.create(
        "products", {"sku": "P1", "name": "Thing", "kind": "stock", "category": "MISC", "unit": "PCS"}
    )
    line = {"productId": thing["id"], "quantity": 1, "unit": "PCS", "unitPrice": 10}
    made = await both.erp.create("orders", {"orderNo": "SO-1", "customerId": buyer["id"], "lines": [line]})
    await both.sync()
    (order,) = await both.central.all("salesOrders")
    await both.central.act("salesOrders", order["id"], "shipAndInvoice")
    async with both.setup() as setup:
        await sync(setup, scanning=True)
        await sync(setup, scanning=True)
    assert not both.parked()
    assert (await both.erp.get("orders", made["id"]))["status"] == "completed"


@pytest.mark.parametrize("told", ["by the feed", "by a scan"])
async def test_when_much_of_a_side_is_gone_at_once_everything_stops_and_asks(both: Pair, told: str) -> None:
    both.change_flow("customers", "delete: ask", "delete: propagate")
    made = [await customer(both, n) for n in range(14)]
    await both.sync()
    if told == "by the feed":
        for each in made[:12]:
            await delete_ours(both, each)
    else:
        for name, record in (await theirs(both)).items():
            if name not in ("Customer 12", "Customer 13"):
                await delete_theirs(both, record)
    await both.erp.change("customers", made[13]["id"], {"phone": "+4721000000"})
    for _ in range(2):
        async with both.setup() as setup:
            with pytest.raises(TooManyDeleted, match="12 of 14 linked customers"):
                await sync(setup, scanning=True)
    assert (await theirs(both))["Customer 13"]["phoneNumber"] == ""
    async with both.setup() as setup:
        await sync(setup, scanning=True, allow_deletions=True)
    assert (
        set(await theirs(both))
        == {c["name"] for c in await both.erp.all("customers")}
        == {"Customer 12", "Customer 13"}
    )
    assert not (await both.verify()).differences


@pytest.mark.parametrize("policy", ["ask", "propagate"])
async def test_a_side_that_is_emptied_bit_by_bit_stops_everything_too(both: Pair, policy: str) -> None:
    both.change_flow("customers", "delete: ask", f"delete: {policy}")
    made = [await customer(both, n) for n in range(30)]
    await both.sync()
    for each in made[:6]:
        await delete_ours(both, each)
    await both.sync()
    for each in made[6:12]:
        await delete_ours(both, each)
    async with both.setup() as setup:
        with pytest.raises(TooManyDeleted, match="12 of 30 linked customers, 6 of them in the last day"):
            await sync(setup)
        await sync(later(setup, hours=25))  # those of the day before no longer count
    for each in made[12:17]:
        await delete_ours(both, each)
    async with both.setup() as setup:
        tomorrow = later(setup, hours=26)
        with pytest.raises(TooManyDeleted, match="6 of them in the last day"):
            await sync(tomorrow)
        await sync(tomorrow, allow_deletions=True)
    await delete_ours(both, made[17])
    async with both.setup() as setup:
        await sync(later(setup, hours=26, minutes=1))  # what was allowed counts no more
    assert len(await theirs(both)) == (12 if policy == "propagate" else 30)


async def test_a_side_that_lists_nothing_stops_everything(both: Pair) -> None:
    for n in range(12):
        await customer(both, n)
    await both.sync()
    for record in (await theirs(both)).values():
        await delete_theirs(both, record)
    async with both.setup() as setup:
        with pytest.raises(EngineError, match="Nothing was done"):
            await sync(setup, scanning=True)
    assert len(await both.erp.all("customers")) == 12


async def test_another_company_is_refused_and_another_name_is_told(both: Pair) -> None:
    """What the store remembers is changed, as if it had met the company under that name, or that company."""
    await both.sync()
    async with both.setup() as setup:
        name = setup.store.fact("name of businesscentral")
        assert name
        setup.store.save(Memory(facts={"name of businesscentral": "Old name"}))
        result = await sync(setup)
        assert result.told == [f"businesscentral is called {name} now; it was Old name. It is the same company."]
        assert not (await sync(setup)).told
        setup.store.save(Memory(facts={"identity of businesscentral": "v2.0/local/sandbox/another"}))
        with pytest.raises(EngineError, match=rf"is now .*\({name}\), but .* is of v2.0/local/sandbox/another"):
            await sync(setup)


async def test_an_edit_made_elsewhere_is_not_lost_to_a_deletion(both: Pair) -> None:
    both.change_flow("customers", "delete: ask", "delete: propagate")
    made = await customer(both)
    await both.sync()
    await delete_ours(both, made)
    await both.central.change("customers", (await theirs(both))["Customer 1"]["id"], {"city": "Bergen"})
    await both.sync()
    assert (await theirs(both))["Customer 1"]["city"] == "Bergen"
    (parked,) = both.parked()
    assert parked.message == "deleted in customerp, but changed in businesscentral since"
    await delete_theirs(both, (await theirs(both))["Customer 1"])
    async with both.setup() as setup:
        await sync(setup, scanning=True)
    assert not both.parked()


async def test_an_edit_that_comes_while_the_deletion_is_on_its_way_is_not_lost(both: Pair) -> None:
    both.change_flow("customers", "delete: ask", "delete: propagate")
    made = await customer(both)
    await both.sync()
    await delete_ours(both, made)
    async with both.setup() as setup:
        reviewed = await plan(setup)  # what it looked at is what it would delete
        await both.central.change("customers", (await theirs(both))["Customer 1"]["id"], {"city": "Bergen"})
        result, refused = await apply(setup, reviewed)
    assert result.writes == 0
    assert [r.row.step for r in refused] == ["delete"]
    assert (await theirs(both))["Customer 1"]["city"] == "Bergen"


@pytest.mark.parametrize("kind", ["drop-after", "drop-before", "503", "429", "500"])
async def test_a_deletion_that_fails_on_the_way_is_done_once_in_the_end(both: Pair, kind: str) -> None:
    """Whichever of the requests it is: those that read, the one that deletes, those that look again."""
    both.change_flow("customers", "delete: ask", "delete: propagate")
    for after in range(5):
        made = await customer(both, after)
        await both.sync()
        await delete_ours(both, made)
        await both.fail("businesscentral", {"kind": kind, "match": "$batch", "method": "POST", "after": after})
        await both.sync()
        await both.fail("businesscentral")
        assert not await theirs(both)
        assert not both.parked()
        async with both.setup() as setup:
            told = setup.store.history(Ref("customers", "customerp", made["id"]))
            deleted = [entry for entry in told if entry.action == "deleted"]
            cities = {entry.ref.side: entry.whole.values["city"] for entry in deleted if entry.ref and entry.whole}
            assert cities == {"customerp": "Oslo", "businesscentral": "Oslo"}  # what was deleted can still be read
            assert len(deleted) == 2


async def test_a_refused_deletion_is_parked_with_the_systems_own_words(both: Pair) -> None:
    both.change_flow("customers", "delete: ask", "delete: propagate")
    made = await customer(both)
    await both.sync()
    record = (await theirs(both))["Customer 1"]
    await both.central.create("salesQuotes", {"customerId": record["id"]})
    await delete_ours(both, made)
    await both.sync()
    (parked,) = both.parked()
    assert parked.cause == "refused"
    assert "You cannot delete Customer" in parked.message


async def test_a_plan_shows_deletions_and_only_reviewed_ones_are_done(both: Pair) -> None:
    both.change_flow("customers", "delete: ask", "delete: propagate")
    made = [await customer(both, n) for n in range(2)]
    await both.sync()
    await delete_ours(both, made[0])
    async with both.setup() as setup:
        reviewed = await plan(setup)
        assert [(row.step, row.target, row.name) for row in reviewed.rows] == [
            ("delete", "businesscentral", "Customer 0")
        ]
        assert set(await theirs(both)) == {"Customer 0", "Customer 1"}
        await delete_ours(both, made[1])
        result, refused = await apply(setup, reviewed)
    assert not refused
    assert result.flows["customers"].deleted == {"businesscentral": 1}
    assert set(await theirs(both)) == {"Customer 1"}
    await both.sync()
    assert not await theirs(both)


async def order(both: Pair, buyer: dict[str, Any]) -> dict[str, Any]:
    thing = await both.erp.create(
        "products", {"sku": "P1", "name": "Thing", "kind": "stock", "category": "MISC", "unit": "PCS"}
    )
    line = {"productId": thing["id"], "quantity": 1, "unit": "PCS", "unitPrice": 10}
    return await both.erp.create("orders", {"orderNo": "SO-1", "customerId": buyer["id"], "lines": [line]})


async def test_what_pointed_to_a_deleted_record_moves_first(both: Pair) -> None:
    """Two customers are merged inside Customerp: the order goes to the one that stays, then the other is deleted."""
    both.change_flow("customers", "delete: ask", "delete: propagate")
    merged, stays = await customer(both, 1), await customer(both, 2)
    placed = await order(both, merged)
    await both.sync()
    moved_to = {"customerId": stays["id"], "billToCustomerId": stays["id"]}
    await both.erp.change("orders", placed["id"], moved_to)
    await delete_ours(both, merged)
    await both.sync()
    assert set(await theirs(both)) == {"Customer 2"}
    (moved,) = await both.central.all("salesOrders")
    assert moved["customerName"] == "Customer 2"
    assert not both.parked()
    assert not (await both.verify()).differences


async def test_what_points_to_a_deleted_record_is_deleted_before_it(both: Pair) -> None:
    for flow in ("customers", "orders"):
        both.change_flow(flow, "delete: ask", "delete: propagate")
    buyer = await customer(both)
    placed = await order(both, buyer)
    await both.sync()
    etag = (await both.erp.get("orders", placed["id"]))["etag"]
    await both.erp.ask("DELETE", f"orders/{placed['id']}", headers={"If-Match": etag})
    await delete_ours(both, buyer)
    await both.sync()
    assert not await both.central.all("salesOrders")
    assert not await theirs(both)
    assert not both.parked()
