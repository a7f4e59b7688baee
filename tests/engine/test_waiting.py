"""The order of work: who waits for whom, shown for what it is, also where it would never end by itself."""

from __future__ import annotations

from typing import Any

from cli.calling import call
from engine.pair import Pair
from syncline.engine.chains import chains, counts
from syncline.engine.sync import sync
from syncline.reconcile.waiting import Fate
from syncline.records import Ref
from syncline.store import Memory, Parked

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
        "customers",
        "customerp: {entity: customers, title: Customer}",
        "customerp: {entity: customers, title: Customer, where: {hold: none}}",
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


async def waits(both: Pair, on: Ref) -> str:
    """What is told of an order that waits for that record, whatever else there is."""
    ref = Ref("orders", ERP, "an order")
    async with both.setup() as setup:
        setup.store.save(Memory(parked=[Parked(ref=ref, cause="waiting", message="", since=setup.now(), waits=(on,))]))
        found = chains(setup.store, setup.flows, setup.store.parked())[ref]
        setup.store.save(Memory(released=[ref]))
    return f"{found.end.fate}: {found.end.words}"


async def test_what_is_known_of_a_record_that_is_waited_for_is_said_and_no_more(both: Pair) -> None:
    both.change_flow("customers", "delete: ask", "delete: propagate")
    nobody = Ref("customers", ERP, "nobody")
    assert await waits(both, nobody) == "coming: was not seen yet: customerp was not listed to the end"
    buyer = await both.erp.create("customers", {"name": "Buyer"})
    await both.sync()
    ref = Ref("customers", ERP, buyer["id"])
    assert await waits(both, nobody) == "nothing: was not in customerp when it was last looked at"
    assert await waits(both, Ref("gone", ERP, "1")) == "nothing: is of a flow that is switched off"
    assert await waits(both, ref) == "coming: is linked"
    (contact,) = [c["number"] for c in await both.central.all("contacts") if c["type"] == "Company"]
    assert await waits(both, Ref("customers", BC, f"companyContact={contact}")) == "coming: is linked"
    assert (await waits(both, Ref("customers", BC, "companyContact=X"))).startswith(
        "nothing: was not in businesscentral"
    )
    etag = (await both.erp.get("customers", ref.id))["etag"]
    await both.erp.ask("DELETE", f"customers/{ref.id}", headers={"If-Match": etag})
    await both.sync()
    assert await waits(both, ref) == "nothing: was deleted in customerp"


async def test_what_was_kept_without_a_counterpart_is_waited_for_in_vain(both: Pair) -> None:
    both.change_flow("customers", "delete: ask", "delete: keep")
    buyer = await both.erp.create("customers", {"name": "Buyer"})
    await both.sync()
    (theirs,) = await both.central.all("customers")
    await both.central.ask("DELETE", f"customers({theirs['id']})", headers={"If-Match": theirs["@odata.etag"]})
    async with both.setup() as setup:
        await sync(setup, scanning=True)
    made = await order(both, buyer["id"])
    await both.sync()
    words, fate, _ = (await told(both))[made["id"]]
    assert words.endswith("which has no counterpart in businesscentral any more")
    assert fate is Fate.NOTHING


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


async def test_what_was_refused_goes_on_when_what_it_points_to_is_there_again(both: Pair) -> None:
    """The order was sent before anybody knew that its customer had been deleted there."""
    buyer = await both.erp.create("customers", {"name": "Buyer", "organisationNumber": "B1"})
    await both.sync()
    (theirs,) = await both.central.all("customers")
    await both.central.ask("DELETE", f"customers({theirs['id']})", headers={"If-Match": "*"})
    await order(both, buyer["id"])
    async with both.setup() as setup:
        await sync(setup, scanning=True, allow_deletions=True)
        assert {parked.cause for parked in setup.store.parked()} == {"deleted", "refused"}
    call(both.folder, "parked", "restore", f"businesscentral/customers/{theirs['id']}")
    await both.sync()
    (found,) = await both.central.all("salesOrders")
    (again,) = await both.central.all("customers")
    assert found["customerId"] == again["id"]
    assert not both.parked()
