"""The agreement of the simulated systems: one property of every sort, with policies that differ by seed."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_DOWN, Decimal
from typing import Any

from msgspec import Struct

from syncline.mapping.model import (
    Column,
    Conflict,
    Deletion,
    Flow,
    Lines,
    MatchKey,
    Policy,
    Property,
    Reference,
    Side,
)
from syncline.mapping.types import Kind, PropertyType
from syncline.records import Value

SHORT = 8
"""As many characters of a name the strictest system keeps."""


def normalised(how: str, value: Value) -> Value:
    """What a system makes of a value by itself."""
    if isinstance(value, str):
        kept = value.upper() if how == "upper" else value[:SHORT] if how == "short" else value
        return kept.strip() or None
    if isinstance(value, Decimal) and how == "round":
        return value.quantize(Decimal(1), ROUND_DOWN)
    return value


class Normal(Struct, frozen=True):
    """A lens that spells nothing as the system does, and foresees what the system will do to a value."""

    how: str
    blank: str | None

    @property
    def words(self) -> str | None:
        return None

    @property
    def lossy(self) -> str | None:
        return self.how or None

    def get(self, raw: tuple[Any, ...]) -> Value:
        value: Value = raw[0]
        return None if value in ("", self.blank) else value

    def put(self, value: Value) -> tuple[Any, ...]:
        kept = normalised(self.how, value)
        return (self.blank if kept is None else kept,)


class Cell(Struct, frozen=True, kw_only=True):
    """One property as the systems keep it. ``how`` is what each side does to it; ``owner`` is who alone derives it.

    ``required``: nobody empties it. ``day``: it is a date.
    """

    name: str
    number: bool = False
    how: Mapping[str, str] = {}
    owner: str | None = None
    policy: Policy = Policy.LATEST
    when_create: bool = False
    keep_filled: bool = False
    refers: str | None = None
    by: Mapping[str, str] = {}
    required: bool = False
    day: bool = False


class Agreement(Struct, frozen=True, kw_only=True):
    """The properties of each entity, and of an order's lines, by name."""

    headers: Mapping[str, Mapping[str, Cell]]
    line: Mapping[str, Cell]

    def cells(self, entity: str, line: str | None = None) -> Mapping[str, Cell]:
        return self.headers[entity] if line is None else self.line


BC = "bc"
_TRACE = Cell(name="trace")
_NUMBER = Cell(name="number", when_create=True)

HEADERS: Mapping[str, tuple[Cell, ...]] = {
    "products": (
        _TRACE,
        _NUMBER,
        Cell(name="code", how={BC: "upper"}, required=True),
        Cell(name="name", how={BC: "short"}),
    ),
    "customers": (
        _TRACE,
        _NUMBER,
        Cell(name="name", how={BC: "short", "crm": "upper"}),
        Cell(name="search"),
        Cell(name="code", how={BC: "upper"}, required=True),
        Cell(name="credit", number=True, how={BC: "round"}),
        Cell(name="terms", policy=Policy.PREFER),
        Cell(name="note", policy=Policy.ASK),
        Cell(name="phone", keep_filled=True),
        Cell(name="balance", number=True, owner=BC),
    ),
    "orders": (
        _TRACE,
        _NUMBER,
        Cell(name="customer", refers="customers", by={BC: "number"}),
        Cell(name="text", how={"crm": "short"}),
        Cell(name="total", number=True, owner=BC),
    ),
}
"""``trace`` tells people and judges which record it is, whatever else becomes of it; nobody ever edits it."""

LINE: tuple[Cell, ...] = (
    Cell(name="trace"),
    Cell(name="product", refers="products"),
    Cell(name="quantity", number=True, how={BC: "round"}),
    Cell(name="text"),
    Cell(name="amount", number=True, owner=BC),
)
ENTITIES = tuple(HEADERS)


AGREEMENT = Agreement(
    headers={entity: {cell.name: cell for cell in told} for entity, told in HEADERS.items()},
    line={cell.name: cell for cell in LINE},
)
cells = AGREEMENT.cells


def blank_of(side: str, cell: Cell) -> str | None:
    """How a side spells that there is nothing."""
    return "" if side == BC and not cell.number else None


def flows(sides: tuple[str, ...], delete: Mapping[str, Deletion]) -> dict[str, Flow]:
    """In the order of their references."""
    return {
        entity: Flow(
            name=entity,
            sides={side: Side(system=side, entity=entity) for side in sides},
            properties={cell.name: _property(cell, sides) for cell in HEADERS[entity]},
            match=(MatchKey(("number",)), *([] if entity == "orders" else [MatchKey(("code",))])),
            delete=delete[entity],
            lines=Lines(
                paths=dict.fromkeys(sides, "lines"), properties={cell.name: _property(cell, sides) for cell in LINE}
            )
            if entity == "orders"
            else None,
        )
        for entity in ENTITIES
    }


def _property(cell: Cell, sides: tuple[str, ...]) -> Property:
    kind = Kind.DECIMAL if cell.number else Kind.TEXT
    told = PropertyType(kind=kind, label=kind.value)
    everyone = frozenset(sides)
    owner = frozenset({cell.owner}) if cell.owner else None
    return Property(
        name=cell.name,
        kind=kind,
        columns={
            side: Column(paths=(cell.name,), lens=Normal(cell.how.get(side, ""), blank_of(side, cell)), type=told)
            for side in sides
        },
        sources=owner or everyone,
        targets=everyone - (owner or frozenset()),
        when_create=cell.when_create,
        keep_filled=cell.keep_filled,
        conflict=Conflict(cell.policy, BC if cell.policy is Policy.PREFER else None),
        reference=Reference(cell.refers, {side: by for side, by in cell.by.items() if side in sides})
        if cell.refers
        else None,
    )
