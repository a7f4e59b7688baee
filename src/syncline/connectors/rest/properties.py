"""A property's type in a declaration: ``text(100)``, ``decimal(2) readOnly``, ``enum[none, all]``."""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import Struct

from syncline.mapping.types import Kind, PropertyType
from syncline.yamlfile import did_you_mean

_TYPE = re.compile(r"^(?P<kind>\w+)\s*(?:\((?P<size>\d+)\)|\[(?P<members>[^\]]*)\])?(?P<flags>(?:\s+\w+)*)$")
_FLAGS = ("readOnly", "upperCase")
_SIZED = (Kind.TEXT, Kind.DECIMAL)


class DeclaredProperty(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """A property of which more is to be said than its type.

    ``blank`` is how the system spells an empty value, where that is not null. ``label`` is the type in its own words.
    """

    type: str
    read_only: bool = False
    upper_case: bool = False
    minimum: int | None = None
    blank: str | None = None
    label: str | None = None


def property_type(declared: str | DeclaredProperty) -> PropertyType:
    """What a declaration says of a property. Raises `ValueError` with the mend."""
    said = declared if isinstance(declared, DeclaredProperty) else DeclaredProperty(type=declared)
    found = _TYPE.match(said.type.strip())
    if found is None:
        raise ValueError(f"{said.type} is not a type. Write it like text(100), decimal(2) or enum[none, all].")
    kind = _kind(found["kind"])
    flags = _flags(found["flags"])
    members = tuple(member.strip() for member in (found["members"] or "").split(",") if member.strip())
    if (kind is Kind.ENUM) != bool(members):
        raise ValueError("an enum names its members, and nothing else does: enum[none, all].")
    if found["size"] and kind not in _SIZED:
        raise ValueError(f"{kind} takes no size: only text(length) and decimal(places) do.")
    size = int(found["size"]) if found["size"] else None
    return PropertyType(
        kind=kind,
        label=said.label or said.type.strip()[: found.start("flags")].strip(),
        max_length=size if kind is Kind.TEXT else None,
        decimals=size if kind is Kind.DECIMAL else None,
        members=members,
        read_only=said.read_only or "readOnly" in flags,
        upper_case=said.upper_case or "upperCase" in flags,
        minimum=said.minimum,
        blank=said.blank,
    )


def property_types(declared: Mapping[str, str | DeclaredProperty]) -> dict[str, PropertyType]:
    return {path: property_type(said) for path, said in declared.items()}


def _kind(word: str) -> Kind:
    try:
        return Kind(word)
    except ValueError:
        raise ValueError(f"{word} is not a type. {did_you_mean(word, [str(kind) for kind in Kind])}") from None


def _flags(words: str) -> list[str]:
    flags = words.split()
    for word in flags:
        if word not in _FLAGS:
            raise ValueError(f"{word} is nothing a type can be. {did_you_mean(word, _FLAGS)}")
    return flags
