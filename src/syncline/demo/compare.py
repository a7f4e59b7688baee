"""Both systems read over HTTP and held against each other, by a table written here by hand.

It shares no line with Syncline's mapping, so that a mistake there cannot hide here. Numbers are not compared: two
records that had one each before they were linked keep it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from syncline.demo.systems import Central, Customerp, pick

_Records = Sequence[Mapping[str, Any]]
_NO_ID = "00000000-0000-0000-0000-000000000000"
_LOCAL = "EUR"


class Found(NamedTuple):
    """``pairs`` that were compared by entity, the ``values`` held against each other, and what differs, in words."""

    pairs: dict[str, int]
    values: int
    differences: list[str]


async def compare(erp: Customerp, central: Central) -> Found:
    """Every record of the four flows."""
    customers, contacts, products, orders = await asyncio.gather(
        *(erp.all(entity) for entity in ("customers", "contacts", "products", "orders"))
    )
    buyers = await central.all("customers", "$expand=contactsInformation")
    persons = await central.all("contacts", "$filter=type eq 'Person'")
    items, terms = await asyncio.gather(central.all("items"), central.all("paymentTerms"))
    sales = await central.all("salesOrders", "$expand=salesOrderLines")
    invoices = await central.all("salesInvoices", "$expand=salesInvoiceLines")
    term_codes = {row["id"]: row["code"] for row in terms} | {_NO_ID: None}
    number_of = {c["id"]: c["organisationNumber"] for c in customers}
    number_of_buyer = {c["id"]: c["taxRegistrationNumber"] for c in buyers}
    company_of = {row["contactNumber"]: c["taxRegistrationNumber"] for c in buyers for row in c["contactsInformation"]}
    sku_of = {p["id"]: p["sku"] for p in products}
    item_of = {item["id"]: item["number"] for item in items}

    left = {
        "customers": {c["organisationNumber"]: _customer(c) for c in customers},
        "contacts": {c["email"]: _contact(c, number_of) for c in contacts},
        "products": {p["sku"]: _product(p) for p in products},
        "orders": {o["orderNo"]: _order(o, number_of, sku_of) for o in orders},
    }
    right = {
        "customers": {c["taxRegistrationNumber"]: _central_customer(c, term_codes) for c in buyers},
        "contacts": {c["email"]: _central_contact(c, company_of) for c in persons},
        "products": {i["number"]: _item(i) for i in items},
        "orders": {
            o["externalDocumentNumber"]: _sales(o, o["salesOrderLines"], number_of_buyer, item_of) for o in sales
        }
        | {
            i["externalDocumentNumber"]: _sales(i, i["salesInvoiceLines"], number_of_buyer, item_of)
            for i in invoices
            if i["externalDocumentNumber"] not in pick(sales, "externalDocumentNumber")
        },
    }
    differences = [text for entity in left for text in _differences(entity, left[entity], right[entity])]
    counts = {"customers": customers, "contacts": contacts, "products": products, "orders": orders}
    differences += [
        f"{entity}: {len(records)} records, but {len(left[entity])} keys"
        for entity, records in counts.items()
        if len(records) != len(left[entity])
    ]
    pairs = {entity: len(left[entity].keys() & right[entity].keys()) for entity in left}
    values = sum(len(held) for entity in left for held in left[entity].values())
    return Found(pairs, values, differences)


def _differences(entity: str, left: Mapping[str, Mapping[str, Any]], right: Mapping[str, Any]) -> Iterator[str]:
    for key in sorted({*left, *right}, key=str):
        if key not in left or key not in right:
            yield f"{entity} {key}: only in {'Customerp' if key in left else 'Business Central'}"
            continue
        for name, value in left[key].items():
            if value != right[key][name]:
                yield f"{entity} {key}: {name} is {value!r} in Customerp, {right[key][name]!r} in Business Central"


def _text(value: Any) -> str | None:
    return value or None


def _customer(c: Mapping[str, Any]) -> dict[str, Any]:
    address = c.get("address") or {}
    return {
        "name": c["name"],
        "street": _text(address.get("street")),
        "city": _text(address.get("city")),
        "postal code": _text(address.get("postalCode")),
        "country": _text(address.get("country")),
        "phone": _text(c.get("phone")),
        "e-mail": _text(c.get("email")),
        "terms": _text(c.get("paymentTerms")),
        "currency": c.get("currency") or _LOCAL,
        "credit limit": float(c.get("creditLimit") or 0),
        "hold": c.get("hold") or "none",
    }


def _central_customer(c: Mapping[str, Any], terms: Mapping[str, str | None]) -> dict[str, Any]:
    hold = {"_x0020_": "none", " ": "none", "Ship": "shipping", "Invoice": "invoicing", "All": "all"}
    return {
        "name": c["displayName"],
        "street": _text(c["addressLine1"]),
        "city": _text(c["city"]),
        "postal code": _text(c["postalCode"]),
        "country": _text(c["country"]),
        "phone": _text(c["phoneNumber"]),
        "e-mail": _text(c["email"]),
        "terms": terms[c["paymentTermsId"]],
        "currency": c["currencyCode"] or _LOCAL,
        "credit limit": float(c["creditLimit"]),
        "hold": hold[c["blocked"]],
    }


def _contact(c: Mapping[str, Any], number_of: Mapping[str, str]) -> dict[str, Any]:
    return {
        "name": " ".join(part for part in (c.get("firstName"), c.get("lastName")) if part),
        "job": _text(c.get("jobTitle")),
        "mobile": _text(c.get("mobile")),
        "customer": number_of.get(c.get("customerId") or ""),
    }


def _central_contact(c: Mapping[str, Any], company_of: Mapping[str, str | None]) -> dict[str, Any]:
    return {
        "name": c["displayName"],
        "job": _text(c["jobTitle"]),
        "mobile": _text(c["mobilePhoneNumber"]),
        "customer": company_of.get(c["companyNumber"]),
    }


def _product(p: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": p["name"],
        "price": float(p.get("price") or 0),
        "category": _text(p.get("category")),
        "unit": p.get("unit"),
        "active": bool(p.get("active", True)),
    }


def _item(i: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": i["displayName"],
        "price": float(i["unitPrice"]),
        "category": _text(i["itemCategoryCode"]),
        "unit": i["baseUnitOfMeasureCode"],
        "active": not i["blocked"],
    }


def _order(o: Mapping[str, Any], number_of: Mapping[str, str], sku_of: Mapping[str, str]) -> dict[str, Any]:
    lines = [_line(sku_of.get(line["productId"]), line) for line in o["lines"]]
    total = (o.get("totals") or {}).get("gross")
    return {"customer": number_of[o["customerId"]], "lines": lines, "total": float(total or 0)}


def _sales(
    o: Mapping[str, Any], lines: _Records, number_of: Mapping[str, str], item_of: Mapping[str, str]
) -> dict[str, Any]:
    told = [_line(item_of.get(line["itemId"]), line) for line in sorted(lines, key=lambda line: line["sequence"])]
    return {"customer": number_of[o["customerId"]], "lines": told, "total": float(o["totalAmountIncludingTax"])}


def _line(sku: str | None, line: Mapping[str, Any]) -> tuple[str | None, float, float, float]:
    """The product, how many, for how much, and how much less."""
    return sku, float(line["quantity"]), float(line["unitPrice"]), float(line.get("discountPercent") or 0)
