"""Which lines of two orders are the same line.

A line that was seen before is known by its id on each side. Lines that are new on several sides at once (an order that
existed on both before it was linked, or one whose creation was answered by silence) are paired by what they say; so is
one that is new on a side with those that others have and it never had.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from msgspec import UNSET, Struct

from syncline.mapping.model import Flow, Property
from syncline.records import Line, Row, Shadow, Values


class LinePair(Struct, frozen=True, kw_only=True):
    """One line on the sides that have it now.

    ``now`` is what they hold, ``before`` what they were last known to hold, ``behind`` what they are still to be given;
    ``removed`` is what the sides that no longer have it were last known to hold; ``after`` is the line before it on the
    first side that has it.
    """

    line: str
    ids: Mapping[str, str]
    versions: Mapping[str, str | None]
    now: Mapping[str, Values]
    before: Mapping[str, Values]
    behind: Mapping[str, frozenset[str]]
    removed: Mapping[str, Values]
    after: str | None


def pair_lines(flow: Flow, rows: Mapping[str, Row], shadows: Mapping[str, Shadow]) -> list[LinePair]:
    """All lines that any side has, each after the line that precedes it."""
    if flow.lines is None:
        return []
    known = {side: {line.id: line.line for line in shadow.lines} for side, shadow in shadows.items()}
    present = {side: _present(side, rows, shadows) for side in flow.sides if side in rows or side in shadows}
    names = _name_lines(flow.lines.properties, present, known)
    before = {side: {line.line: line.values for line in shadow.lines} for side, shadow in shadows.items()}
    behind = {side: {line.line: line.behind for line in shadow.lines} for side, shadow in shadows.items()}
    ids: dict[str, dict[str, Line]] = {}
    after: dict[str, str | None] = {}
    for side, lines in present.items():
        previous: str | None = None
        for line in lines:
            name = names[side, line.id]
            ids.setdefault(name, {})[side] = line
            after.setdefault(name, previous)
            previous = name
    return [
        LinePair(
            line=name,
            ids={side: line.id for side, line in holders.items()},
            versions={side: line.version for side, line in holders.items()},
            now={side: line.values for side, line in holders.items()},
            before={side: before[side][name] for side in holders if name in before.get(side, {})},
            behind={side: of[name] for side, of in behind.items() if side in holders and name in of},
            removed={side: lines[name] for side, lines in before.items() if name in lines and side not in holders},
            after=after[name],
        )
        for name, holders in ids.items()
    ]


def _present(side: str, rows: Mapping[str, Row], shadows: Mapping[str, Shadow]) -> Sequence[Line]:
    row = rows.get(side)
    if row is not None and row.lines is not UNSET:
        return row.lines
    shadow = shadows.get(side)
    return [Line(id=s.id, version=s.version, values=s.values) for s in shadow.lines] if shadow else []


def _name_lines(
    properties: Mapping[str, Property],
    present: Mapping[str, Sequence[Line]],
    known: Mapping[str, Mapping[str, str]],
) -> dict[tuple[str, str], str]:
    """The shared name of every line by side and the side's id. A new one is named after the first side that has it."""
    names = {
        (side, line.id): known[side][line.id] for side in known for line in present[side] if line.id in known[side]
    }
    new: dict[str, tuple[str, Line]] = {}
    removed = _removed(present, known)
    for side, lines in present.items():
        unnamed = [line for line in lines if (side, line.id) not in names]
        taken = {name for (holder, _), name in names.items() if holder == side}
        others = new | _elsewhere(side, present, known)
        free = {name: entry for name, entry in others.items() if name not in taken}
        for pairing in _best_pairings(properties, side, unnamed, free, removed):
            names[side, pairing.line.id] = pairing.name
        new |= {f"{side}:{line.id}": (side, line) for line in unnamed if (side, line.id) not in names}
        names |= {(side, line.id): f"{side}:{line.id}" for line in unnamed if (side, line.id) not in names}
    return names


def _elsewhere(
    side: str, present: Mapping[str, Sequence[Line]], known: Mapping[str, Mapping[str, str]]
) -> dict[str, tuple[str, Line]]:
    """The known lines of the other sides."""
    return {
        name: (other, line)
        for other, lines in present.items()
        for line in lines
        if other != side and (name := known.get(other, {}).get(line.id)) is not None
    }


def _removed(present: Mapping[str, Sequence[Line]], known: Mapping[str, Mapping[str, str]]) -> frozenset[str]:
    """The lines that any side does not have any more."""
    left = {side: {line.id for line in lines} for side, lines in present.items()}
    return frozenset(name for side, lines in known.items() for id_, name in lines.items() if id_ not in left[side])


class _Pairing(NamedTuple):
    score: tuple[int, int]
    name: str
    line: Line


def _best_pairings(
    properties: Mapping[str, Property],
    side: str,
    lines: Sequence[Line],
    new: Mapping[str, tuple[str, Line]],
    removed: frozenset[str],
) -> list[_Pairing]:
    """The most alike first, each line once; of equally alike ones those that stand nearest to each other."""
    pairings = [
        _Pairing((alike, -abs(i - j)), name, line)
        for i, line in enumerate(lines)
        for j, (name, (_, other)) in enumerate(new.items())
        if (alike := _alike(properties, side, other.values, line.values))
        and (name not in removed or _says_the_same(properties, side, other.values, line.values))
    ]
    pairings.sort(key=lambda p: p.score, reverse=True)
    chosen: list[_Pairing] = []
    used: set[str] = set()
    for pairing in pairings:
        if pairing.name not in used and pairing.line.id not in {p.line.id for p in chosen}:
            used.add(pairing.name)
            chosen.append(pairing)
    return chosen


def _alike(properties: Mapping[str, Property], side: str, values: Values, others: Values) -> int:
    """How many filled properties are equal, seen as ``side`` spells them; 0 where a reference (the product) differs."""
    alike = 0
    for name, p in properties.items():
        equal = _equal(p, side, values, others)
        if p.reference is not None and not equal:
            return 0
        alike += equal and values.get(name) is not None
    return alike


def _says_the_same(properties: Mapping[str, Property], side: str, values: Values, others: Values) -> bool:
    """Whether all is equal that does not come from one side alone, which may have derived it since."""
    return all(_equal(p, side, values, others) for p in properties.values() if len(p.sources) > 1)


def _equal(p: Property, side: str, values: Values, others: Values) -> bool:
    value, other = values.get(p.name), others.get(p.name)
    return value == other or p.normal(side, value) == other
