"""The order of work: who waits for whom, shown for what it is, also where it would never end by itself."""

from __future__ import annotations

from typing import Any

from engine.pair import Pair
from syncline.engine.chains import chains, counts
from syncline.reconcile.waiting import Fate

ERP, BC = "customerp", "businesscentral"


async def order(both: Pair, customer: str, number: str = "SO-1") -> dict[str, Any]:
    return await both.erp.create("orders", {"orderNo": number, "customerId": customer})


async def told(both: Pair) -> dict[str, tuple[str, Fate, bool]]:
    """By the id of each record that waits: its chain, in words and otherwise."""
    async with both.setup() as setup:
        found = chains(setup.store, setup.flows, setup.store.parked())
        return {ref.id: (str(chain), chain.end.fate, chain.endless) for ref, chain in found.items()}


async def stand(both: Pair, flow: str) -> tuple[int, dict[str, int]]:
    async with both.setup() as setup:
        found = counts(setup.store, setup.flows)[flow]
        return found.waiting, dict(found.parked)


async def test_an_order_is_shown_with_what_its_customer_is_parked_for(both: Pair) -> None:
    buyer = await both.erp.create("customers", {"name": "Buyer", "currency": "QQQ"})
    made = await order(both, buyer["id"])
    await both.sync()
    words, fate, endless = (await told(both))[made["id"]]
    start = (
        f"customerp/orders/{made['id']} waits for customerp/customers/{buyer['id']}, which is refused: businesscentral"
    )
    assert words.startswith(start)
    assert (fate, endless) == (Fate.PARKED, False)
    assert await stand(both, "orders") == (1, {})
    await both.erp.change("customers", buyer["id"], {"currency": None})
    await both.sync()
    assert not both.parked()
    assert len(await both.central.all("salesOrders")) == 1


async def test_a_reference_to_what_takes_no_part_is_for_a_person(both: Pair) -> None:
    both.change_flow(
        "customers", "customerp: {entity: customers}", "customerp: {entity: customers, where: {hold: none}}"
    )
    buyer = await both.erp.create("customers", {"name": "Buyer", "hold": "all"})
    made = await order(both, buyer["id"])
    await both.sync()
    words, fate, endless = (await told(both))[made["id"]]
    assert words.endswith("which was not in customerp when it was last looked at, or takes no part in customers")
    assert (fate, endless) == (Fate.NOTHING, True)
    assert await stand(both, "orders") == (0, {"waiting": 1})
    await both.erp.change("customers", buyer["id"], {"hold": "none"})
    await both.sync()
    assert not both.parked()
    assert await stand(both, "orders") == (0, {})


async def test_a_reference_to_what_was_not_seen_yet_may_still_end_by_itself(both: Pair) -> None:
    buyer = await both.erp.create("customers", {"name": "Buyer"})
    await both.fail(ERP, {"kind": "503", "match": "customers", "times": 100})
    made = await order(both, buyer["id"])
    async with both.setup() as setup:
        await setup.systems[ERP].identity()
        assert not setup.store.listed("customers", ERP)
    await both.fail(ERP)
    await both.sync()
    assert not both.parked()
    assert (await both.erp.get("orders", made["id"]))["bcNumber"]


async def test_a_reference_to_what_was_deleted_says_so(both: Pair) -> None:
    both.change_flow("customers", "delete: ask", "delete: propagate")
    buyer = await both.erp.create("customers", {"name": "Buyer"})
    kept = await both.erp.create("customers", {"name": "Kept"})
    await both.sync()
    made = await order(both, kept["id"])
    await both.sync()
    etag = (await both.erp.get("customers", buyer["id"]))["etag"]
    await both.erp.ask("DELETE", f"customers/{buyer['id']}", headers={"If-Match": etag})
    await both.sync()
    assert [c["name"] for c in await both.erp.all("customers")] == ["Kept"]
    async with both.setup() as setup:  # as it is where an order is read that was written before the deletion
        from syncline.records import Ref
        from syncline.store import Memory, Parked

        ref, on = Ref("orders", ERP, made["id"]), Ref("customers", ERP, buyer["id"])
        now = setup.now()
        setup.store.save(Memory(parked=[Parked(ref=ref, cause="waiting", message="", since=now, waits=(on,))]))
    words, fate, _ = (await told(both))[made["id"]]
    assert (words.split(", which ")[1], fate) == ("was deleted in customerp", Fate.NOTHING)


async def test_records_that_wait_for_each_other_are_told_as_a_circle(both: Pair) -> None:
    """A flow that refers to itself: here each customer's website is the id of the one who pays for it."""
    both.change_flow(
        "customers",
        "website:            {customerp: website,            businesscentral: website}",
        "payer:              {customerp: website, businesscentral: website, reference: customers}",
    )
    one, two, itself, last = [await both.erp.create("customers", {"name": f"C{n}"}) for n in range(4)]
    for payer, customer in ((one, two), (two, one), (itself, itself), (one, last)):
        await both.erp.change("customers", customer["id"], {"website": payer["id"]})
    made = await order(both, last["id"])
    await both.sync()
    found = await told(both)
    assert {id_: fate for id_, (_, fate, _) in found.items()} == dict.fromkeys(
        (one["id"], two["id"], itself["id"], last["id"], made["id"]), Fate.CYCLE
    )
    assert found[itself["id"]][0].endswith("which is itself")
    at = "customerp/customers/"
    assert found[made["id"]][0] == (
        f"customerp/orders/{made['id']} waits for {at}{last['id']}, which waits for {at}{one['id']}, which waits for "
        f"{at}{two['id']}, which waits for {at}{one['id']}, which closes a circle: none of them can go first"
    )
    assert await stand(both, "customers") == (0, {"waiting": 4})
    await both.erp.change("customers", one["id"], {"website": None})
    await both.erp.change("customers", itself["id"], {"website": None})
    await both.sync()
    assert not both.parked()
    assert len(await both.central.all("customers")) == 4
