"""The entities as flow files are checked against them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import structs

from syncline.connectors.businesscentral.metadata import (
    BLANK_MEMBER,
    ZERO_DATE,
    ZERO_DATETIME,
    ZERO_GUID,
    EdmType,
    EntitySet,
    Property,
    entity_sets,
)
from syncline.connectors.businesscentral.traits import Afterlife, holds_lines, traits_of
from syncline.mapping.types import EntityType, Kind, PropertyType

_KINDS: Mapping[EdmType, tuple[Kind, str, str | None]] = {
    EdmType.STRING: (Kind.TEXT, "Text", ""),
    EdmType.GUID: (Kind.ID, "Guid", ZERO_GUID),
    EdmType.DECIMAL: (Kind.DECIMAL, "Decimal", "0"),
    EdmType.INT32: (Kind.INTEGER, "Integer", "0"),
    EdmType.BOOLEAN: (Kind.BOOLEAN, "Boolean", "false"),
    EdmType.DATE: (Kind.DATE, "Date", ZERO_DATE),
    EdmType.DATETIME: (Kind.DATETIME, "DateTime", ZERO_DATETIME),
    EdmType.ENUM: (Kind.ENUM, "Enum", None),
}
"""The kind, Business Central's word for the type, and how an empty value is spelled."""
_MOST_DECIMALS = 5
"""Places of a decimal for which the source names none: the precision of unit prices, which is the finest there is."""


def entity_type(name: str) -> EntityType:
    """An entity with the properties that navigations lead to, its lines, and what the connector adds.

    Raises `KeyError` for one that API v2.0 does not have.
    """
    entity_set = entity_sets()[name]
    afterlife = traits_of(name).afterlife
    own = _properties(entity_set)
    return EntityType(
        name=name,
        properties={**own, **dict(_navigated(entity_set)), **(_added(own, afterlife) if afterlife else {})},
        lines={
            way_name: _properties(entity_sets()[way.entity_set])
            for way_name, way in entity_set.navigations.items()
            if holds_lines(way) and way.entity_set in entity_sets()
        },
    )


def _properties(entity_set: EntitySet) -> dict[str, PropertyType]:
    traits = traits_of(entity_set.name)
    return {
        name: structs.replace(
            _type(said),
            codes=traits.codes.get(name),
            posts=name in traits.posts,
            resets=traits.resets.get(name, ()),
            upper_case=said.upper_case or name in traits.capitals,
        )
        for name, said in entity_set.properties.items()
        if said.type in _KINDS
    }


def _navigated(entity_set: EntitySet) -> Iterator[tuple[str, PropertyType]]:
    chosen = traits_of(entity_set.name).chosen
    for name, way in entity_set.navigations.items():
        target = entity_sets().get(way.entity_set)
        if target is None or (way.many and name not in chosen):
            continue
        for inner, said in _properties(target).items():
            yield f"{name}.{inner}", structs.replace(said, read_only=True)


def _added(own: Mapping[str, PropertyType], afterlife: Afterlife) -> dict[str, PropertyType]:
    """The list of numbers, and the members that are only told of a record that lives on elsewhere."""
    numbers = PropertyType(kind=Kind.LIST, label="Code[20], several", read_only=True)
    widened = {
        name: structs.replace(own[name], members=(*own[name].members, member))
        for name, member in afterlife.fields.items()
    }
    return {**widened, afterlife.numbers: numbers}


def _type(said: Property) -> PropertyType:
    kind, label, blank = _KINDS[said.type]
    if said.type is EdmType.STRING and said.max_length:
        label = f"{'Code' if said.upper_case else 'Text'}[{said.max_length}]"
    return PropertyType(
        kind=kind,
        label=label,
        max_length=said.max_length,
        upper_case=said.upper_case,
        decimals=_MOST_DECIMALS if kind is Kind.DECIMAL and said.decimals is None else said.decimals,
        minimum=None if said.min_value is None else int(said.min_value),
        members=said.members,
        read_only=said.read_only,
        blank=BLANK_MEMBER if BLANK_MEMBER in said.members else blank,
    )
