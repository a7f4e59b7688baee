"""What an entity of Customerp is made of. From these declarations bodies are checked and the API is described."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

from msgspec import Struct


class Kind(StrEnum):
    TEXT = "text"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"
    DATE = "date"
    ENUM = "enum"
    REFERENCE = "reference"
    TEXTS = "texts"
    """An array of texts; empty is ``[]``."""
    OBJECT = "object"
    LINES = "lines"
    """An array of objects, each with an id of its own that it keeps as long as it stays."""


Default = str | bool | Callable[[Mapping[str, Any]], str] | None
"""What an empty property becomes; a function is given the object that it stands in."""


class Property(Struct, frozen=True, kw_only=True):
    """One property. ``members`` are those of an enum, or what texts may be; ``refers`` is the entity of a reference;
    ``filter`` allows ``?name=value`` in a list.
    """

    name: str
    kind: Kind
    max_length: int | None = None
    members: tuple[str, ...] = ()
    minimum: int | None = None
    refers: str | None = None
    default: Default = None
    filter: bool = False
    properties: tuple[Property, ...] = ()
    about: str = ""


class Series(Struct, frozen=True):
    """The numbers that records get when they are given none: ``property`` is unique in its entity."""

    property: str
    prefix: str

    def number(self, count: int) -> str:
        return f"{self.prefix}{count:05d}"


class Entity(Struct, frozen=True, kw_only=True):
    """``name`` is the plural of the address, ``title`` the singular of the schema."""

    name: str
    title: str
    series: Series
    properties: tuple[Property, ...]

    @property
    def filters(self) -> tuple[Property, ...]:
        return tuple(said for said in self.properties if said.filter)


STAMPS = ("id", "createdAt", "updatedAt", "etag")
"""What the server says of every record, and nobody may write."""
