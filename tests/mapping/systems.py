"""What two systems say of themselves, as the shipped flows meet them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from syncline.mapping.types import EntityType, Kind, PropertyType

FLOWS = Path(__file__).parents[2] / "src" / "syncline" / "flows"
SHIPPED = sorted(FLOWS.glob("*.yaml"))
_ENTITIES = Path(__file__).parents[2] / "src" / "syncline" / "connectors" / "businesscentral" / "entities.json"

_KINDS = {
    "Edm.String": (Kind.TEXT, ""),
    "Edm.Guid": (Kind.ID, "00000000-0000-0000-0000-000000000000"),
    "Edm.Decimal": (Kind.DECIMAL, None),
    "Edm.Int32": (Kind.INTEGER, None),
    "Edm.Boolean": (Kind.BOOLEAN, None),
    "Edm.Date": (Kind.DATE, "0001-01-01"),
    "Edm.DateTimeOffset": (Kind.DATETIME, "0001-01-01T00:00:00Z"),
    "enum": (Kind.ENUM, "_x0020_"),
}


def _central(described: Mapping[str, Any]) -> dict[str, PropertyType]:
    types: dict[str, PropertyType] = {}
    for name, said in described["properties"].items():
        kind, blank = _KINDS[said["type"]]
        length = said.get("maxLength")
        label = said["type"].removeprefix("Edm.")
        if kind is Kind.TEXT and length:
            label = f"{'Code' if said.get('upperCase') else 'Text'}[{length}]"
        types[name] = PropertyType(
            kind=kind,
            label=said.get("enum", label),
            max_length=length,
            upper_case=said.get("upperCase", False) or name == "currencyCode",
            decimals=int(said["decimalPlaces"].split(":")[1]) if "decimalPlaces" in said else None,
            members=tuple(said.get("members", ())),
            read_only=said.get("readOnly", False),
            blank=blank,
        )
    return types


def central(name: str) -> EntityType:
    sets = json.loads(_ENTITIES.read_text())["entitySets"]
    if name not in ("customers", "contacts", "items", "salesOrders"):
        raise KeyError(name)
    types = _central(sets[name])
    code = PropertyType(kind=Kind.TEXT, label="Code[20]", max_length=20, upper_case=True, read_only=True, blank="")
    amount = PropertyType(kind=Kind.DECIMAL, label="Decimal", read_only=True)
    if name == "customers":
        types |= {"contactsInformation.contactNumber": code, "customerFinancialDetails.overdueAmount": amount}
    if name != "salesOrders":
        return EntityType(name=name, properties=types)
    states = ("Draft", "In_x0020_Review", "Open", "Completed")
    types["status"] = PropertyType(kind=Kind.ENUM, label="Status", members=states, read_only=True, blank="_x0020_")
    types["invoiceNumbers"] = PropertyType(kind=Kind.LIST, label="Code[20][]", read_only=True)
    return EntityType(name=name, properties=types, lines={"salesOrderLines": _central(sets["salesOrderLines"])})


def _said(text: str) -> dict[str, PropertyType]:
    """``name text(100); hold enum(none all)``"""
    types: dict[str, PropertyType] = {}
    for part in filter(None, (p.strip() for p in text.replace("\n", ";").split(";"))):
        names, _, label = part.rpartition(": ")
        kind, _, size = label.partition("(")
        size = size.rstrip(")")
        for name in names.split():
            types[name] = PropertyType(
                kind=Kind(kind),
                label=label,
                max_length=int(size) if kind == "text" and size else None,
                decimals=int(size) if kind == "decimal" and size else None,
                members=tuple(size.split()) if kind == "enum" else (),
            )
    return types


_ADDRESS = "street street2 city region postalCode country"
_CUSTOMERP = {
    "customers": _said(f"""
        customerNo name phone email website organisationNumber currency paymentTerms paymentMethod: text(200)
        deliveryTerms salesperson taxArea {" ".join(f"address.{a}" for a in _ADDRESS.split())}: text(200)
        creditLimit balanceDue overdue: decimal(2); taxable: boolean; hold: enum(none shipping invoicing all)
    """),
    "contacts": _said(f"""
        contactNo firstName lastName jobTitle companyName phone mobile email website searchName: text(200)
        organisationNumber {" ".join(f"address.{a}" for a in _ADDRESS.split())}: text(200)
        customerId: id; doNotContact: boolean; lastContacted: date
    """),
    "orders": _said(f"""
        orderNo bcNumber department project currency paymentTerms deliveryTerms salesperson phone email: text(200)
        {" ".join(f"soldTo.{a}" for a in _ADDRESS.split())} shipTo.name shipTo.contact: text(200)
        {" ".join(f"shipTo.{a}" for a in _ADDRESS.split())}: text(200)
        customerId billToCustomerId: id; orderDate postingDate requestedDelivery: date; invoiceNumbers: list
        pricesIncludeTax allowPartialShipping fullyShipped: boolean
        discountAmount totals.net totals.tax totals.gross: decimal(2)
        status: enum(draft review open completed cancelled)
    """),
    "products": _said("""
        sku name name2 category barcode unit taxGroup: text(200); kind: enum(stock service nonstock)
        price cost stock: decimal; priceIncludesTax active: boolean
    """),
}
_LINES = _said("""
    productId: id; kind: enum(product text account resource asset charge allocation)
    description description2 unit taxCode variant location: text(200); deliveryDate: date
    quantity unitPrice discountPercent toShip toInvoice discountAmount shipped invoiced net tax: decimal
""")


def customerp(name: str) -> EntityType:
    lines = {"lines": _LINES} if name == "orders" else {}
    return EntityType(name=name, properties=_CUSTOMERP[name], lines=lines)


SYSTEMS: Mapping[str, Callable[[str], EntityType]] = {"customerp": customerp, "businesscentral": central}
