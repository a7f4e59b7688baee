"""What people ask: what happened to a record, how the flows stand, which link is meant."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from datetime import datetime
from itertools import chain
from typing import Any

from sqlalchemy import ColumnElement, Connection, Text, and_, func, or_, select, type_coerce

from syncline.records import LinkState, Ref, Shadow
from syncline.store import tables as t
from syncline.store.memory import Counts, Entry, Pair
from syncline.store.payloads import dump
from syncline.store.reading import AnyRow, cut, links, links_of, shadows, slices


def history(connection: Connection, subject: Ref | str) -> tuple[Entry, ...]:
    """What the journal tells of a link (its id), or of a record and of every link it ever had; oldest first."""
    j = t.journal.c
    about: ColumnElement[bool] = j.link == subject
    if isinstance(subject, Ref):
        itself = and_(j.flow == subject.flow, j.side == subject.side, j.record == subject.id)
        had = set(connection.scalars(select(j.link).where(itself, j.link.is_not(None)).distinct()))
        had |= set(links_of(connection, [subject]).values())
        about = or_(itself, j.link.in_(had))
    return tuple(entry_of(row) for row in connection.execute(select(t.journal).where(about).order_by(j.seq)))


def sent(connection: Connection, links: Collection[str], last: int) -> tuple[Entry, ...]:
    """The last entries of each property of these links, and of each line's, that tell of another side's value."""
    j = t.journal.c
    found: list[Entry] = []
    for piece in cut(links):
        nth = func.row_number().over(partition_by=(j.link, j.line, j.property), order_by=j.seq.desc())
        told = select(j.seq, nth.label("nth")).where(
            j.link.in_(piece), j.action == "updated", j.property.is_not(None), j.origin.is_not(None)
        )
        latest = told.subquery()
        asked = select(t.journal).join(latest, latest.c.seq == j.seq).where(latest.c.nth <= last).order_by(j.seq)
        found += map(entry_of, connection.execute(asked))
    return tuple(found)


def deleted_since(connection: Connection, refs: Collection[Ref], moment: datetime) -> set[Ref]:
    """Those of these records that were deleted, or seen to be, from a moment on."""
    j = t.journal.c
    deleted = and_(j.action == "deleted", j.line.is_(None), j.at >= moment)
    return {
        Ref(flow, side, id_)
        for flow, side, ids in slices(refs)
        for id_ in connection.scalars(
            select(j.record).where(j.flow == flow, j.side == side, j.record.in_(ids), deleted)
        )
    }


def journal(connection: Connection, after: int, limit: int) -> tuple[Entry, ...]:
    """The next entries, oldest first."""
    asked = select(t.journal).where(t.journal.c.seq > after).order_by(t.journal.c.seq).limit(limit)
    return tuple(map(entry_of, connection.execute(asked)))


def journal_since(
    connection: Connection, moment: datetime, flow: str | None, after: int, limit: int
) -> tuple[Entry, ...]:
    """The next entries from a moment on, oldest first."""
    j = t.journal.c
    asked = select(t.journal).where(j.at >= moment, j.seq > after).order_by(j.seq).limit(limit)
    if flow is not None:
        asked = asked.where(j.flow == flow)
    return tuple(map(entry_of, connection.execute(asked)))


def pairs(connection: Connection, flow: str, after: str | None, limit: int) -> tuple[Pair, ...]:
    """The next links of a flow in the order of their ids."""
    k = t.links.c
    asked = select(k.id).where(k.flow == flow)
    if after is not None:
        asked = asked.where(k.id > after)
    return pairs_of(connection, connection.scalars(asked.order_by(k.id).limit(limit)).all())


def find_links(connection: Connection, text: str, flow: str | None, limit: int) -> tuple[Pair, ...]:
    """Links that a record id names, then those with a key that contains the text, then those with any such value."""
    found: dict[str, None] = {}
    if text.strip():
        for link in _mentions(connection, text.strip(), flow):
            found.setdefault(link)
            if len(found) == limit:
                break
    return pairs_of(connection, list(found))


def counts(connection: Connection) -> dict[str, Counts]:
    """How every flow stands of which anything is remembered."""
    states = _states(connection)
    parked = _tally(connection, t.parked.c.flow, t.parked.c.cause)
    a, j = t.arrivals.c, t.journal.c
    pending = select(a.flow, func.count().label("pending")).where(a.due.is_not(None)).group_by(a.flow)
    due = {row.flow: row.pending for row in connection.execute(pending)}
    seen = connection.scalars(select(t.progress.c.flow).distinct())
    return {
        flow: Counts(
            linked=sum(states[flow].values()),
            resting=states[flow].get(LinkState.RESTING, 0),
            completed=states[flow].get(LinkState.COMPLETED, 0),
            due=due.get(flow, 0),
            waiting=parked[flow].pop("waiting", 0),
            parked=parked[flow],
            last=connection.scalar(select(func.max(j.at)).where(j.flow == flow)),
        )
        for flow in sorted({*seen, *states, *parked, *due})
    }


def _states(connection: Connection) -> defaultdict[str, dict[str, int]]:
    states: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for flow, state, links_ in connection.execute(select(t.tallies).where(t.tallies.c.links > 0)):
        states[flow][state] = links_
    return states


def _tally(connection: Connection, flow: Any, what: Any) -> defaultdict[str, dict[str, int]]:
    tally: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for name, kind, count in connection.execute(select(flow, what, func.count()).group_by(flow, what)):
        tally[name][kind] = count
    return tally


def _mentions(connection: Connection, text: str, flow: str | None) -> Iterator[str]:
    m, k = t.members.c, t.keys.c
    of_flow = [m.flow == flow] if flow is not None else []
    yield from connection.scalars(select(m.link).where(m.id == text, *of_flow).order_by(m.link))
    is_keyed = and_(m.flow == k.flow, m.side == k.side, m.id == k.id)
    keyed = select(m.link).join_from(t.members, t.keys, is_keyed).where(_contains(k.value, text), *of_flow)
    yield from connection.scalars(keyed.order_by(m.link))
    held = select(t.shadows.c.link, t.shadows.c.shadow).where(_contains(t.shadows.c.shadow, text))
    if flow is not None:
        held = held.join(t.links).where(t.links.c.flow == flow)
    for link, shadow in connection.execute(held.order_by(t.shadows.c.link)):
        if _holds(shadow, text.casefold()):
            yield link


def _contains(payload: ColumnElement[Any], text: str) -> ColumnElement[bool]:
    """Whether JSON text has the words in it, as SQL can tell: also where they are a property's name.

    The databases know the case of A to Z only, so other letters are asked for as they are mostly written. What these
    forms have in common is asked once: bytes, too, know the case of A to Z only.
    """
    forms = (text, text.lower(), text.upper(), text.title())
    words = {dump(form)[1:-1].encode().lower().decode() for form in forms}
    return or_(*(type_coerce(payload, Text).icontains(word, autoescape=True) for word in sorted(words)))


def _holds(shadow: Shadow, text: str) -> bool:
    values = chain(shadow.values.values(), *(line.values.values() for line in shadow.lines))
    return any(text in str(value).casefold() for value in values if value is not None)


def pairs_of(connection: Connection, ids: Collection[str]) -> tuple[Pair, ...]:
    sides: defaultdict[str, dict[str, Shadow]] = defaultdict(dict)
    for (link, side), shadow in shadows(connection, ids).items():
        sides[link][side] = shadow
    found = links(connection, ids)
    return tuple(Pair(link=found[id_], shadows=sides[id_]) for id_ in ids if id_ in found)


def entry_of(row: AnyRow) -> Entry:
    """A row of the journal."""
    return Entry(
        at=row.at,
        flow=row.flow,
        link=row.link,
        ref=None if row.record is None else Ref(row.flow, row.side, row.record),
        action=row.action,
        property=row.property,
        line=row.line,
        old=row.old,
        new=row.new,
        origin=row.origin,
        note=row.note,
        whole=row.whole,
        by=row.by,
        seq=row.seq,
    )
