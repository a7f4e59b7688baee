"""What is asked of an entity, spelled as OData has it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from msgspec import Struct

from syncline.connectors.base import View
from syncline.connectors.businesscentral.http import query_string
from syncline.connectors.businesscentral.metadata import (
    BLANK_MEMBER,
    ZERO_DATE,
    ZERO_GUID,
    EdmType,
    EntitySet,
    Property,
    entity_sets,
)
from syncline.connectors.businesscentral.traits import MODIFIED, SEQUENCE, Traits, traits_of

Options = Mapping[str, str]
_BLANKS = {
    EdmType.STRING: "",
    EdmType.GUID: ZERO_GUID,
    EdmType.DATE: ZERO_DATE,
    EdmType.ENUM: BLANK_MEMBER,
    EdmType.BOOLEAN: "false",
    EdmType.DECIMAL: "0",
    EdmType.INT32: "0",
}
_QUOTED = (EdmType.STRING, EdmType.ENUM)


class Shape(Struct, frozen=True, kw_only=True):
    """A view of an entity that exists. ``navigations`` are those the view reads, its lines aside."""

    view: View
    entity_set: EntitySet
    traits: Traits
    navigations: Mapping[str, tuple[str, ...]]

    @property
    def name(self) -> str:
        return self.entity_set.name

    @property
    def lines(self) -> str | None:
        return self.view.lines

    @property
    def lines_set(self) -> str | None:
        """The entity set of the lines."""
        return self.entity_set.navigations[self.view.lines].entity_set if self.view.lines else None

    @property
    def dated(self) -> bool:
        """Whether it can be asked what changed."""
        return MODIFIED in self.entity_set.properties

    @property
    def numbers(self) -> str | None:
        """The connector's own property, where the view reads it."""
        afterlife = self.traits.afterlife
        return afterlife.numbers if afterlife and afterlife.numbers in self.view.paths else None

    def options(self, *, lines: bool = True) -> dict[str, str]:
        """``$select`` and ``$expand`` of what the view reads, and of no more."""
        expand = [f"{name}($select={','.join(inner)})" for name, inner in self.navigations.items()]
        if lines and self.lines:
            expand.append(f"{self.lines}({spelled(self.line_options())})")
        return {"$select": ",".join(self._selected())} | ({"$expand": ",".join(expand)} if expand else {})

    def line_options(self) -> dict[str, str]:
        trace = (self.traits.afterlife.trace,) if self.traits.afterlife and self.numbers else ()
        return {"$select": ",".join(dict.fromkeys(("id", SEQUENCE, *self.view.line_paths, *trace)))}

    def taking_part(self) -> tuple[str, ...]:
        """The view's ``where`` as conditions; without those that Business Central cannot be asked."""
        properties = self.entity_set.properties
        return tuple(
            any_of(name, properties[name], values)
            for name, wanted in self.view.where.items()
            if name in properties and name not in self.traits.unfilterable
            if (values := wanted if isinstance(wanted, list | tuple | set | frozenset) else (wanted,))
        )

    def _selected(self) -> Iterable[str]:
        asked = (*self.view.paths, *self.view.where)
        told = ("id", MODIFIED) if self.dated else ("id",)
        return dict.fromkeys((*told, *(path for path in asked if path in self.entity_set.properties)))


def shape(view: View) -> Shape:
    """Raises `KeyError` for an entity, lines or a navigation that there is not."""
    entity_set = entity_sets()[view.entity]
    traits = traits_of(view.entity)
    if view.lines:
        entity_set.navigations[view.lines]
    return Shape(view=view, entity_set=entity_set, traits=traits, navigations=_navigations(view, entity_set, traits))


def _navigations(view: View, entity_set: EntitySet, traits: Traits) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for path in (*view.paths, *view.where):
        name, _, inner = path.partition(".")
        if inner:
            entity_set.navigations[name]
            mark = (traits.chosen[name][0],) if name in traits.chosen else ()
            found[name] = tuple(dict.fromkeys((*found.get(name, mark), inner)))
    return found


def address(path: str, options: Options | None = None) -> str:
    """A path with its options, encoded."""
    return f"{path}?{query_string(options)}" if options else path


def spelled(options: Options) -> str:
    """Options inside the brackets of an ``$expand``."""
    return ";".join(f"{name}={value}" for name, value in options.items())


def both(*conditions: str) -> Options:
    """A ``$filter`` of all that is said."""
    said = [condition for condition in conditions if condition]
    return {"$filter": " and ".join(said)} if said else {}


def equals(name: str, said: Property, value: Any) -> str:
    return f"{name} eq {literal(said, value)}"


def any_of(name: str, said: Property, values: Iterable[Any]) -> str:
    """One property equal to one of the values: an ``or`` over a single property is what there is."""
    conditions = [equals(name, said, value) for value in values]
    return conditions[0] if len(conditions) == 1 else f"({' or '.join(conditions)})"


def after(moment: datetime | None) -> str:
    """Modified later than this."""
    return "" if moment is None else f"{MODIFIED} gt {moment_text(moment)}"


def moment_text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def literal(said: Property, value: Any) -> str:
    """A value as a filter has it; ``None`` as the property spells what is empty."""
    told = _BLANKS.get(said.type, "") if value is None else value
    if said.type in _QUOTED:
        return "'" + str(told).replace("'", "''") + "'"
    if isinstance(told, Decimal):
        return format(told, "f")
    return str(told).lower() if isinstance(told, bool) else str(told)
