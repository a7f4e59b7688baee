"""What people edit in the shipped flows, and how each sandbox spells it.

Written by hand: it shares no line with Syncline's mapping, so that a mistake there cannot hide here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from msgspec import Struct

from simulation.agreement import Agreement, Cell
from syncline.mapping.model import Policy

ERP, BC = "customerp", "businesscentral"
SIDES = (ERP, BC)
NO_ID = "00000000-0000-0000-0000-000000000000"
NO_DAY = "0001-01-01"
ENTITIES: Mapping[str, Mapping[str, str]] = {
    "customers": {ERP: "customers", BC: "customers"},
    "contacts": {ERP: "contacts", BC: "contacts"},
    "products": {ERP: "products", BC: "items"},
    "orders": {ERP: "orders", BC: "salesOrders"},
}
"""What each flow is about, as each side calls it."""

_MADE: Mapping[tuple[str, str], Mapping[str, Any]] = {
    (ERP, "products"): {"kind": "stock", "unit": "PCS"},
    (BC, "customers"): {"type": "Company"},
    (BC, "contacts"): {"type": "Person"},
    (BC, "products"): {
        "type": "Inventory",
        "baseUnitOfMeasureCode": "PCS",
        "generalProductPostingGroupCode": "RETAIL",
        "inventoryPostingGroupCode": "RESALE",
    },
    (BC, "orders"): {"orderDate": "2030-01-01"},
}
"""What else a person says of a new record; Business Central takes it in this order."""


class Spelt(Struct, frozen=True):
    """A cell, and its path on each side. ``mail``: it is spelled as an address; ``upper``: in upper case."""

    cell: Cell
    erp: str
    bc: str
    mail: bool = False
    upper: bool = False

    def path(self, side: str) -> str:
        return self.erp if side == ERP else self.bc

    def read(self, side: str, record: Mapping[str, Any]) -> Any:
        raw: Any = record
        for key in self.path(side).split("."):
            raw = raw.get(key) if isinstance(raw, Mapping) else None
        if self.cell.name == "name" and "firstName" in record:
            raw = " ".join(part for part in (record["firstName"], record["lastName"]) if part)
        if raw in (None, "", NO_ID, NO_DAY):
            return None
        if self.cell.number:
            return Decimal(str(raw))
        told = str(raw).partition("@")[0] if self.mail else raw
        return str(told).lower() if self.upper else told

    def write(self, side: str, value: Any) -> dict[str, Any]:
        if self.mail and value is not None:
            value = f"{value}@people.example"
        elif self.upper and value is not None:
            value = str(value).upper()
        if self.cell.name == "name" and self.erp == "lastName" and side == ERP:
            return {"firstName": None, "lastName": value}
        if value is None and side == BC:
            value = 0 if self.cell.number else NO_ID if self.bc.endswith("Id") else NO_DAY if self.cell.day else ""
        *above, key = self.path(side).split(".")
        told: dict[str, Any] = {key: value}
        for outer in reversed(above):
            told = {outer: told}
        return told


def _trace(erp: str, bc: str, *, mail: bool = False) -> Spelt:
    return Spelt(Cell(name="trace", required=True), erp, bc, mail=mail, upper=not mail)


def _text(name: str, erp: str, bc: str, *, required: bool = False) -> Spelt:
    return Spelt(Cell(name=name, required=required), erp, bc)


def _number(name: str, erp: str, bc: str, *, owner: str | None = None, policy: Policy = Policy.LATEST) -> Spelt:
    return Spelt(Cell(name=name, number=True, required=True, owner=owner, policy=policy), erp, bc)


_SPELT: Mapping[str, Sequence[Spelt]] = {
    "products": (
        _trace("sku", "number"),
        _text("name", "name", "displayName", required=True),
        _text("name2", "name2", "displayName2"),
        Spelt(Cell(name="category", how={BC: "upper"}, required=True), "category", "itemCategoryCode"),
        _number("price", "price", "unitPrice"),
    ),
    "customers": (
        _trace("organisationNumber", "taxRegistrationNumber"),
        _text("name", "name", "displayName", required=True),
        _text("street", "address.street", "addressLine1"),
        _text("website", "website", "website"),
        _number("creditLimit", "creditLimit", "creditLimit", policy=Policy.PREFER),
    ),
    "contacts": (
        _trace("email", "email", mail=True),
        _text("name", "lastName", "displayName", required=True),
        _text("jobTitle", "jobTitle", "jobTitle"),
        Spelt(
            Cell(name="customer", refers="customers", by={BC: "companyContact"}),
            "customerId",
            "companyNumber",
        ),
    ),
    "orders": (
        _trace("orderNo", "externalDocumentNumber"),
        Spelt(Cell(name="customer", refers="customers", required=True), "customerId", "customerId"),
        Spelt(Cell(name="requestedDelivery", day=True), "requestedDelivery", "requestedDeliveryDate"),
        _number("totalNet", "totals.net", "totalAmountExcludingTax", owner=BC),
    ),
}
_LINE = (
    _trace("description2", "description2"),
    Spelt(Cell(name="product", refers="products", required=True), "productId", "itemId"),
    _number("quantity", "quantity", "quantity"),
    _text("description", "description", "description", required=True),
    _number("net", "net", "netAmount", owner=BC),
)
HEADERS = {entity: {spelt.cell.name: spelt for spelt in told} for entity, told in _SPELT.items()}
LINE = {spelt.cell.name: spelt for spelt in _LINE}
AGREEMENT = Agreement(
    headers={entity: {name: spelt.cell for name, spelt in told.items()} for entity, told in HEADERS.items()},
    line={name: spelt.cell for name, spelt in LINE.items()},
)
LINES: Mapping[str, str] = {ERP: "lines", BC: "salesOrderLines"}


def made(side: str, entity: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """The body that creates a record."""
    return {**_MADE.get((side, entity), {}), **written(side, HEADERS[entity], values)}


def made_line(side: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """The product comes first: what it is called is taken from it unless that is said after it."""
    kind = {"lineType": "Item"} if side == BC else {"unit": "PCS"}
    return {**kind, **written(side, LINE, {"product": values["product"], **values})}


def written(side: str, spelt: Mapping[str, Spelt], values: Mapping[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = {}
    for name, value in values.items():
        for key, told in spelt[name].write(side, value).items():
            body[key] = {**body[key], **told} if isinstance(told, dict) and key in body else told
    return body
