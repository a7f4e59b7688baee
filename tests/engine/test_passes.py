"""Whole passes between the two sandboxes: what they do when nothing is as it should be."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from engine.pair import Pair
from postgres import store_in
from syncline.cli import planfile
from syncline.connectors.base import Spent
from syncline.demo.systems import Customerp, server
from syncline.engine.plan import apply, plan
from syncline.engine.setup import EngineError
from syncline.engine.spending import spending
from syncline.engine.sync import look, sync
from syncline.engine.verify import verify
from syncline.project import load
from syncline.project.scaffold import scaffold
from syncline.records import LinkState
from syncline.store import Memory


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str:
    return store_in(request.param, request)


CUSTOMER = {"name": "Alder Trading", "organisationNumber": "ORG1", "email": "post@alder.example"}


async def customer(both: Pair, **fields: Any) -> dict[str, Any]:
    return await both.erp.create("customers", {**CUSTOMER, **fields})


async def order(both: Pair, lines: int = 3) -> dict[str, Any]:
    """An order in Customerp with its customer and products."""
    buyer = await customer(both)
    goods = [
        await both.erp.create(
            "products", {"sku": f"P{n}", "name": f"Thing {n}", "kind": "stock", "category": "MISC", "unit": "PCS"}
        )
        for n in range(lines)
    ]
    told = [{"productId": p["id"], "quantity": 2 + n, "unit": "PCS", "unitPrice": 10} for n, p in enumerate(goods)]
    return await both.erp.create("orders", {"orderNo": "SO-1", "customerId": buyer["id"], "lines": told})


async def sales_orders(both: Pair) -> list[dict[str, Any]]:
    return await both.central.all("salesOrders", "$expand=salesOrderLines")


async def test_a_create_whose_answer_is_lost_makes_one_record(both: Pair) -> None:
    await customer(both)
    await both.fail("businesscentral", {"kind": "drop-after", "match": "$batch", "method": "POST", "times": 1})
    result = await both.sync()
    assert [c["displayName"] for c in await both.central.all("customers")] == ["Alder Trading"]
    assert not result.unfinished
    assert not (await both.verify()).differences


async def test_an_order_whose_answer_is_lost_keeps_its_lines_once(both: Pair) -> None:
    await order(both)
    await both.fail("businesscentral", {"kind": "drop-after", "match": "$batch", "method": "POST", "after": 2})
    await both.sync()
    (found,) = await sales_orders(both)
    assert [line["quantity"] for line in found["salesOrderLines"]] == [2, 3, 4]
    assert not (await both.verify()).differences


async def test_a_create_in_customerp_whose_answer_is_lost_makes_one_record(both: Pair) -> None:
    await both.central.create("customers", {"type": "Company", "displayName": "Birch", "taxRegistrationNumber": "X1"})
    await both.fail("customerp", {"kind": "drop-after", "match": "customers", "method": "POST"})
    await both.sync()
    assert [c["name"] for c in await both.erp.all("customers")] == ["Birch"]
    assert not (await both.verify()).differences


async def test_a_create_in_customerp_that_is_lost_time_and_again_makes_one_record(both: Pair) -> None:
    """Also where the answer to the same create, sent again with its key, is lost: it keeps that key."""
    await both.central.create("customers", {"type": "Company", "displayName": "Birch", "taxRegistrationNumber": "X1"})
    await both.fail("customerp", {"kind": "drop-after", "match": "customers", "method": "POST", "times": 7})
    await both.sync()
    assert [c["name"] for c in await both.erp.all("customers")] == ["Birch"]
    assert not (await both.verify()).differences


@pytest.mark.parametrize("kind", ["drop-after", "drop-before", "500", "503", "429"])
async def test_a_request_that_fails_on_the_way_changes_nothing_in_the_end(both: Pair, kind: str) -> None:
    """Whichever of the requests it is: those that read, the one that writes, the ones that look again."""
    made = await order(both)
    await both.sync()
    for after in range(6):
        (theirs,) = await sales_orders(both)
        ours = await both.erp.get("orders", made["id"])
        changed = [{**ours["lines"][0], "quantity": 10 + after}, *ours["lines"][1:]]
        lines = [*changed, {"description": f"Text {after}"}]
        await both.erp.change("orders", made["id"], {"lines": lines, "email": f"m{after}@o.example"})
        fault = {"kind": kind, "match": "$batch", "method": "POST", "after": after, "retryAfter": 1}
        await both.fail("businesscentral", fault)
        await both.sync()
        await both.fail("businesscentral")
        (theirs,) = await sales_orders(both)
        assert theirs["email"] == f"m{after}@o.example"
        told = sorted(theirs["salesOrderLines"], key=lambda line: line["sequence"])
        assert [(line["quantity"], line["description"]) for line in told] == [
            (10 + after, "Thing 0"),
            (3, "Thing 1"),
            (4, "Thing 2"),
            *((0, f"Text {n}") for n in range(after + 1)),
        ]
    assert not (await both.verify()).differences


async def test_an_edit_made_while_ours_is_on_its_way_is_not_overwritten(both: Pair) -> None:
    made = await customer(both, address={"city": "Oslo"})
    await both.sync()
    (theirs,) = await both.central.all("customers")
    async with both.setup() as setup:
        await both.erp.change("customers", made["id"], {"phone": "+4721000000"})
        stale = await plan(setup)  # it has been read by now
        await both.central.change("customers", theirs["id"], {"city": "Bergen"})
        assert [row.target for row in stale.rows] == ["businesscentral"]
        _, refused = await apply(setup, stale)
        assert [r.row.name for r in refused] == ["Alder Trading"]
        assert "moved" in refused[0].why
        await sync(setup)
    (theirs,) = await both.central.all("customers")
    assert (theirs["city"], theirs["phoneNumber"]) == ("Bergen", "+4721000000")
    assert (await both.erp.get("customers", made["id"]))["address"]["city"] == "Bergen"


async def test_a_plan_writes_nothing_and_is_applied_as_reviewed(both: Pair, tmp_path: Path) -> None:
    await order(both)
    async with both.setup() as setup:
        made = await plan(setup)
        assert not await both.central.all("customers")
        assert {(row.flow, row.step) for row in made.rows} == {
            ("customers", "create"),
            ("products", "create"),
            ("orders", "create"),
        }
        planfile.write(made, tmp_path / "plan.json")
        result, refused = await apply(setup, planfile.read(tmp_path / "plan.json"))
        assert not refused
        assert {flow: dict(t.created) for flow, t in result.flows.items() if t.created} == {
            "customers": {"businesscentral": 1},
            "products": {"businesscentral": 3},
            "orders": {"businesscentral": 1},
        }
    assert len(await sales_orders(both)) == 1


async def test_what_was_not_reviewed_is_not_done(both: Pair) -> None:
    await customer(both)
    async with both.setup() as setup:
        made = await plan(setup)
        await customer(both, name="Later", organisationNumber="ORG2", email="later@alder.example")
        await apply(setup, made)
    assert [c["displayName"] for c in await both.central.all("customers")] == ["Alder Trading"]


async def test_a_property_to_be_asked_about_is_parked_and_the_rest_goes_on(both: Pair) -> None:
    both.change_flow("customers", "businesscentral: city}", "businesscentral: city, conflict: ask}")
    made = await customer(both, address={"city": "Oslo"})
    await both.sync()
    (theirs,) = await both.central.all("customers")
    await both.erp.change("customers", made["id"], {"address": {"city": "Rome"}, "phone": "+4721000000"})
    await both.central.change("customers", theirs["id"], {"city": "Bonn"})
    await both.sync()
    (theirs,) = await both.central.all("customers")
    assert (theirs["city"], theirs["phoneNumber"]) == ("Bonn", "+4721000000")
    (parked,) = both.parked()
    assert parked.cause == "conflict"
    assert "Rome (customerp)" in parked.message
    assert "Bonn (businesscentral)" in parked.message
    await both.sync()
    await both.central.change("customers", theirs["id"], {"phoneNumber": "+4722000000"})
    await both.sync()
    ours = await both.erp.get("customers", made["id"])
    assert (ours["address"]["city"], ours["phone"]) == ("Rome", "+4722000000")
    await both.central.change("customers", theirs["id"], {"city": "Rome"})  # a person makes them the same
    await both.sync()
    assert not both.parked()
    assert not (await both.verify()).differences


async def test_records_that_share_a_key_twice_are_parked_until_they_differ(both: Pair) -> None:
    first = await customer(both)
    await customer(both, name="Twin")
    await both.central.create("customers", {"type": "Company", "displayName": "A", "taxRegistrationNumber": "ORG1"})
    await both.sync()
    assert [parked.cause for parked in both.parked()] == ["ambiguous"] * 3
    assert len(await both.central.all("customers")) == 1
    await both.erp.change("customers", first["id"], {"organisationNumber": "ORG9", "email": "other@alder.example"})
    await both.sync()
    assert not both.parked()
    assert len(await both.central.all("customers")) == 2
    assert not (await both.verify()).differences


async def test_what_only_looks_alike_is_suggested(both: Pair) -> None:
    await both.erp.create("customers", {"name": "Same Name", "address": {"postalCode": "0150"}})
    await both.central.create("customers", {"type": "Company", "displayName": "SAME NAME", "postalCode": "0150"})
    await both.sync()
    assert [parked.cause for parked in both.parked()] == ["suggested"] * 2
    assert len(await both.erp.all("customers")) == len(await both.central.all("customers")) == 1


async def test_a_record_that_leaves_the_flow_rests_until_it_is_back(both: Pair) -> None:
    made = await customer(both, address={"city": "Oslo"})
    await both.sync()
    (theirs,) = await both.central.all("customers")
    await both.central.change("customers", theirs["id"], {"type": "Person"})
    await both.sync()
    await both.erp.change("customers", made["id"], {"address": {"city": "Rome"}})
    await both.sync()
    assert (await both.central.get("customers", theirs["id"]))["city"] == "Oslo"
    await both.central.change("customers", theirs["id"], {"type": "Company"})
    await both.sync()
    assert (await both.central.get("customers", theirs["id"]))["city"] == "Rome"
    assert not (await both.verify()).differences


async def test_an_invoiced_order_is_completed_and_later_edits_are_told(both: Pair) -> None:
    made = await order(both)
    await both.sync()
    (theirs,) = await sales_orders(both)
    await both.central.act("salesOrders", theirs["id"], "shipAndInvoice")
    await both.sync()
    ours = await both.erp.get("orders", made["id"])
    assert (ours["status"], len(ours["invoiceNumbers"])) == ("completed", 1)
    async with both.setup() as setup:
        (linked,) = setup.store.find_links("SO-1", "orders")
        assert linked.link.state is LinkState.COMPLETED
    assert not (await both.verify()).differences
    await both.erp.change("orders", made["id"], {"requestedDelivery": "2026-05-01"})
    await both.sync()
    (parked,) = both.parked()
    assert "completed" in parked.message


@pytest.mark.parametrize(
    ("wrong", "words", "right"),
    [
        ({"currency": "QQQ"}, '"currencyCode" does not match to a Currency', {"currency": None}),
        ({"name": "N" * 101}, "length of the string is 101", {"name": "Short"}),
        ({"address": {"country": "QQ"}}, "QQ", {"address": {"country": "NO"}}),
        ({"salesperson": "NOBODY"}, "NOBODY", {"salesperson": None}),
    ],
)
async def test_a_refused_record_is_parked_alone_and_goes_on_when_it_is_mended(
    both: Pair, wrong: dict[str, Any], words: str, right: dict[str, Any]
) -> None:
    made = await customer(both, **wrong)
    await customer(both, name="Fine", organisationNumber="ORG2", email="fine@alder.example")
    await both.sync()
    assert [c["displayName"] for c in await both.central.all("customers")] == ["Fine"]
    (parked,) = both.parked()
    assert parked.cause == "refused"
    assert words in parked.message
    await both.erp.change("customers", made["id"], right)
    await both.sync()
    assert not both.parked()
    assert not (await both.verify()).differences


async def test_an_order_that_waits_for_its_customer_or_product_is_held_whole(both: Pair) -> None:
    """Nothing of it is sent, until what it points to is there: then all its lines, in their order."""
    buyer = await customer(both, currency="QQQ")
    goods = [
        await both.erp.create(
            "products",
            {"sku": f"P{n}", "name": f"Thing {n}", "kind": "stock", "category": "MISC", "unit": "PCS", "taxGroup": tax},
        )
        for n, tax in enumerate(("STANDARD", "NOSUCHTAX", "STANDARD"))
    ]
    lines = [{"productId": p["id"], "quantity": n + 1, "unit": "PCS", "unitPrice": 10} for n, p in enumerate(goods)]
    await both.erp.create("orders", {"orderNo": "SO-1", "customerId": buyer["id"], "lines": lines})
    await both.sync()
    assert not await sales_orders(both)
    assert {parked.ref.flow: parked.cause for parked in both.parked()} == {
        "customers": "refused",
        "products": "refused",
        "orders": "waiting",
    }
    await both.erp.change("customers", buyer["id"], {"currency": None})
    await both.sync()
    assert not await sales_orders(both)
    await both.erp.change("products", goods[1]["id"], {"taxGroup": None})
    await both.sync()
    (found,) = await sales_orders(both)
    told = sorted(found["salesOrderLines"], key=lambda line: line["sequence"])
    assert [(line["lineObjectNumber"], line["quantity"]) for line in told] == [("P0", 1), ("P1", 2), ("P2", 3)]
    assert not both.parked()


async def test_a_new_quantity_does_not_cost_a_line_its_price_and_discount(both: Pair) -> None:
    """Business Central looks both up again when a quantity is written: what was agreed is sent behind it."""
    made = await order(both, lines=1)
    (line,) = made["lines"]
    await both.erp.change("orders", made["id"], {"lines": [{**line, "unitPrice": 7.5, "discountPercent": 10}]})
    await both.sync()
    (line,) = (await both.erp.get("orders", made["id"]))["lines"]
    await both.erp.change("orders", made["id"], {"lines": [{**line, "quantity": 5}]})
    await both.sync()
    ((theirs,),) = [found["salesOrderLines"] for found in await sales_orders(both)]
    ((ours,),) = [(await both.erp.get("orders", made["id"]))["lines"]]
    assert (theirs["quantity"], theirs["unitPrice"], theirs["discountPercent"]) == (5, 7.5, 10)
    assert (ours["quantity"], ours["unitPrice"], ours["discountPercent"]) == (5, 7.5, 10)
    assert not (await both.verify()).differences


async def test_what_business_central_keeps_in_its_own_way_is_no_difference(both: Pair) -> None:
    """Capitals, blanks around codes, the local currency's code, places of a price: no echo, nothing to verify."""
    await customer(
        both,
        organisationNumber="no 123 abc",
        currency="eur",
        salesperson=" al ",
        paymentTerms="30d",
        creditLimit=1234.5678912,
        address={"postalCode": "sw1a 1aa", "country": "gb", "city": " London "},
    )
    await both.erp.create(
        "products",
        {"sku": "low er", "name": "n", "unit": "pcs", "category": "new cat", "price": 1.239999, "cost": 1e-5},
    )
    await both.sync()
    assert not both.parked()
    assert not (await both.verify()).differences
    assert (await both.sync()).writes == 0
    ((theirs,), (item,)) = (await both.central.all("customers"), await both.central.all("items"))
    assert (theirs["taxRegistrationNumber"], theirs["currencyCode"]) == ("NO 123 ABC", "EUR")
    assert (item["number"], item["unitPrice"], item["unitCost"]) == ("LOW ER", 1.24, 1e-5)


async def test_a_token_that_expires_during_the_pass_is_renewed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = {"BC_CLIENT_ID": "client", "BC_CLIENT_SECRET": "a secret"}
    for name, value in {**secrets, "SYNCLINE_SANDBOX_CLIENT_ID": "client"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SYNCLINE_SANDBOX_CLIENT_SECRET", "a secret")
    async with (
        server("customerp", tmp_path) as erp_at,
        server("businesscentral", tmp_path, "--token-seconds", "1") as central_at,
        Customerp(erp_at) as erp,
    ):
        for n in range(3):
            await erp.create("customers", {"name": f"Customer {n}", "organisationNumber": f"ORG{n}"})
        project = tmp_path / "project"
        scaffold(project, businesscentral=central_at, customerp=erp_at, company=None)
        config = (project / "syncline.yaml").read_text()
        head, _, tail = config.partition("connector: businesscentral")
        named = "secrets: {clientId: BC_CLIENT_ID, clientSecret: BC_CLIENT_SECRET}"
        (project / "syncline.yaml").write_text(f"{head}connector: businesscentral\n    {named}{tail}")
        slow = [{"kind": "latency", "seconds": 0.7, "match": "$batch"}] * 3
        await erp.ask("POST", f"{central_at}/sandbox/faults", {"next": slow})
        async with load(project).open("a test") as setup:
            result = await sync(setup)
            assert result.flows["customers"].created["businesscentral"] == 3
            assert setup.systems["businesscentral"].requests["sign-in"] > 1  # type: ignore[attr-defined]
            assert not (await verify(setup)).differences


async def test_what_was_asked_of_a_system_is_remembered(both: Pair) -> None:
    await customer(both)
    await both.fail("businesscentral", {"kind": "429", "match": "$batch", "times": 2, "retryAfter": 0})
    async with both.setup() as setup:
        assert spending(setup.store, "businesscentral") is None
        await sync(setup)
        first = spending(setup.store, "businesscentral")
        assert first is not None
        counted: Mapping[str, int] = setup.systems["businesscentral"].requests  # type: ignore[attr-defined]
        assert first.spent == Spent(requests=sum(counted.values()), limit=5_700, seconds=300, refused=2)
        await look(setup, ())
        assert spending(setup.store, "businesscentral") == first  # nothing was asked


async def test_another_company_behind_the_same_address_is_refused(both: Pair) -> None:
    await customer(both)
    await both.sync()
    async with both.setup() as setup:
        setup.store.save(Memory(facts={"identity of businesscentral": "v2.0/local/sandbox/another"}))
        with pytest.raises(EngineError, match="is now"):
            await sync(setup)
