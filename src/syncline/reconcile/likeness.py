"""How alike two records are, property by property: what a person is shown who must say whether they are the same."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct
from rapidfuzz import fuzz

from syncline.mapping.model import Flow, Property
from syncline.mapping.types import Kind
from syncline.records import Value, Values

_KEY, _TEXT, _OTHER = 4.0, 2.0, 1.0
"""What a property weighs: one that records match by, other text, and what many have in common (codes, flags)."""
_LITTLE = 0.25
"""What is left of the weight where one side is empty, or each may number its records by itself: that says little."""
_ALIKE = 70
"""Text less alike than this is simply different: any two texts share some letters."""


class Differing(Struct, frozen=True, kw_only=True):
    """A property that is not the same, as each side has it; ``None`` where it is empty. ``alike`` is 0 to 99."""

    property: str
    left: Value
    right: Value
    alike: int


class Likeness(Struct, frozen=True, kw_only=True):
    """``score`` is 0 to 100; ``same`` the filled properties on which both agree."""

    score: int
    same: tuple[str, ...]
    differ: tuple[Differing, ...]


def likeness(flow: Flow, left: str, values: Values, right: str, others: Values) -> Likeness:
    """How much a record of the side ``left`` is like one of ``right``.

    Compared are the properties that people may edit on either side, and those that records match by. What is empty on
    both says nothing.
    """
    keys = {name for key in flow.match for name in key.properties}
    reached, possible = 0.0, 0.0
    same: list[str] = []
    differ: list[Differing] = []
    for p in _compared(flow, keys, left, right):
        value, other = values.get(p.name), others.get(p.name)
        if value is None and other is None:
            continue
        weight = _KEY if p.name in keys else _TEXT if p.kind is Kind.TEXT else _OTHER
        alike = _alike(p, left, value, right, other)
        if value is None or other is None or (p.when_create and alike < 100):
            weight *= _LITTLE
        possible += weight
        reached += weight * alike / 100
        if alike == 100:
            same.append(p.name)
        else:
            differ.append(Differing(property=p.name, left=value, right=other, alike=alike))
    score = round(100 * reached / possible) if possible else 0
    return Likeness(score=min(score, 99) if differ else score, same=tuple(same), differ=tuple(differ))


def _compared(flow: Flow, keys: set[str], left: str, right: str) -> Iterator[Property]:
    for p in flow.properties.values():
        if left in p.columns and right in p.columns and (p.name in keys or p.sources >= {left, right}):
            yield p


def _alike(p: Property, left: str, value: Value, right: str, other: Value) -> int:
    """100 where it is the same, each as its side spells it."""
    if value is None or other is None:
        return 0
    if other in (value, p.normal(right, value)) or p.normal(left, other) == value:
        return 100
    if not isinstance(value, str) or not isinstance(other, str) or p.reference is not None:
        return 0
    one, two = value.strip().casefold(), other.strip().casefold()
    if one == two:
        return 100
    alike = int(max(fuzz.ratio(one, two), fuzz.token_sort_ratio(one, two)))
    return min(alike, 99) if alike >= _ALIKE else 0
