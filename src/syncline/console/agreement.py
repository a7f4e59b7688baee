"""A flow as a table that people can sign: a row a property, a column a system.

The one place that says what of the agreement a page shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from syncline.mapping.model import Flow, Policy, Property

_DELETIONS: Mapping[str, str] = {
    "ask": "a person is asked",
    "propagate": "its counterpart is deleted, too",
    "keep": "its counterpart stays",
    "block": "it is created again",
}


class Agreed(Struct, frozen=True, kw_only=True):
    """A property: where each side keeps it, which way it goes, and what happens when both have changed it."""

    name: str
    places: tuple[str, ...]
    direction: str
    conflict: str
    remarks: tuple[str, ...]


class Agreement(Struct, frozen=True, kw_only=True):
    """``sides`` are (name, entity, which records take part); ``lines`` are the properties of a line."""

    flow: str
    sides: tuple[tuple[str, str, str], ...]
    match: tuple[str, ...]
    delete: str
    properties: tuple[Agreed, ...]
    lines: tuple[Agreed, ...]


def agreement(flow: Flow) -> Agreement:
    return Agreement(
        flow=flow.name,
        sides=tuple((name, side.entity, _where(flow, name)) for name, side in flow.sides.items()),
        match=tuple(" and ".join(key.properties) + (" (asks)" if key.suggest else "") for key in flow.match),
        delete=_DELETIONS[flow.delete.value],
        properties=tuple(_agreed(flow, flow.properties.values())),
        lines=tuple(_agreed(flow, flow.lines.properties.values())) if flow.lines else (),
    )


def _where(flow: Flow, name: str) -> str:
    side = flow.sides[name]
    told = [f"{path} is {' or '.join(map(str, values))}" for path, values in side.where.items()]
    told += [] if side.write else ["read only"]
    return "; ".join(told) or "all"


def _agreed(flow: Flow, properties: Iterable[Property]) -> Iterator[Agreed]:
    for p in properties:
        yield Agreed(
            name=p.name,
            places=tuple(_place(p, side) for side in flow.sides),
            direction=_direction(flow, p),
            conflict=_conflict(p),
            remarks=tuple(_remarks(p)),
        )


def _place(p: Property, side: str) -> str:
    column = p.columns.get(side)
    return " + ".join(column.paths) if column is not None else ""


def _direction(flow: Flow, p: Property) -> str:
    """With two sides an arrow; with more, from whom to whom."""
    if len(flow.sides) == 2:
        left, right = flow.sides
        there, back = left in p.sources and right in p.targets, right in p.sources and left in p.targets
        return {(True, True): "↔", (True, False): "→", (False, True): "←"}.get((there, back), "–")
    sources, targets = ([s for s in flow.sides if s in sides] for sides in (p.sources, p.targets))
    return f"{', '.join(sources)} → {', '.join(targets)}" if targets else "–"


def _conflict(p: Property) -> str:
    if not p.targets or len(p.sources) < 2:
        return ""
    match p.conflict.policy:
        case Policy.PREFER:
            return f"{p.conflict.side} wins"
        case Policy.ASK:
            return "a person is asked"
        case _:
            return "the later edit wins"


def _remarks(p: Property) -> Iterator[str]:
    if p.reference is not None:
        yield f"refers to {p.reference.flow}"
    if p.required:
        yield "required"
    if p.when_create:
        yield "with new records only"
    if p.keep_filled:
        yield "never emptied"
    for side, column in p.columns.items():
        if column.lens.lossy:
            yield f"{side}: {column.lens.lossy}"
        if column.table:
            yield f"{side}: code of {column.table}"
