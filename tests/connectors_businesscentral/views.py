"""What the tests read of each entity, and ways to make records past the connector."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from itertools import count
from typing import Any

from sandbox_businesscentral.central import Central
from syncline.connectors.base import Page, View
from syncline.connectors.businesscentral.connector import BusinessCentral
from syncline.records import Record

CUSTOMERS = View(
    entity="customers",
    paths=(
        "number",
        "displayName",
        "email",
        "blocked",
        "creditLimit",
        "balanceDue",
        "customerFinancialDetails.overdueAmount",
        "contactsInformation.contactNumber",
    ),
    where={"type": ("Company",)},
)
CONTACTS = View(entity="contacts", paths=("number", "type", "displayName", "companyNumber"), where={"type": "Person"})
ITEMS = View(entity="items", paths=("number", "displayName", "unitPrice", "gtin"))
ORDERS = View(
    entity="salesOrders",
    paths=("number", "externalDocumentNumber", "customerId", "discountAmount", "status", "invoiceNumbers"),
    lines="salesOrderLines",
    line_paths=("itemId", "description", "quantity", "unitPrice", "shipQuantity", "invoiceQuantity"),
)
LINES = "salesOrderLines"
_numbers = count(1)


def connected(central: Central, **options: Any) -> BusinessCentral:
    return BusinessCentral("bc", f"{central.root}/", central.name or None, **options)


async def pages(central: BusinessCentral, view: View, cursor: str | None = None) -> list[Page]:
    return [page async for page in central.changes(view, cursor)]


async def records(central: BusinessCentral, view: View, cursor: str | None = None) -> dict[str, Record]:
    return {each.id: each for page in await pages(central, view, cursor) for each in page.records}


async def now(central: BusinessCentral, view: View, cursor: str | None = None) -> str:
    """A cursor behind everything there is."""
    cursor = (await pages(central, view, cursor))[-1].cursor
    assert cursor
    return cursor


def mark() -> str:
    return f"T{next(_numbers):06d}"


def customer(central: Central, **said: Any) -> dict[str, Any]:
    return central.made("customers", {"displayName": f"Customer {mark()}", **said})


def item(central: Central, **said: Any) -> dict[str, Any]:
    posting = {"generalProductPostingGroupCode": "RETAIL", "inventoryPostingGroupCode": "RESALE"}
    basic = {"number": mark(), "displayName": "Thing", "baseUnitOfMeasureCode": "PCS", "unitPrice": 10}
    return central.made("items", {**basic, **posting, **said})


def order(
    central: Central, owner: Mapping[str, Any], lines: Sequence[Mapping[str, Any]], **said: Any
) -> dict[str, Any]:
    body = {"customerId": owner["id"], "externalDocumentNumber": mark(), **said, LINES: list(lines)}
    return central.made("salesOrders", body)


def lines_of(central: Central, order_id: str) -> list[dict[str, Any]]:
    """As they stand in the order."""
    return sorted(central.get(f"salesOrders({order_id})/{LINES}").value, key=lambda line: line["sequence"])


def invoice(central: Central, order_id: str) -> None:
    reply = central.post(f"salesOrders({order_id})/Microsoft.NAV.shipAndInvoice", None)
    assert reply.status == 204, reply


async def a_second_passes(central: Central) -> None:
    """By the server's own clock, which tells whole seconds and may lag."""
    until = datetime.now(UTC) + timedelta(seconds=1)
    while parsedate_to_datetime(central.get("/companies").headers["date"]) < until:
        await asyncio.sleep(0.1)


def faults(central: Central, *ordered: Mapping[str, Any]) -> None:
    reply = central.post("/sandbox/faults", {"next": list(ordered)})
    assert reply.status == 200, reply


def still_ordered(central: Central) -> list[Any]:
    """The faults that have not met a request."""
    waiting: list[Any] = central.get("/sandbox/faults").body["next"]
    return waiting


class Asked:
    """The requests that the sandbox was sent inside a ``with``, by kind."""

    def __init__(self, central: Central) -> None:
        self._central = central
        self.requests: dict[str, int] = {}
        self.operations: dict[str, int] = {}

    def __enter__(self) -> Asked:
        self._central.post("/sandbox/requests/reset", {})
        return self

    def __exit__(self, *_: object) -> None:
        told = self._central.get("/sandbox/requests").body
        self.requests, self.operations = told["requests"], told["operations"]
