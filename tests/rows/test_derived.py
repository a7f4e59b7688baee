"""The rows that only Business Central fills, and those that are sent with a new record: made to happen, then read."""

from __future__ import annotations

from typing import Any

from engine.pair import Pair
from rows.test_rows import FLOWS

_NOT_MADE = {"lastContacted"}
"""Interactions are logged in Business Central's own pages: its API tells their date, but takes none. The way back is
proved with the other dates."""


async def test_what_business_central_works_out_arrives(both: Pair) -> None:
    erp, central = both.erp, both.central
    buyer = await erp.create("customers", {"name": "Buyer", "organisationNumber": "ORG1"})
    person = await erp.create(
        "contacts", {"firstName": "Anne", "lastName": "Berg", "email": "a@b.example", "customerId": buyer["id"]}
    )
    thing = await erp.create(
        "products",
        {"sku": "THING", "name": "Thing", "kind": "stock", "category": "MISC", "unit": "PCS", "taxGroup": "STANDARD"},
    )
    line = {"productId": thing["id"], "quantity": 4, "unit": "PCS", "unitPrice": 100, "discountPercent": 10}
    made = [
        await erp.create(
            "orders",
            {
                "orderNo": number,
                "customerId": buyer["id"],
                "orderDate": "2020-01-01",
                "postingDate": "2020-01-01",
                "lines": [line],
            },
        )
        for number in ("SO-1", "SO-2")
    ]
    await both.sync()
    (item,) = await central.all("items")
    await central.change("items", item["id"], {"inventory": 25})
    sales = {o["externalDocumentNumber"]: o for o in await central.all("salesOrders")}
    (sold,) = await central.all("salesOrderLines", f"$filter=documentId eq {sales['SO-2']['id']}")
    await central.change("salesOrderLines", sold["id"], {"shipQuantity": 1, "invoiceQuantity": 1})
    await central.act("salesOrders", sales["SO-2"]["id"], "shipAndInvoice")
    await both.sync()
    seen: dict[str, Any] = {}

    first = await erp.get("orders", made[0]["id"])
    theirs = await central.get("salesOrders", sales["SO-1"]["id"])
    (their_line,) = await central.all("salesOrderLines", f"$filter=documentId eq {theirs['id']}")
    (our_line,) = first["lines"]
    seen |= {
        "bcNumber": (first["bcNumber"], theirs["number"]),
        "totalNet": (first["totals"]["net"], theirs["totalAmountExcludingTax"]),
        "totalTax": (first["totals"]["tax"], theirs["totalTaxAmount"]),
        "totalGross": (first["totals"]["gross"], theirs["totalAmountIncludingTax"]),
        "fullyShipped": (first["fullyShipped"], False),
        "discountAmount": (our_line["discountAmount"], their_line["discountAmount"]),
        "net": (our_line["net"], their_line["netAmount"]),
        "tax": (our_line["tax"], their_line["totalTaxAmount"]),
    }
    assert (first["totals"]["net"], our_line["discountAmount"]) == (360, 40)

    (partly,) = (await erp.get("orders", made[1]["id"]))["lines"]
    seen |= {"shipped": (partly["shipped"], 1), "invoiced": (partly["invoiced"], 1)}

    await central.act("salesOrders", sales["SO-1"]["id"], "shipAndInvoice")
    await both.sync()
    done = await erp.get("orders", made[0]["id"])
    invoices = [i["number"] for i in await central.all("salesInvoices") if i["orderId"] == sales["SO-1"]["id"]]
    seen |= {"status": (done["status"], "completed"), "invoiceNumbers": (done["invoiceNumbers"], invoices)}

    (customer,) = await central.all("customers", "$expand=customerFinancialDetails")
    ours = await erp.get("customers", buyer["id"])
    details = customer["customerFinancialDetails"]
    overdue = (details[0] if isinstance(details, list) else details)["overdueAmount"]
    assert overdue > 0
    seen |= {
        "balanceDue": (ours["balanceDue"], customer["balanceDue"]),
        "overdue": (ours["overdue"], overdue),
        "companyName": ((await erp.get("contacts", person["id"]))["companyName"], "Buyer"),
        "stock": ((await erp.get("products", thing["id"]))["stock"], (await central.all("items"))[0]["inventory"]),
    }
    assert {name: pair for name, pair in seen.items() if pair[0] != pair[1]} == {}
    rows = [p for flow in FLOWS.values() for p in flow.properties.values()]
    rows += [p for flow in FLOWS.values() if flow.lines for p in flow.lines.properties.values()]
    only_there = {p.name for p in rows if p.sources == {"businesscentral"}}
    assert only_there - seen.keys() == _NOT_MADE


async def test_what_goes_with_a_new_record_only(both: Pair) -> None:
    erp, central = both.erp, both.central
    ours = await erp.create("customers", {"customerNo": "MINE", "name": "Ours"})
    await erp.create("contacts", {"contactNo": "PMINE", "firstName": "Bo", "customerId": ours["id"]})
    await erp.create("products", {"sku": "SMINE", "name": "Sofa", "kind": "stock", "category": "MISC", "unit": "PCS"})
    theirs = await central.create("customers", {"type": "Company", "displayName": "Theirs"})
    (company,) = await central.all("contactsInformation", f"$filter=relatedId eq {theirs['id']}")
    person = await central.create(
        "contacts", {"type": "Person", "displayName": "Eva", "companyNumber": company["contactNumber"]}
    )
    item = await central.create("items", {"displayName": "Lamp", "type": "Inventory", "baseUnitOfMeasureCode": "PCS"})
    await both.sync()
    assert {c["number"] for c in await central.all("customers")} == {"MINE", theirs["number"]}
    assert {c["customerNo"] for c in await erp.all("customers")} == {"MINE", theirs["number"]}
    persons = await central.all("contacts", "$filter=type eq 'Person'")
    assert {c["number"] for c in persons} == {"PMINE", person["number"]}
    assert {c["contactNo"] for c in await erp.all("contacts")} == {"PMINE", person["number"]}
    items = {i["number"]: i for i in await central.all("items")}
    assert items.keys() == {p["sku"] for p in await erp.all("products")} == {"SMINE", item["number"]}
    groups = items["SMINE"]["generalProductPostingGroupCode"], items["SMINE"]["inventoryPostingGroupCode"]
    assert groups == ("RETAIL", "RESALE")


async def test_every_kind_of_line_goes_both_ways_and_keeps_its_place(both: Pair) -> None:
    erp, central = both.erp, both.central
    buyer = await erp.create("customers", {"name": "Buyer", "organisationNumber": "ORG1"})
    thing = await erp.create(
        "products", {"sku": "THING", "name": "Thing", "kind": "stock", "category": "MISC", "unit": "PCS"}
    )
    lines: list[dict[str, Any]] = [
        {"kind": "text", "description": "First read this"},
        {"kind": "product", "productId": thing["id"], "quantity": 2, "unit": "PCS", "unitPrice": 5},
        {"kind": "text", "description": "and this last"},
    ]
    made = await erp.create("orders", {"orderNo": "SO-1", "customerId": buyer["id"], "lines": lines})
    await both.sync()
    (order,) = await central.all("salesOrders", "$expand=salesOrderLines")
    told = sorted(order["salesOrderLines"], key=lambda line: line["sequence"])
    assert [(x["lineType"], x["description"]) for x in told] == [
        ("Comment", "First read this"),
        ("Item", "Thing"),
        ("Comment", "and this last"),
    ]
    between = (told[0]["sequence"] + told[1]["sequence"]) // 2
    text = {"lineType": "Comment", "description": "in between", "sequence": between}
    await central.create(f"salesOrders({order['id']})/salesOrderLines", text)
    await both.sync()
    ours = (await erp.get("orders", made["id"]))["lines"]
    assert [(x["kind"], x["description"]) for x in ours] == [
        ("text", "First read this"),
        ("text", "in between"),
        ("product", "Thing"),
        ("text", "and this last"),
    ]
    assert not (await both.verify()).differences
