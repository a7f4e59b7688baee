"""A whole company from one system into the other, and back: everything arrives, at the price that was promised."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from engine.pair import Pair, pair
from northwind.company import FOLDER, customers, orders, products
from northwind.loading import into_central, into_customerp

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="Northwind's files are not beside the checkout: SYNCLINE_NORTHWIND can name the folder"
)
_LISTS = {"GET customers", "GET contacts", "GET items", "GET salesOrders"}


async def asked(both: Pair) -> Counter[str]:
    """The requests to Business Central since they were last counted."""
    found = await both.central.ask("GET", f"{both.addresses['businesscentral']}/sandbox/requests")
    await forget(both)
    return Counter(found["requests"])


async def forget(both: Pair) -> None:
    await both.central.ask("POST", f"{both.addresses['businesscentral']}/sandbox/requests/reset")


async def test_a_company_goes_from_customerp_into_an_empty_business_central(tmp_path: Path) -> None:
    async with pair(tmp_path) as both:
        await into_customerp(both.erp)
        await forget(both)
        result = await both.sync()
        first = await asked(both)
        assert not result.unfinished
        assert not both.parked()
        assert {flow: t.created["businesscentral"] for flow, t in result.flows.items()} == {
            "products": 77,
            "customers": 91,
            "contacts": 91,
            "orders": 830,
        }
        assert first.total() <= 60, first
        await check_central(both)
        await check_idle(both)
        assert not (await both.verify()).differences


async def test_a_company_goes_from_business_central_into_an_empty_customerp(tmp_path: Path) -> None:
    async with pair(tmp_path) as both:
        await into_central(both.central, both.addresses["businesscentral"])
        await forget(both)
        result = await both.sync()
        first = await asked(both)
        assert not result.unfinished
        assert not both.parked()
        assert {flow: t.created["customerp"] for flow, t in result.flows.items()} == {
            "products": 77,
            "customers": 91,
            "contacts": 91,
            "orders": 830,
        }
        assert first.total() <= 60, first
        await check_customerp(both)
        await check_idle(both)
        assert not (await both.verify()).differences


async def check_idle(both: Pair) -> None:
    """A second pass writes nothing and looks once a flow; all look-ups together are one more request."""
    await forget(both)
    again = await both.sync()
    assert again.writes == 0
    looks = await asked(both)
    batches = looks.pop("POST $batch", 0)
    lists = sum(n for kind, n in looks.items() if kind in _LISTS)
    assert lists + batches <= 4 + 1, (looks, batches)


async def check_central(both: Pair) -> None:
    """Every record in Business Central against the files, by plain HTTP."""
    found = {c["number"]: c for c in await both.central.all("customers", "$expand=contactsInformation")}
    assert found.keys() == {c.number for c in customers()}
    for c in customers():
        held = found[c.number]
        told = (held["displayName"], held["addressLine1"], held["city"], held["state"], held["postalCode"])
        assert told == (c.name, c.street, c.city, c.region, c.postal_code)
        assert (held["type"], held["country"], bool(held["phoneNumber"])) == ("Company", c.country, bool(c.phone))
    persons = await both.central.all("contacts", "$filter=type eq 'Person'")
    company_of = {
        number: row["contactNumber"]
        for number, c in found.items()
        for row in c["contactsInformation"]
        if row["contactType"] == "Company"
    }
    assert sorted((p["displayName"], p["jobTitle"], p["companyNumber"]) for p in persons) == sorted(
        (c.contact, c.title, company_of[c.number]) for c in customers()
    )
    items = {i["number"]: i for i in await both.central.all("items")}
    assert {n: (i["displayName"], i["itemCategoryCode"], i["unitPrice"]) for n, i in items.items()} == {
        p.number: (p.name, p.category, float(p.price)) for p in products()
    }
    held_orders = await both.central.all("salesOrders", "$expand=salesOrderLines")
    assert sum(len(o["salesOrderLines"]) for o in held_orders) == 2_155
    told_orders = {o["externalDocumentNumber"]: _central_order(o) for o in held_orders}
    assert told_orders == _expected_orders()


def _central_order(o: Mapping[str, Any]) -> tuple[Any, ...]:
    lines = sorted(o["salesOrderLines"], key=lambda line: line["sequence"])
    return (
        o["customerNumber"],
        o["orderDate"],
        o["requestedDeliveryDate"],
        (o["shipToName"], o["shipToAddressLine1"], o["shipToCity"]),
        tuple((x["lineObjectNumber"], x["unitPrice"], x["quantity"], x["discountPercent"]) for x in lines),
    )


def _expected_orders() -> dict[str, tuple[Any, ...]]:
    return {
        o.number: (
            o.customer,
            o.ordered,
            o.required,
            (o.ship_to, o.street, o.city),
            tuple((x.product, float(x.price), x.quantity, float(x.discount)) for x in o.lines),
        )
        for o in orders()
    }


async def check_customerp(both: Pair) -> None:
    """Every record in Customerp against the files, by plain HTTP."""
    found = {c["customerNo"]: c for c in await both.erp.all("customers")}
    assert found.keys() == {c.number for c in customers()}
    for c in customers():
        held, address = found[c.number], found[c.number]["address"]
        told = (held["name"], address["street"], address["city"], address["region"], address["postalCode"])
        assert told == (c.name, c.street, c.city, c.region or None, c.postal_code or None)
        assert (address["country"], bool(held["phone"])) == (c.country, bool(c.phone))
    number_of = {c["id"]: number for number, c in found.items()}
    persons = await both.erp.all("contacts")
    names = [" ".join(filter(None, (p["firstName"], p["lastName"]))) for p in persons]
    told_persons = [(n, p["jobTitle"], number_of[p["customerId"]]) for n, p in zip(names, persons, strict=True)]
    assert sorted(told_persons) == sorted((c.contact, c.title, c.number) for c in customers())
    goods = await both.erp.all("products")
    assert {p["sku"]: (p["name"], p["category"], float(p["price"])) for p in goods} == {
        p.number: (p.name, p.category, float(p.price)) for p in products()
    }
    sku_of = {p["id"]: p["sku"] for p in goods}
    held_orders = await both.erp.all("orders")
    assert {
        o["orderNo"]: (
            number_of[o["customerId"]],
            o["orderDate"],
            o["requestedDelivery"],
            (o["shipTo"]["name"], o["shipTo"]["street"], o["shipTo"]["city"]),
            tuple(
                (sku_of[x["productId"]], float(x["unitPrice"]), x["quantity"], float(x["discountPercent"] or 0))
                for x in o["lines"]
            ),
        )
        for o in held_orders
    } == _expected_orders()
