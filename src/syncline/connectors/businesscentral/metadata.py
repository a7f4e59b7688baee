"""What Business Central's API v2.0 says of its entity sets, read from the data beside this file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec
from msgspec import Struct

ZERO_GUID = "00000000-0000-0000-0000-000000000000"
ZERO_DATE = "0001-01-01"
ZERO_DATETIME = "0001-01-01T00:00:00Z"
BLANK_MEMBER = "_x0020_"


class EdmType(StrEnum):
    """The types there are. An enum travels as text, its members escaped (`escape_member`)."""

    STRING = "Edm.String"
    GUID = "Edm.Guid"
    DECIMAL = "Edm.Decimal"
    INT32 = "Edm.Int32"
    INT64 = "Edm.Int64"
    BOOLEAN = "Edm.Boolean"
    DATE = "Edm.Date"
    DATETIME = "Edm.DateTimeOffset"
    STREAM = "Edm.Stream"
    ENUM = "enum"


class Property(Struct, frozen=True, kw_only=True, rename="camel"):
    """One property. ``decimal_places`` is ``least:most``; ``column`` the ``Table.Field`` it is kept in.

    ``enum`` is what the source calls the type of the ``members``.
    """

    type: EdmType
    max_length: int | None = None
    upper_case: bool = False
    read_only: bool = False
    min_value: Decimal | None = None
    decimal_places: str | None = None
    members: tuple[str, ...] = ()
    enum: str | None = None
    column: str | None = None

    @property
    def decimals(self) -> int | None:
        """The most decimal places it keeps; ``None`` where the source sets no limit."""
        return int(self.decimal_places.split(":")[1]) if self.decimal_places else None


class Condition(Struct, frozen=True):
    """A navigation's child holds in ``child`` what its parent holds in ``parent``, or else the constant."""

    child: str
    parent: str | None = None
    constant: str | None = None


class Navigation(Struct, frozen=True, kw_only=True):
    """A way from one record to others. No conditions: the set it leads to is not described here."""

    entity: str
    entity_set: str
    many: bool
    conditions: tuple[Condition, ...] = ()


class EntitySet(Struct, frozen=True, kw_only=True):
    name: str
    entity: str
    insert: bool
    modify: bool
    delete: bool
    actions: tuple[str, ...]
    properties: Mapping[str, Property]
    navigations: Mapping[str, Navigation]

    def navigation(self, name: str) -> Navigation | None:
        """By its name, or by the entity's where it leads to one: the product's own pages write both."""
        named = (way for way in self.navigations.values() if not way.many and way.entity == name)
        return self.navigations.get(name) or next(named, None)


@cache
def entity_sets() -> Mapping[str, EntitySet]:
    """Every entity set by its name."""
    text = files("syncline.connectors.businesscentral").joinpath("entities.json").read_bytes()
    described = msgspec.json.decode(text)["entitySets"]
    return {name: _entity_set(name, described) for name in described}


def escape_member(name: str) -> str:
    """An enum member as it is written on the wire: ``Non-Inventory`` is ``Non_x002D_Inventory``."""
    return re.sub(r"[^A-Za-z0-9_]", lambda found: f"_x{ord(found[0]):04X}_", name) or BLANK_MEMBER


def _entity_set(name: str, described: Mapping[str, Any]) -> EntitySet:
    said = described[name]
    return EntitySet(
        name=name,
        entity=said["entity"],
        insert=said["insert"],
        modify=said["modify"],
        delete=said["delete"],
        actions=tuple(said["boundActions"]),
        properties=msgspec.convert(said["properties"], dict[str, Property]),
        navigations={key: _navigation(said, way, described) for key, way in said["navigation"].items()},
    )


def _navigation(parent: Mapping[str, Any], said: Mapping[str, Any], described: Mapping[str, Any]) -> Navigation:
    child = described.get(said["entitySet"])
    return Navigation(
        entity=said["entity"],
        entity_set=said["entitySet"],
        many=said["multiplicity"] == "Many",
        conditions=tuple(_conditions(parent, child, said["link"])) if child else (),
    )


_LINK = re.compile(r'"?(?P<child>[^",=]+?)"? = (?P<kind>field|const)\("?(?P<value>[^")]+)"?\)')


def _conditions(parent: Mapping[str, Any], child: Mapping[str, Any], link: str) -> list[Condition]:
    """``"Document Id" = field(Id), "Parent Type" = const(Customer)``, said in properties instead of columns."""
    return [
        Condition(_property_of(child, found["child"].strip()), parent=_property_of(parent, found["value"]))
        if found["kind"] == "field"
        else Condition(_property_of(child, found["child"].strip()), constant=escape_member(found["value"]))
        for found in _LINK.finditer(link)
    ]


def _property_of(entity: Mapping[str, Any], column: str) -> str:
    properties: Mapping[str, Mapping[str, Any]] = entity["properties"]
    wanted = f"{entity['sourceTable']}.{column}"
    return next(name for name, said in properties.items() if said.get("column") == wanted)
