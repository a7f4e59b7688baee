"""What the journal says that was before is put back in both systems; what is not put back is said."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from engine.pair import Pair
from engine.undone import back, back_since
from syncline.engine.people.reverting import CannotUndo
from syncline.engine.people.undoing import Undo
from syncline.project import load
from syncline.store import Entry


async def customer(both: Pair, **fields: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """One that both sides have, as each has it."""
    made = await both.erp.create("customers", {"name": "Alder", "organisationNumber": "no 123 abc", **fields})
    await both.sync()
    (theirs,) = await both.central.all("customers")
    return made, theirs


def last(both: Pair, action: str, name: str) -> Entry:
    with load(both.folder).open_store() as store:
        return [e for e in store.journal(limit=10_000) if (e.action, e.property) == (action, name)][-1]


async def test_the_words_of_the_side_that_says_it_all_are_put_back(both: Pair) -> None:
    """The edit was made where letters are capitals; the other side had spelt it as people had typed it."""
    made, theirs = await customer(both)
    await both.central.change("customers", theirs["id"], {"taxRegistrationNumber": "NO 9"})
    await both.sync()
    assert (await both.erp.get("customers", made["id"]))["organisationNumber"] == "NO 9"
    back(both, last(both, "edited", "organisationNumber"))
    await both.sync()
    assert (await both.erp.get("customers", made["id"]))["organisationNumber"] == "no 123 abc"
    (theirs,) = await both.central.all("customers")
    assert theirs["taxRegistrationNumber"] == "NO 123 ABC"
    assert not (await both.verify()).differences


async def test_a_value_that_gave_way_is_brought_back(both: Pair) -> None:
    made, theirs = await customer(both, address={"city": "Oslo"})
    await both.erp.change("customers", made["id"], {"address": {"city": "Rome"}})
    await both.central.change("customers", theirs["id"], {"city": "Bonn"})
    await both.sync()
    lost = last(both, "lost", "city")
    back(both, lost)
    await both.sync()
    assert (await both.erp.get("customers", made["id"]))["address"]["city"] == lost.old
    assert (await both.central.get("customers", theirs["id"]))["city"] == lost.old


async def test_lines_go_back_value_by_value_and_what_came_or_went_is_told(both: Pair) -> None:
    buyer = await both.erp.create("customers", {"name": "Alder"})
    thing = await both.erp.create(
        "products", {"sku": "P", "name": "Thing", "kind": "stock", "category": "MISC", "unit": "PCS"}
    )
    lines = [{"productId": thing["id"], "quantity": n, "unit": "PCS", "unitPrice": 10} for n in (2, 3, 4)]
    made = await both.erp.create("orders", {"orderNo": "SO-1", "customerId": buyer["id"], "lines": lines})
    await both.sync()
    moment = datetime.now(UTC)
    first, second, _ = (await both.erp.get("orders", made["id"]))["lines"]
    changed = [{**first, "quantity": 9}, second, {"description": "A text"}]
    await both.erp.change("orders", made["id"], {"lines": changed, "email": "a@b.example"})
    await both.sync()
    put_back = back_since(both, moment)
    assert {(each.property, each.value) for each in put_back.back} >= {("quantity", 2), ("email", None)}
    told = {(kept.entry.action, kept.why) for kept in put_back.kept if kept.entry.line}
    assert {action for action, _ in told} == {"created", "deleted", "updated"}
    assert {why for action, why in told if action == "updated"} == {
        "the agreement lets nothing of it be written to businesscentral",  # the amounts, which that works out by itself
        "it was empty, and filled from businesscentral",
    }
    await both.sync()
    ours = await both.erp.get("orders", made["id"])
    assert [line["quantity"] or 0 for line in ours["lines"]] == [2, 3, 0]
    assert ours["email"] is None
    ((theirs,),) = (await both.central.all("salesOrders", "$expand=salesOrderLines"),)
    theirs_lines = sorted(theirs["salesOrderLines"], key=lambda line: line["sequence"])
    assert [line["quantity"] for line in theirs_lines] == [2, 3, 0]
    assert not (await both.verify()).differences


async def test_a_reference_goes_back_to_the_record_it_pointed_to(both: Pair) -> None:
    one, other = [await both.erp.create("customers", {"name": name}) for name in ("Alder", "Birch")]
    thing = await both.erp.create(
        "products", {"sku": "P", "name": "Thing", "kind": "stock", "category": "MISC", "unit": "PCS"}
    )
    line = {"productId": thing["id"], "quantity": 1, "unit": "PCS", "unitPrice": 10}
    made = await both.erp.create("orders", {"orderNo": "SO-1", "customerId": one["id"], "lines": [line]})
    await both.sync()
    await both.erp.change("orders", made["id"], {"customerId": other["id"]})
    await both.sync()
    assert [o["customerName"] for o in await both.central.all("salesOrders")] == ["Birch"]
    back(both, last(both, "edited", "customer"))
    await both.sync()
    assert [o["customerName"] for o in await both.central.all("salesOrders")] == ["Alder"]
    assert (await both.erp.get("orders", made["id"]))["customerId"] == one["id"]


async def test_what_was_filled_or_owned_has_nothing_to_go_back_to(both: Pair) -> None:
    made, theirs = await customer(both)
    await both.central.change("customers", theirs["id"], {"city": "Bonn"})
    await both.sync()
    both.change_flow("customers", "businesscentral: city}", "businesscentral: city, direction: <-}")
    await both.erp.change("customers", made["id"], {"address": {"city": "Rome"}})
    await both.sync()
    assert (await both.erp.get("customers", made["id"]))["address"]["city"] == "Bonn", "it is put back"
    with pytest.raises(CannotUndo, match="it was brought in step with businesscentral, where it had not been changed"):
        back(both, last(both, "updated", "city"))
    moment = datetime.now(UTC)
    assert back_since(both, moment) == Undo(back=(), kept=())


async def test_records_that_are_linked_no_more_are_said(both: Pair) -> None:
    both.change_flow("customers", "delete: ask", "delete: propagate")
    made, theirs = await customer(both)
    moment = datetime.now(UTC)
    await both.central.change("customers", theirs["id"], {"city": "Bonn"})
    await both.sync()
    async with both.setup():
        await both.erp.ask(
            "DELETE",
            f"customers/{made['id']}",
            headers={"If-Match": (await both.erp.get("customers", made["id"]))["etag"]},
        )
    await both.sync()
    put_back = back_since(both, moment)
    assert not put_back.back
    assert [(str(entry.ref), entry.origin) for entry in put_back.restored] == [
        (f"businesscentral/customers/{theirs['id']}", "customerp")
    ]
    assert {(kept.entry.property, kept.why) for kept in put_back.kept} == {
        (None, "what was deleted is not brought back; the history has it whole"),
        ("city", "the records are not linked any more"),
    }
