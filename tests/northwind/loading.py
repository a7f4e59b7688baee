"""Northwind into either system, as its own users would put it there: plain HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from northwind.company import Customer, Order, customers, orders, products
from syncline.demo.systems import CENTRAL_ROOT, Central, Customerp

_MOST = 100


async def into_customerp(erp: Customerp) -> None:
    goods = await _create_all(
        erp,
        "products",
        {
            p.number: {
                "sku": p.number,
                "name": p.name,
                "kind": "stock",
                "category": p.category,
                "unit": "PCS",
                "price": float(p.price),
                "taxGroup": "STANDARD",
            }
            for p in products()
        },
    )
    buyers = await _create_all(erp, "customers", {c.number: _customer(c) for c in customers()})
    await _create_all(erp, "contacts", {c.number: _contact(c, buyers[c.number]) for c in customers()})
    await _create_all(erp, "orders", {o.number: _order(o, buyers, goods) for o in orders()})


async def _create_all(erp: Customerp, entity: str, records: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """The new ids by key, some requests at a time."""
    ids: dict[str, str] = {}
    keys = list(records)
    for at in range(0, len(keys), 20):
        part = keys[at : at + 20]
        made = await asyncio.gather(*(erp.create(entity, records[key]) for key in part))
        ids |= {key: record["id"] for key, record in zip(part, made, strict=True)}
    return ids


def _customer(c: Customer) -> dict[str, Any]:
    address = {"street": c.street, "city": c.city, "region": c.region, "postalCode": c.postal_code}
    return {
        "customerNo": c.number,
        "name": c.name,
        "address": {**{name: value or None for name, value in address.items()}, "country": c.country},
        "phone": c.phone or None,
    }


def _contact(c: Customer, customer: str) -> dict[str, Any]:
    first, _, last = c.contact.partition(" ")
    return {"firstName": first, "lastName": last or None, "jobTitle": c.title, "customerId": customer}


def _order(o: Order, buyers: Mapping[str, str], goods: Mapping[str, str]) -> dict[str, Any]:
    return {
        "orderNo": o.number,
        "customerId": buyers[o.customer],
        "orderDate": o.ordered,
        "requestedDelivery": o.required,
        "shipTo": {"name": o.ship_to, "street": o.street, "city": o.city},
        "lines": [
            {
                "productId": goods[line.product],
                "quantity": line.quantity,
                "unit": "PCS",
                "unitPrice": float(line.price),
                "discountPercent": float(line.discount),
            }
            for line in o.lines
        ],
    }


# --- Business Central


async def into_central(central: Central, address: str) -> None:
    root = f"{address}{CENTRAL_ROOT}"
    company = (await central.ask("GET", f"{root}companies"))["value"][0]["id"]

    async def post(entity: str, bodies: Sequence[Mapping[str, Any]]) -> None:
        await _post_all(central, root, f"companies({company})/{entity}", bodies)

    known = {row["code"] for row in await central.all("itemCategories")}
    lacking = sorted({p.category for p in products()} - known)
    await post("itemCategories", [{"code": code, "displayName": code.title()} for code in lacking])
    await post(
        "items",
        [
            {
                "number": p.number,
                "displayName": p.name,
                "type": "Inventory",
                "itemCategoryCode": p.category,
                "baseUnitOfMeasureCode": "PCS",
                "unitPrice": float(p.price),
                "taxGroupCode": "STANDARD",
                "generalProductPostingGroupCode": "RETAIL",
                "inventoryPostingGroupCode": "RESALE",
            }
            for p in products()
        ],
    )
    await post("customers", [_central_customer(c) for c in customers()])
    found = await central.all("customers", "$expand=contactsInformation")
    company_of = {c["number"]: c["contactsInformation"][0]["contactNumber"] for c in found}
    persons = [
        {"type": "Person", "displayName": c.contact, "jobTitle": c.title, "companyNumber": company_of[c.number]}
        for c in customers()
    ]
    await post("contacts", persons)
    await post("salesOrders", [_sales_order(o) for o in orders()])


def _central_customer(c: Customer) -> dict[str, Any]:
    return {
        "type": "Company",
        "number": c.number,
        "displayName": c.name,
        "addressLine1": c.street,
        "city": c.city,
        "state": c.region,
        "postalCode": c.postal_code,
        "country": c.country,
        "phoneNumber": c.phone,
    }


def _sales_order(o: Order) -> dict[str, Any]:
    return {
        "externalDocumentNumber": o.number,
        "customerNumber": o.customer,
        "orderDate": o.ordered,
        "requestedDeliveryDate": o.required,
        "shipToName": o.ship_to,
        "shipToAddressLine1": o.street,
        "shipToCity": o.city,
        "salesOrderLines": [
            {
                "lineType": "Item",
                "lineObjectNumber": line.product,
                "quantity": line.quantity,
                "unitPrice": float(line.price),
                "discountPercent": float(line.discount),
            }
            for line in o.lines
        ],
    }


async def _post_all(central: Central, root: str, url: str, bodies: Sequence[Mapping[str, Any]]) -> None:
    for at in range(0, len(bodies), _MOST):
        requests = [
            {
                "id": str(n),
                "method": "POST",
                "url": url,
                "headers": {"Content-Type": "application/json"},
                "body": body,
            }
            for n, body in enumerate(bodies[at : at + _MOST])
        ]
        answer = await central.ask("POST", f"{root}$batch", {"requests": requests})
        refused = [reply["body"] for reply in answer["responses"] if reply["status"] != 201]
        assert not refused, refused[:3]
