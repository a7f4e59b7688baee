"""Puts the invented trading house into both systems, as their own users would: over HTTP, record by record."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from random import Random
from typing import Any

from syncline.demo.data import Order, orders, parties, place, products
from syncline.demo.systems import Central, Customerp


async def fill(erp: Customerp, central: Central, seed: int) -> None:
    """Products, customers with their contacts, then orders: the same seed gives both sides the same orders."""
    await asyncio.gather(_fill_erp(erp, Random(seed)), _fill_central(central, Random(seed)))


async def _fill_erp(erp: Customerp, random: Random) -> None:
    goods: dict[int, str] = {}
    for i, product in enumerate(products()):
        if place(i).customerp:
            goods[i] = (await erp.create("products", product.product))["id"]
    buyers: dict[int, str] = {}
    for i, party in enumerate(parties()):
        if place(i).customerp:
            buyers[i] = (await erp.create("customers", party.customer))["id"]
            await erp.create("contacts", {**party.contact, "customerId": buyers[i]})
    for order in orders(random):
        if order.where.customerp:
            await erp.create("orders", _order(order, buyers, goods))


def _order(order: Order, buyers: Mapping[int, str], goods: Mapping[int, str]) -> dict[str, Any]:
    lines = [
        {"productId": goods[line.product], "quantity": line.quantity, "unit": "PCS", "unitPrice": 20 + line.product}
        for line in order.lines
    ]
    return {"orderNo": order.number, "customerId": buyers[order.customer], "orderDate": "2026-03-02", "lines": lines}


async def _fill_central(central: Central, random: Random) -> None:
    goods: dict[int, str] = {}
    for i, product in enumerate(products()):
        if place(i).businesscentral:
            goods[i] = (await central.create("items", product.item))["id"]
    buyers: dict[int, str] = {}
    terms = {row["code"]: row["id"] for row in await central.all("paymentTerms")}
    for i, party in enumerate(parties()):
        if not place(i).businesscentral:
            continue
        made = await central.create("customers", {**party.central_customer, "paymentTermsId": terms["30D"]})
        buyers[i] = made["id"]
        (company,) = await central.all("contactsInformation", f"$filter=relatedId eq {made['id']}")
        await central.create("contacts", {**party.central_contact, "companyNumber": company["contactNumber"]})
    for order in orders(random):
        if order.where.businesscentral:
            await central.create("salesOrders", _sales_order(order, buyers, goods))


def _sales_order(order: Order, buyers: Mapping[int, str], goods: Mapping[int, str]) -> dict[str, Any]:
    lines = [
        {"lineType": "Item", "itemId": goods[line.product], "quantity": line.quantity, "unitPrice": 20 + line.product}
        for line in order.lines
    ]
    return {
        "externalDocumentNumber": order.number,
        "customerId": buyers[order.customer],
        "orderDate": "2026-03-02",
        "salesOrderLines": lines,
    }
