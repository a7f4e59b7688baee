"""What a system says of its properties and codes: the metadata that an agreement is checked against."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
    ``_x0020_``); ``None`` where it is null. Of a number or a truth value it is what the system stores when it is told
    nothing (``0``, ``false``), which is a value of its own when it is read.
    ``label`` is the type in the system's own words (``Code[20]``, ``Decimal``), for documents and messages.
    ``codes`` is the entity whose codes alone a text may be, ``""`` where they cannot be listed; ``None`` where any will
    do.
    To write what ``posts`` makes an entry in the system's books that cannot be taken back.
    ``resets`` are the paths that the system sets anew whenever this one is written: to keep what they hold, they are
    sent behind it.
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
    codes: str | None = None
    posts: bool = False
    resets: tuple[str, ...] = ()


class EntityType(Struct, frozen=True, kw_only=True):
    """An entity's properties by path (``address.street``); lines by the property that holds them."""

    name: str
    properties: Mapping[str, PropertyType]
    lines: Mapping[str, Mapping[str, PropertyType]] = {}


class Code(Struct, frozen=True):
    """A row of a code table: the id the system wants in a record, and the code people know.

    ``within`` is the id of the record that the code belongs to (the item of a variant), where it belongs to one.
    """

    id: str
    code: str
    within: str | None = None


class CodeTable(Struct, frozen=True):
    """A code table to be looked up both ways.

    Where no code is spelled exactly so, letter case is no difference: people type codes as they like.
    """

    codes: Mapping[str, str]
    ids: Mapping[tuple[str | None, str], str]

    @classmethod
    def of(cls, rows: Iterable[Code]) -> CodeTable:
        kept = tuple(rows)
        folded = {(row.within, row.code.casefold()): row.id for row in kept}
        return cls({row.id: row.code for row in kept}, folded | {(row.within, row.code): row.id for row in kept})

    def code_of(self, record: str) -> str | None:
        return self.codes.get(record)

    def id_of(self, code: str, within: str | None = None) -> str | None:
        exact = self.ids.get((within, code))
        return exact if exact is not None else self.ids.get((within, code.strip().casefold()))
