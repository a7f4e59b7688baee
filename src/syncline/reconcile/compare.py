"""Whether records still say what is remembered of them, and whether two sides say the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations

from msgspec import UNSET, Struct
from msgspec.structs import replace

from syncline.mapping.model import Flow, Property
from syncline.reconcile.lines import pair_lines
from syncline.reconcile.merge import holds
from syncline.records import Row, Shadow, Value, Values


class Disagreement(Struct, frozen=True, kw_only=True):
    """What sides hold that do not agree. Without a ``property`` a whole line is on these ``sides`` only.

    ``line`` names a line, ``number`` is the place where it stands, from 1 on.
    """

    property: str | None
    sides: frozenset[str]
    values: Values
    line: str | None = None
    number: int | None = None


def unchanged(row: Row, shadow: Shadow) -> bool:
    """Whether everything that the row tells is what the shadow says. Nothing that is not understood counts as known."""
    if row.waits or row.problems or not _told(row.values, shadow.values):
        return False
    if row.lines is UNSET:
        return True
    before = {line.id: line.values for line in shadow.lines}
    same_lines = {line.id for line in row.lines} == before.keys()
    return same_lines and all(_told(line.values, before[line.id]) for line in row.lines)


def _told(values: Values, before: Values) -> bool:
    return all(name in before and before[name] == value for name, value in values.items())


def disagreements(flow: Flow, rows: Mapping[str, Row], shadows: Mapping[str, Shadow]) -> list[Disagreement]:
    """Where the sides of one link do not hold the same, each as it spells it. What is not told is not compared.

    A side that is only read may differ in what it was last known to hold: nobody will ever bring it in step.
    """
    read_only = frozenset(name for name, side in flow.sides.items() if not side.write)
    before = {side: shadow.values for side, shadow in shadows.items()}
    found = list(_differing(flow.properties, {side: row.values for side, row in rows.items()}, before, read_only))
    if flow.lines is None or any(row.lines is UNSET for row in rows.values()):
        return found
    for number, pair in enumerate(pair_lines(flow, rows, shadows), start=1):
        differing = list(_differing(flow.lines.properties, pair.now, pair.before, read_only))
        if pair.now.keys() < rows.keys():
            differing.append(Disagreement(property=None, sides=frozenset(pair.now), values={}))
        found += (replace(each, line=pair.line, number=number) for each in differing)
    return found


def _differing(
    properties: Mapping[str, Property],
    held: Mapping[str, Values],
    before: Mapping[str, Values],
    read_only: frozenset[str],
) -> Iterable[Disagreement]:
    for name, p in properties.items():
        now = {side: values[name] for side, values in held.items() if side in p.columns and name in values}
        for left, right in combinations(now, 2):
            if agree(p, left, now[left], right, now[right]) or _of_one_origin(p, left, right, now):
                continue
            if read_only.intersection((left, right)) and all(_is_known(before, s, name, now[s]) for s in (left, right)):
                continue
            yield Disagreement(property=name, sides=frozenset((left, right)), values=now)
            break


def _of_one_origin(p: Property, left: str, right: str, now: Values) -> bool:
    """Whether both are the image of what a third side holds, of which each has lost something else."""
    others = (now[side] for side in now if side in p.sources and side not in (left, right))
    return any(holds(p, left, value, now[left]) and holds(p, right, value, now[right]) for value in others)


def _is_known(before: Mapping[str, Values], side: str, name: str, value: Value) -> bool:
    known = before.get(side, {})
    return name in known and known[name] == value


def agree(p: Property, left: str, value: Value, right: str, other: Value) -> bool:
    """Whether one side holds what it would after being sent what the other holds, where the agreement would send it.

    What only fills an empty property may differ where it is filled; so may what is emptied where that does not travel.
    """
    if value == other:
        return True
    ways = [(left, value, right, other), (right, other, left, value)]
    ways = [way for way in ways if way[0] in p.sources and way[2] in p.targets]
    sent = [(held, p.normal(to, held), there) for _, held, to, there in ways]
    if p.when_create:
        return all(there is not None or held is None for held, _, there in sent)
    if p.keep_filled and any(held is None and side in p.sources for side, held in ((left, value), (right, other))):
        return True  # a side that emptied it keeps it so, and the others keep what they have
    return not sent or any(normal == there for _, normal, there in sent)
