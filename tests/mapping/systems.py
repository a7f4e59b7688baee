"""What two systems say of themselves, as the shipped flows meet them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from syncline.connectors.rest import declaration
from syncline.mapping.types import EntityType, Kind, PropertyType

_PACKAGE = Path(__file__).parents[2] / "src" / "syncline"
SHIPPED = sorted((_PACKAGE / "flows").glob("*.yaml"))
_ENTITIES = _PACKAGE / "connectors" / "businesscentral" / "entities.json"

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


customerp = declaration.load(_PACKAGE / "connectors" / "declarations" / "customerp.yaml").entity_type

SYSTEMS: Mapping[str, Callable[[str], EntityType]] = {"customerp": customerp, "businesscentral": central}
