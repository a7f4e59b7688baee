"""What the engine asks, for many at once. Every function reads within the caller's transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Generator, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import product
from typing import Any, TypeAlias, TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    Subquery,
    and_,
    exists,
    func,
    literal,
    or_,
    select,
    type_coerce,
)
from sqlalchemy import Text as Kept

from syncline.records import Answer, Link, LinkState, Ref, Shadow, Value
from syncline.store import tables as t
from syncline.store.memory import Arrival, Hold, Intent, Parked, Remembered, Wish

T = TypeVar("T")
AnyRow: TypeAlias = Row[*tuple[Any, ...]]

_SLICE = 2_000
"""How many values one statement asks for: far under the 32,766 that either database takes."""
_STREAMED = 1_000
"""Rows of a long answer that are held at once."""
_ENTRIES = 20
"""How many entries of the journal are looked through for each record that is wanted."""

_IS_MEMBER = and_(
    t.members.c.flow == t.arrivals.c.flow, t.members.c.side == t.arrivals.c.side, t.members.c.id == t.arrivals.c.id
)
_IS_LINKED_EDIT = and_(t.arrivals.c.edit, t.members.c.link.is_not(None))
_ARRIVALS: Select[*tuple[Any, ...]] = select(*t.arrivals.c, t.members.c.link).outerjoin(t.members, _IS_MEMBER)
PARKED: Select[*tuple[Any, ...]] = select(*t.parked.c, t.members.c.link).outerjoin(
    t.members,
    and_(t.members.c.flow == t.parked.c.flow, t.members.c.side == t.parked.c.side, t.members.c.id == t.parked.c.id),
)


def cut(values: Iterable[T]) -> Iterator[list[T]]:
    """The values, each once, in pieces that fit a statement."""
    distinct = list(dict.fromkeys(values))
    for start in range(0, len(distinct), _SLICE):
        yield distinct[start : start + _SLICE]


def slices(refs: Iterable[Ref]) -> Iterator[tuple[str, str, list[str]]]:
    """Record ids by flow and side, in pieces that fit a statement."""
    ids: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for ref in refs:
        ids[ref.flow, ref.side].append(ref.id)
    for (flow, side), found in ids.items():
        for piece in cut(found):
            yield flow, side, piece


# --- observation


def cursor(connection: Connection, flow: str, side: str) -> str | None:
    p = t.progress.c
    found: str | None = connection.scalar(select(p.cursor).where(p.flow == flow, p.side == side))
    return found


def listed(connection: Connection, flow: str, side: str) -> bool:
    p = t.progress.c
    return bool(connection.scalar(select(p.listed).where(p.flow == flow, p.side == side)))


def all_listed(connection: Connection) -> set[tuple[str, str]]:
    p = t.progress.c
    return {(flow, side) for flow, side in connection.execute(select(p.flow, p.side).where(p.listed))}


def facts(connection: Connection, names: Collection[str]) -> dict[str, str]:
    f = t.facts.c
    return {
        name: told
        for piece in cut(names)
        for name, told in connection.execute(select(f.name, f.text).where(f.name.in_(piece)))
    }


# --- links


def links_of(connection: Connection, refs: Collection[Ref]) -> dict[Ref, str]:
    m = t.members.c
    return {
        Ref(flow, side, id_): link
        for flow, side, ids in slices(refs)
        for id_, link in connection.execute(select(m.id, m.link).where(m.flow == flow, m.side == side, m.id.in_(ids)))
    }


def remembered(connection: Connection, refs: Collection[Ref]) -> dict[Ref, Remembered]:
    m, s = t.members.c, t.shadows.c
    its_own = and_(s.link == m.link, s.side == m.side)
    asked = select(m.id, m.link, t.links.c.state, s.shadow)
    asked = asked.join_from(t.members, t.links, t.links.c.id == m.link).outerjoin(t.shadows, its_own)
    return {
        Ref(flow, side, id_): Remembered(link=link, state=LinkState(state), shadow=shadow)
        for flow, side, ids in slices(refs)
        for id_, link, state, shadow in connection.execute(asked.where(m.flow == flow, m.side == side, m.id.in_(ids)))
    }


def links(connection: Connection, ids: Collection[str]) -> dict[str, Link]:
    found: list[AnyRow] = []
    for piece in cut(ids):
        found += connection.execute(select(t.links).where(t.links.c.id.in_(piece)))
    sides: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for (link, side), record in members(connection, ids).items():
        sides[link][side] = record
    return {row.id: Link(id=row.id, flow=row.flow, members=sides[row.id], state=LinkState(row.state)) for row in found}


def members(connection: Connection, ids: Collection[str]) -> dict[tuple[str, str], str]:
    m = t.members.c
    return {
        (link, side): record
        for piece in cut(ids)
        for link, side, record in connection.execute(
            select(m.link, m.side, m.id).where(m.link.in_(piece)).order_by(m.link, m.side)
        )
    }


def shadows(connection: Connection, ids: Collection[str]) -> dict[tuple[str, str], Shadow]:
    return {
        (link, side): shadow
        for piece in cut(ids)
        for link, side, shadow in connection.execute(select(t.shadows).where(t.shadows.c.link.in_(piece)))
    }


# --- keys


def keys_of(connection: Connection, ids: Collection[str], names: Collection[str]) -> dict[tuple[str, str, str], Value]:
    m, k = t.members.c, t.keys.c
    same = and_(m.flow == k.flow, m.side == k.side, m.id == k.id)
    return {
        (link, side, name): value
        for piece in cut(ids)
        for link, side, name, value in connection.execute(
            select(m.link, m.side, k.name, k.value)
            .join_from(t.members, t.keys, same)
            .where(m.link.in_(piece), k.name.in_(list(names)))
        )
    }


def told_keys(connection: Connection, refs: Collection[Ref], names: Collection[str]) -> dict[Ref, dict[str, Value]]:
    k = t.keys.c
    found: defaultdict[Ref, dict[str, Value]] = defaultdict(dict)
    for flow, side, ids in slices(refs) if names else ():
        asked = select(k.id, k.name, k.value).where(k.flow == flow, k.side == side, k.id.in_(ids))
        for id_, name, value in connection.execute(asked.where(k.name.in_(list(names)))):
            found[Ref(flow, side, id_)][name] = value
    return dict(found)


def by_key(
    connection: Connection, flow: str, side: str, name: str, values: Collection[Value]
) -> dict[Value, tuple[Ref, ...]]:
    k = t.keys.c
    asked = select(k.value, k.id).where(k.flow == flow, k.side == side, k.name == name)
    found: defaultdict[Value, list[Ref]] = defaultdict(list)
    for piece in cut(value for value in values if value is not None):
        for value, id_ in connection.execute(asked.where(k.value.in_(piece)).order_by(k.value, k.id)):
            found[value].append(Ref(flow, side, id_))
    return {value: tuple(refs) for value, refs in found.items()}


Sharing: TypeAlias = tuple[str, str, str]
"""A key's value as it is kept, and the side and id of a record that has it."""
Rows: TypeAlias = Generator[Sharing, None, None]
"""Being read: whoever does not read them to the end closes them."""


def alike(connection: Connection, flow: str, name: str) -> Rows:
    u = _unlinked(flow, name)
    sides = [end(u.c.side).over(partition_by=u.c.value) for end in (func.min, func.max)]
    return _sharing(connection, select(u, (sides[0] != sides[1]).label("shared")).subquery())


def contested(connection: Connection, flow: str, sides: Collection[str], name: str) -> Rows:
    u, k, m = _unlinked(flow, name), t.keys.c, t.members.c
    is_linked = and_(m.flow == k.flow, m.side == k.side, m.id == k.id)
    same = and_(k.flow == flow, k.side.in_(list(sides)), k.name == name, k.value == u.c.value)
    taken = exists(select(m.link).join_from(t.keys, t.members, is_linked).where(same))
    several = func.count().over(partition_by=u.c.value) > 1
    return _sharing(connection, select(u, or_(several, taken).label("shared")).subquery())


def _unlinked(flow: str, name: str) -> Subquery:
    """The keys of arrivals without a link, of records that are there.

    An outer join, told of no value that it may begin with: an inner one SQLite would begin at the keys of all that is
    remembered, instead of at what has arrived.
    """
    a, k, m = t.arrivals.c, t.keys.c, t.members.c
    is_its = and_(a.flow == k.flow, a.side == k.side, a.id == k.id, k.name == name)
    none = literal("", Kept)  # less than any key
    value = func.coalesce(k.value, none)
    return (
        select(value.label("value"), a.side, a.id, a.seen)
        .outerjoin_from(t.arrivals, t.keys, is_its)
        .outerjoin(t.members, _IS_MEMBER)
        .where(a.flow == flow, m.link.is_(None), a.record.is_not(None), value > none)
        .subquery()
    )


def _sharing(connection: Connection, marked: Subquery) -> Rows:
    """Those that are marked so, by value, first those that were seen first."""
    m = marked.c
    asked = select(type_coerce(m.value, Kept), m.side, m.id).where(m.shared).order_by(m.value, m.seen, m.side, m.id)
    with connection.execute(asked.execution_options(yield_per=_STREAMED)) as found:
        yield from map(tuple, found)


# --- the inbox


def due(connection: Connection, flow: str, now: datetime, limit: int, *, edits: bool) -> tuple[Arrival, ...]:
    a = t.arrivals.c
    asked = select(a.flow, a.side, a.id, t.members.c.link).outerjoin_from(t.arrivals, t.members, _IS_MEMBER)
    asked = asked.where(a.flow == flow, a.due <= now, *([_IS_LINKED_EDIT] if edits else []))
    first = connection.execute(asked.order_by(a.due, a.side, a.id).limit(limit))
    place: dict[str | Ref, int] = {}
    for row in first:
        place.setdefault(row.link or Ref(row.flow, row.side, row.id), len(place))
    alone = [group for group in place if isinstance(group, Ref)]
    linked = members(connection, [group for group in place if isinstance(group, str)])
    together = [Ref(flow, side, id_) for (_, side), id_ in linked.items()]
    found = arrivals(connection, [*alone, *together]).values()
    return tuple(sorted(found, key=lambda arrival: (place[arrival.link or arrival.ref], arrival.ref.side)))


def latest(connection: Connection) -> datetime | None:
    j = t.journal.c
    asked = (select(func.max(t.arrivals.c.seen)), select(j.at).order_by(j.seq.desc()).limit(1))
    return max((found for found in map(connection.scalar, asked) if found is not None), default=None)


def has_work(connection: Connection) -> bool:
    there = (exists(select(x.c.flow)) for x in (t.arrivals, t.intents, t.wishes))
    return bool(connection.scalar(select(or_(*there, exists(select(t.answers.c.link))))))


def occupied(connection: Connection, flows: Collection[str]) -> set[str]:
    a = t.arrivals.c
    there = {flow: exists(select(a.id).where(a.flow == flow)).label(flow) for flow in flows}
    if not there:
        return set()
    row = connection.execute(select(*there.values())).one()
    return {flow for flow, is_there in zip(there, row, strict=True) if is_there}


def pending(connection: Connection, flow: str, now: datetime) -> int:
    a = t.arrivals.c
    return connection.scalar(select(func.count()).select_from(t.arrivals).where(a.flow == flow, a.due <= now)) or 0


def gone(connection: Connection, flow: str, side: str) -> int:
    a = t.arrivals.c
    said = select(func.count()).select_from(t.arrivals).join(t.members, _IS_MEMBER)
    wanted = said.where(a.flow == flow, a.side == side, a.due.is_not(None), a.record.is_(None))
    return connection.scalar(wanted) or 0


def gone_since(connection: Connection, flow: str, side: str, since: datetime) -> tuple[int, int]:
    a, p, j = t.arrivals.c, t.parked.c, t.journal.c
    same = and_(p.flow == a.flow, p.side == a.side, p.id == a.id)
    parked = select(func.count()).select_from(t.parked).join(t.arrivals, same)
    parked = parked.where(p.flow == flow, p.side == side, p.cause == "deleted", p.since >= since, a.due.is_(None))
    theirs = and_(j.action == "deleted", j.side == side, j.line.is_(None), j.origin.is_(None))
    deleted = select(func.count(j.record.distinct())).where(j.flow == flow, j.at >= since, theirs)
    return connection.scalar(parked) or 0, connection.scalar(deleted) or 0


def recent(connection: Connection, flow: str, side: str, limit: int) -> tuple[Ref, ...]:
    j = t.journal.c
    asked = select(j.record).where(j.flow == flow, j.side == side, j.record.is_not(None))
    latest = connection.scalars(asked.order_by(j.seq.desc()).limit(limit * _ENTRIES))
    return tuple(Ref(flow, side, id_) for id_ in list(dict.fromkeys(latest))[:limit])


def returned(connection: Connection, flow: str, side: str, others: Collection[str]) -> tuple[tuple[Ref, str, str], ...]:
    """Step by step from what is due: a planner without statistics might begin with all keys there are."""
    a, k = t.arrivals.c, t.keys.c
    m = t.members.c
    if connection.scalar(select(m.link).where(m.flow == flow, m.side == side).limit(1)) is None:
        return ()
    due = select(a.id).outerjoin_from(t.arrivals, t.members, _IS_MEMBER)
    due = due.where(
        a.flow == flow, a.side == side, a.due.is_not(None), a.record.is_not(None), t.members.c.link.is_(None)
    )
    found: list[tuple[Ref, str, str]] = []
    for ids in cut(connection.scalars(due)):
        keys: defaultdict[str, defaultdict[Value, list[str]]] = defaultdict(lambda: defaultdict(list))
        asked = select(k.id, k.name, k.value).where(k.flow == flow, k.side == side, k.id.in_(ids))
        for id_, name, value in connection.execute(asked):
            keys[name][value].append(id_)
        for other, name in product(others, keys):
            alike = {ref: v for v, refs in by_key(connection, flow, other, name, keys[name]).items() for ref in refs}
            partners = links_of(connection, alike)
            own = {link for link, at in members(connection, partners.values()) if at == side}
            found += (
                (Ref(flow, side, id_), link, name)
                for ref, link in partners.items()
                if link in own
                for id_ in keys[name][alike[ref]]
            )
    return tuple(found)


def linked(connection: Connection, flow: str, side: str) -> int:
    m = t.members.c
    return connection.scalar(select(func.count()).select_from(t.members).where(m.flow == flow, m.side == side)) or 0


def _is_edited(flow: str, side: str) -> ColumnElement[bool]:
    a = t.arrivals.c
    return and_(a.flow == flow, a.side == side, a.due.is_not(None), a.record.is_not(None), _IS_LINKED_EDIT)


def edited(connection: Connection, flow: str, side: str) -> int:
    asked = select(func.count()).select_from(t.arrivals).join(t.members, _IS_MEMBER)
    return connection.scalar(asked.where(_is_edited(flow, side))) or 0


def edited_arrivals(connection: Connection, flow: str, side: str, after: str | None, limit: int) -> tuple[Arrival, ...]:
    asked = _ARRIVALS.where(_is_edited(flow, side))
    if after is not None:
        asked = asked.where(t.arrivals.c.id > after)
    return tuple(map(_arrival, connection.execute(asked.order_by(t.arrivals.c.id).limit(limit))))


def next_due(connection: Connection, flow: str) -> datetime | None:
    a = t.arrivals.c
    found: datetime | None = connection.scalar(select(func.min(a.due)).where(a.flow == flow))
    return found


def arrivals(connection: Connection, refs: Collection[Ref]) -> dict[Ref, Arrival]:
    a = t.arrivals.c
    return {
        arrival.ref: arrival
        for flow, side, ids in slices(refs)
        for arrival in map(_arrival, connection.execute(_ARRIVALS.where(a.flow == flow, a.side == side, a.id.in_(ids))))
    }


def unlinked(connection: Connection, flow: str, side: str, after: str | None, limit: int) -> tuple[Arrival, ...]:
    a = t.arrivals.c
    asked = _ARRIVALS.where(a.flow == flow, a.side == side, t.members.c.link.is_(None))
    if after is not None:
        asked = asked.where(a.id > after)
    return tuple(map(_arrival, connection.execute(asked.order_by(a.id).limit(limit))))


def _arrival(row: AnyRow) -> Arrival:
    return Arrival(
        ref=Ref(row.flow, row.side, row.id),
        record=row.record,
        seen=row.seen,
        due=row.due,
        attempts=row.attempts,
        edit=row.edit,
        link=row.link,
    )


# --- intents


def open_intents(connection: Connection) -> tuple[Intent, ...]:
    rows = connection.execute(select(t.intents).order_by(t.intents.c.opened, t.intents.c.id))
    return tuple(Intent(**row._mapping) for row in rows)


# --- what people said


def apart(connection: Connection, refs: Collection[Ref]) -> set[frozenset[Ref]]:
    p = t.apart.c
    found: set[frozenset[Ref]] = set()
    for flow, side, ids in slices(refs):
        one, other = and_(p.side == side, p.id.in_(ids)), and_(p.other_side == side, p.other_id.in_(ids))
        for either in (one, other):
            for row in connection.execute(select(t.apart).where(p.flow == flow, either)):
                found.add(frozenset({Ref(flow, row.side, row.id), Ref(flow, row.other_side, row.other_id)}))
    return found


def answers(connection: Connection, links: Collection[str]) -> tuple[Answer, ...]:
    a = t.answers.c
    return tuple(
        Answer(**{**row._mapping, "line": row.line or None})
        for piece in cut(links)
        for row in connection.execute(select(t.answers).where(a.link.in_(piece)).order_by(a.link, a.line, a.property))
    )


def answered_links(connection: Connection) -> dict[str, str]:
    """The links that a person said something of which was not acted upon yet, with their flows."""
    asked = select(t.links.c.id, t.links.c.flow).where(t.links.c.id.in_(select(t.answers.c.link)))
    return {row.id: row.flow for row in connection.execute(asked.order_by(t.links.c.id))}


def wishes(connection: Connection) -> tuple[Wish, ...]:
    return tuple(Wish(**row._mapping) for row in connection.execute(select(t.wishes).order_by(t.wishes.c.seq)))


def holds(connection: Connection) -> tuple[Hold, ...]:
    h = t.holds.c
    rows = connection.execute(select(t.holds).order_by(h.flow, h.side, h.within, h.property))
    return tuple(Hold(**row._mapping) for row in rows)


# --- parked


def parked(connection: Connection, flow: str | None, cause: str | None) -> tuple[Parked, ...]:
    p = t.parked.c
    asked = PARKED.order_by(p.flow, p.since, p.side, p.id)
    if flow is not None:
        asked = asked.where(p.flow == flow)
    if cause is not None:
        asked = asked.where(p.cause == cause)
    return parked_of(connection, connection.execute(asked).all())


def parked_refs(connection: Connection, refs: Collection[Ref]) -> dict[Ref, Parked]:
    p = t.parked.c
    rows: list[AnyRow] = []
    for flow, side, ids in slices(refs):
        rows += connection.execute(PARKED.where(p.flow == flow, p.side == side, p.id.in_(ids)))
    return {found.ref: found for found in parked_of(connection, rows)}


def parked_of(connection: Connection, rows: Sequence[AnyRow]) -> tuple[Parked, ...]:
    """These rows of `PARKED`, with what each waits for."""
    w = t.waits.c
    waits: defaultdict[Ref, list[Ref]] = defaultdict(list)
    for flow, side, ids in slices(Ref(row.flow, row.side, row.id) for row in rows):
        of_these = select(t.waits).where(w.flow == flow, w.side == side, w.id.in_(ids))
        for row in connection.execute(of_these.order_by(w.on_flow, w.on_side, w.on_id)):
            waits[Ref(row.flow, row.side, row.id)].append(Ref(row.on_flow, row.on_side, row.on_id))
    return tuple(_parked(row, waits[Ref(row.flow, row.side, row.id)]) for row in rows)


def _parked(row: AnyRow, waits: Iterable[Ref]) -> Parked:
    return Parked(
        ref=Ref(row.flow, row.side, row.id),
        link=row.link,
        cause=row.cause,
        message=row.message,
        mend=row.mend,
        since=row.since,
        waits=tuple(waits),
        details=row.details,
    )
