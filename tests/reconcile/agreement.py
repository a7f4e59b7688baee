"""A small agreement, spelled out: one of its two systems keeps codes in upper case, rounds, and cuts text short."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from msgspec import Struct

from syncline.mapping.model import Column, Conflict, Flow, Lines, MatchKey, Policy, Property, Side
from syncline.mapping.types import Kind, PropertyType
from syncline.records import Value

SIDES = ("erp", "bc")
_TEXT = PropertyType(kind=Kind.TEXT, label="text")


class Normal(Struct, frozen=True):
    """What a system does by itself to what it is sent."""

    how: str = ""

    @property
    def words(self) -> str | None:
        return None

    @property
    def lossy(self) -> str | None:
        return self.how or None

    def get(self, raw: tuple[Any, ...]) -> Value:
        value: Value = raw[0]
        return value

    def put(self, value: Value) -> tuple[Any, ...]:
        return (normalised(self.how, value),)


def normalised(how: str, value: Value) -> Value:
    if isinstance(value, str):
        return value.upper() if how == "upper" else value[:5] if how == "short" else value
    if isinstance(value, Decimal) and how == "round":
        return value.quantize(Decimal(1))
    return value


def prop(name: str, *, bc: str = "", erp: str = "", **more: Any) -> Property:
    """A row kept on both sides, whose edits count from both unless ``more`` says otherwise."""
    columns = {side: Column(paths=(name,), lens=Normal(how), type=_TEXT) for side, how in (("erp", erp), ("bc", bc))}
    both = frozenset(SIDES)
    return Property(**{"name": name, "kind": Kind.TEXT, "columns": columns, "sources": both, "targets": both} | more)


PROPERTIES: Mapping[str, Property] = {
    p.name: p
    for p in (
        prop("name", bc="short"),
        prop("code", bc="upper"),
        prop("price", bc="round"),
        prop("terms", conflict=Conflict(Policy.PREFER, "bc")),
        prop("note", conflict=Conflict(Policy.ASK)),
        prop("number", when_create=True),
        prop("phone", keep_filled=True),
        prop("balance", sources=frozenset({"bc"}), targets=frozenset({"erp"})),
    )
}
LINE: Mapping[str, Property] = {p.name: p for p in (prop("item", bc="upper"), prop("quantity"))}

FLOW = Flow(
    name="orders",
    sides={side: Side(system=side, entity="orders") for side in SIDES},
    properties=PROPERTIES,
    match=(MatchKey(("code",)),),
    lines=Lines(paths=dict.fromkeys(SIDES, "lines"), properties=LINE),
)
