"""What a system says of its properties: the metadata that an agreement is checked against."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct


class Kind(StrEnum):
    """How a value travels. The names are those of the flow files and of a declared system."""

    TEXT = "text"
    DECIMAL = "decimal"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "datetime"
    ENUM = "enum"
    ID = "id"
    LIST = "list"


class PropertyType(Struct, frozen=True, kw_only=True):
    """One property as its system declares it.

    ``blank`` is how the system spells an empty value (Business Central: ``""``, a zero GUID, ``0001-01-01``,
    ``_x0020_``); ``None`` where it is null.
    ``label`` is the type in the system's own words (``Code[20]``, ``Decimal``), for documents and messages.
    """

    kind: Kind
    label: str
    max_length: int | None = None
    upper_case: bool = False
    decimals: int | None = None
    minimum: int | None = None
    members: tuple[str, ...] = ()
    read_only: bool = False
    blank: str | None = None


class EntityType(Struct, frozen=True, kw_only=True):
    """An entity's properties by path (``address.street``); lines by the property that holds them."""

    name: str
    properties: Mapping[str, PropertyType]
    lines: Mapping[str, Mapping[str, PropertyType]] = {}
