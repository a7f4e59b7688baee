"""A record as its page shows it: every side next to each other, property by property, and what happens next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from msgspec import UNSET, Struct

from syncline.console.desk import Desk
from syncline.console.views import record_url
from syncline.engine.people.names import Names, line_number
from syncline.engine.people.outlook import outlook
from syncline.engine.people.words import shown
from syncline.mapping.known import Known
from syncline.mapping.model import Flow, Property
from syncline.mapping.translate import row
from syncline.reconcile.merge import holds
from syncline.records import Link, Ref, Row, Shadow, Value, Values
from syncline.store import Pair, Parked


class Cell(Struct, frozen=True, kw_only=True):
    """A value on a side as it is known now, and what was ``agreed`` last where that is another; ``url`` of a reference.

    ``here`` is whether the side has the property at all.
    """

    here: bool
    value: str = ""
    agreed: str | None = None
    url: str = ""


class Line(Struct, frozen=True, kw_only=True):
    """A property: a cell a side, and in a word whether they agree."""

    name: str
    cells: tuple[Cell, ...]
    state: str


class OrderLine(Struct, frozen=True, kw_only=True):
    """A line of an order, by the number it has, with its properties."""

    number: str
    lines: tuple[Line, ...]


class Sheet(Struct, frozen=True, kw_only=True):
    """``refs`` are the records by side, ``modified`` when each was changed; ``next`` says what will happen."""

    flow: str
    name: str
    link: Link | None
    refs: Mapping[str, Ref]
    sides: tuple[str, ...]
    modified: Mapping[str, datetime | None]
    lines: tuple[Line, ...]
    order_lines: tuple[OrderLine, ...]
    parked: tuple[Parked, ...]
    next: tuple[str, ...]


def sheet(desk: Desk, names: Names, ref: Ref) -> Sheet | None:
    """Of a record that is linked, or was seen; ``None`` where nothing is known of it."""
    store, flow = desk.store, desk.flows[ref.flow]
    id_ = store.links_of([ref]).get(ref)
    pair = next(iter(store.pairs_of([id_] if id_ else [])), None)
    refs = {r.side: r for r in pair.link.refs} if pair is not None else {ref.side: ref}
    arrivals = store.arrivals(list(refs.values()))
    if pair is None and ref not in arrivals:
        return None
    parked = store.parked_refs(list(refs.values()))
    now = {
        a.ref.side: row(flow, a.ref.side, a.record, Known())
        for a in arrivals.values()
        if a.record is not None and a.ref.side in flow.sides
    }
    shadows = dict(pair.shadows) if pair is not None else {}
    known = _Known(desk, names, flow, shadows, now)
    first = arrivals.get(ref)
    alone = parked.get(ref)
    if pair is not None:
        name = names.of_pair(pair)
    elif alone is not None:
        name = names.of_parked(alone)
    else:
        name = str(now[ref.side].values.get("name") or ref.id) if first is not None and ref.side in now else ref.id
    sides = tuple(names.in_order(flow.name, [*flow.sides, *refs]))
    times = {side: shadow.modified for side, shadow in shadows.items()}
    times |= {a.ref.side: a.record.modified for a in arrivals.values() if a.record is not None}
    return Sheet(
        flow=flow.name,
        name=name,
        link=pair.link if pair is not None else None,
        refs=refs,
        sides=sides,
        modified=times,
        lines=tuple(known.lines(flow.properties, sides, None)),
        order_lines=tuple(known.order_lines(sides, pair)),
        parked=tuple(parked.values()),
        next=tuple(outlook(store, desk.flows, names, pair, list(refs.values()), desk.now())),
    )


class _Known:
    """What every side is known to hold: as it arrived, else as it was agreed."""

    def __init__(
        self, desk: Desk, names: Names, flow: Flow, shadows: Mapping[str, Shadow], now: Mapping[str, Row]
    ) -> None:
        self._desk = desk
        self._names = names
        self._flow = flow
        self._shadows = shadows
        self._now = now

    def lines(self, properties: Mapping[str, Property], sides: Sequence[str], line: str | None) -> Iterator[Line]:
        for p in properties.values():
            agreed = {s: self._agreed(s, line) for s in sides}
            now = {s: self._told(s, line, agreed[s]) for s in sides}
            cells = tuple(self._cell(p, s, agreed[s], now[s]) for s in sides)
            if any(cell.here for cell in cells):
                yield Line(name=p.name, cells=cells, state=_state(p, sides, now))

    def order_lines(self, sides: Sequence[str], pair: Pair | None) -> Iterator[OrderLine]:
        if self._flow.lines is None:
            return
        names = dict.fromkeys(line.line for shadow in self._shadows.values() for line in shadow.lines)
        for name in names:
            lines = tuple(self.lines(self._flow.lines.properties, sides, name))
            yield OrderLine(number=line_number(pair, name), lines=lines)

    def _agreed(self, side: str, line: str | None) -> Values:
        shadow = self._shadows.get(side)
        if shadow is None:
            return {}
        if line is None:
            return shadow.values
        return next((each.values for each in shadow.lines if each.line == line), {})

    def _told(self, side: str, line: str | None, agreed: Values) -> Values:
        """With what arrived since. What is not told in it is as it was."""
        told = self._now.get(side)
        if told is None:
            return agreed
        if line is None:
            return {**agreed, **told.values}
        lines = () if told.lines is UNSET else told.lines
        shadow = self._shadows.get(side)
        id_ = next((each.id for each in shadow.lines if each.line == line), None) if shadow is not None else None
        return {**agreed, **next((each.values for each in lines if each.id == id_), {})}

    def _cell(self, p: Property, side: str, agreed: Values, now: Values) -> Cell:
        if side not in p.columns:
            return Cell(here=False)
        value, before = now.get(p.name), agreed.get(p.name)
        changed = p.name in agreed and value != before
        return Cell(
            here=True,
            value=self._words(p, value) if p.name in now else "",
            agreed=self._words(p, before) if changed else None,
            url=self._url(p, value),
        )

    def _words(self, p: Property, value: Value) -> str:
        if p.reference is not None and value is not None:
            return self._names.of_link(str(value))
        return shown(value)

    def _url(self, p: Property, value: Value) -> str:
        if p.reference is None or value is None:
            return ""
        link = self._desk.store.links([str(value)]).get(str(value))
        if link is None or not link.members:
            return ""
        side = self._names.in_order(link.flow, link.members)[0]
        return record_url(Ref(link.flow, side, link.members[side]))


def _state(p: Property, sides: Sequence[str], now: Mapping[str, Values]) -> str:
    """Whether the sides agree, each seen through what it can hold."""
    held = {s: now[s][p.name] for s in sides if s in p.columns and p.name in now[s]}
    if len(held) < 2:
        return ""
    agree = any(all(holds(p, s, value, other) for s, other in held.items()) for value in held.values())
    return "" if agree else "differs"
