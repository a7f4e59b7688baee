"""What the console asks: each answer costs the same however much is remembered."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select, tuple_

from syncline.records import LinkState, Ref
from syncline.store import tables as t
from syncline.store.columns import Instant
from syncline.store.memory import Delay, Delayed, Found, Overdue, Parked, Sought, Standing
from syncline.store.people import entry_of
from syncline.store.reading import PARKED, cut, parked_of

_WINDOW = 20_000
"""How many entries of the journal one look goes through."""
_KEYED = 100
"""How many records of one key are told."""
_MICROSECOND = timedelta(microseconds=1)


def standing(connection: Connection, flow: str, now: datetime, most: int) -> Standing:
    """How a flow stands; ``due`` is counted up to so many."""
    tallies, a, j, p = t.tallies.c, t.arrivals.c, t.journal.c, t.parked.c
    states = _numbers(connection, select(tallies.state, tallies.links).where(tallies.flow == flow))
    due = select(a.id).where(a.flow == flow, a.due.is_not(None)).limit(most).subquery()
    causes = select(p.cause, func.count()).where(p.flow == flow).group_by(p.cause)
    return Standing(
        flow=flow,
        linked=sum(states.values()),
        resting=states.get(LinkState.RESTING.value, 0),
        completed=states.get(LinkState.COMPLETED.value, 0),
        due=connection.scalar(select(func.count()).select_from(due)) or 0,
        parked=_numbers(connection, causes),
        behind=connection.scalar(select(func.min(a.due)).where(a.flow == flow, a.due <= now)),
        last=connection.scalar(select(func.max(j.at)).where(j.flow == flow)),
    )


def _numbers(connection: Connection, asked: Select[*tuple[Any, ...]]) -> dict[str, int]:
    return {row[0]: row[1] for row in connection.execute(asked)}


def delays(connection: Connection, since: datetime) -> tuple[Delay, ...]:
    """By flow and hour, from the hour that this moment is in."""
    d = t.lags.c
    asked = select(t.lags).where(d.hour >= since).order_by(d.flow, d.hour)
    return tuple(
        Delay(
            flow=row.flow,
            hour=row.hour,
            writes=row.writes,
            total=row.total * _MICROSECOND,
            longest=row.longest * _MICROSECOND,
        )
        for row in connection.execute(asked)
    )


def overdue(connection: Connection, flow: str, now: datetime, most: int) -> dict[str, Overdue]:
    """By side, of the longest due: so many of them at most are looked at."""
    a = t.arrivals.c
    first = select(a.side, a.due).where(a.flow == flow, a.due <= now).order_by(a.due).limit(most).subquery().c
    counted = select(first.side, func.count(), func.min(first.due)).group_by(first.side)
    return {side: Overdue(records=records, since=since) for side, records, since in connection.execute(counted)}


def delayed(connection: Connection) -> dict[str, Delayed]:
    """By flow, since the store was made."""
    d = t.lags.c
    added = select(d.flow, func.sum(d.writes), func.sum(d.total)).group_by(d.flow)
    return {
        flow: Delayed(writes=writes, total=int(total) * _MICROSECOND)
        for flow, writes, total in connection.execute(added)
    }


def newest(connection: Connection) -> int:
    """The last place in the journal."""
    return connection.scalar(select(func.max(t.journal.c.seq))) or 0


def sought(connection: Connection, asked: Sought, limit: int) -> Found:
    """Newest first. Those of links are found by the index; else the journal is gone through, a bounded way back."""
    j = t.journal.c
    wanted: list[ColumnElement[bool]] = []
    for column, value in ((j.flow, asked.flow), (j.side, asked.side), (j.action, asked.action)):
        wanted += [column == value] if value is not None else []
    wanted += [j.at >= asked.since] if asked.since is not None else []
    wanted += [j.at <= asked.until] if asked.until is not None else []
    first, last = _places(connection, asked)
    end = min(last + 1, asked.before if asked.before is not None else last + 1)
    if asked.links is not None:
        rows: list[Any] = []
        for piece in cut(asked.links):
            of_these = select(t.journal).where(j.link.in_(piece), j.seq < end, *wanted)
            rows += connection.execute(of_these.order_by(j.seq.desc()).limit(limit + 1))
        rows.sort(key=lambda row: -row.seq)
        more = rows[limit - 1].seq if len(rows) > limit else None
        return Found(entries=tuple(map(entry_of, rows[:limit])), older=more)
    begin = max(first, end - _WINDOW)
    looked = select(t.journal).where(j.seq >= begin, j.seq < end, *wanted).order_by(j.seq.desc()).limit(limit)
    found = tuple(map(entry_of, connection.execute(looked)))
    if len(found) == limit:
        return Found(entries=found, older=found[-1].seq if found[-1].seq > first else None)
    return Found(entries=found, older=begin if begin > first else None)


def _places(connection: Connection, asked: Sought) -> tuple[int, int]:
    """Between which places the asked time lies, by each flow's index of times."""
    j = t.journal.c
    first, last = connection.scalar(select(func.min(j.seq))) or 1, newest(connection)
    if asked.since is None and asked.until is None:
        return first, last
    flows = [asked.flow] if asked.flow else list(connection.scalars(select(t.progress.c.flow).distinct()))
    if asked.since is not None:
        after = [
            connection.scalar(select(j.seq).where(j.flow == f, j.at >= asked.since).order_by(j.at).limit(1))
            for f in flows
        ]
        first = min((seq for seq in after if seq is not None), default=last + 1)
    if asked.until is not None:
        until = [
            connection.scalar(select(j.seq).where(j.flow == f, j.at <= asked.until).order_by(j.at.desc()).limit(1))
            for f in flows
        ]
        # entries of one moment may stand in any order around it
        last = min(last, max((seq for seq in until if seq is not None), default=0) + _WINDOW // 10)
    return first, last


def causes(connection: Connection) -> dict[tuple[str, str], int]:
    """How many are parked, by cause and flow."""
    p = t.parked.c
    counted = connection.execute(select(p.cause, p.flow, func.count()).group_by(p.cause, p.flow))
    return {(cause, flow): number for cause, flow, number in counted}


def parked_page(
    connection: Connection,
    wanted: Collection[str],
    flow: str | None,
    after: tuple[str, datetime, Ref] | None,
    limit: int,
) -> tuple[Parked, ...]:
    """The next that are parked for one of these causes, in the order of cause, flow and since when."""
    p = t.parked.c
    order = (p.cause, p.flow, p.since, p.side, p.id)
    asked = PARKED.where(p.cause.in_(list(wanted)))
    asked = asked.where(p.flow == flow) if flow is not None else asked
    if after is not None:
        cause, since, ref = after
        later = tuple_(*order) > tuple_(cause, ref.flow, _instant(since), ref.side, ref.id)
        asked = asked.where(later)
    return parked_of(connection, connection.execute(asked.order_by(*order).limit(limit)).all())


def _instant(moment: datetime) -> Any:
    return Instant().process_bind_param(moment, None)  # type: ignore[arg-type]


def known_sides(connection: Connection) -> list[tuple[str, str]]:
    """The flows and sides of which anything is remembered."""
    return [(flow, side) for flow, side in connection.execute(select(t.progress.c.flow, t.progress.c.side))]


def by_any_key(connection: Connection, places: Collection[tuple[str, str, str]], value: str) -> list[Ref]:
    """The records of which one of these keys, each of a flow and a side, is just this."""
    k = t.keys.c
    if not places:
        return []
    any_of = or_(
        *(and_(k.flow == flow, k.side == side, k.name == name, k.value == value) for flow, side, name in places)
    )
    return [Ref(*row) for row in connection.execute(select(k.flow, k.side, k.id).where(any_of).limit(_KEYED))]


def by_id(connection: Connection, id_: str) -> list[Ref]:
    """The linked records of this id, in whatever flow and side."""
    m = t.members.c
    places = known_sides(connection)
    if not places:
        return []
    any_of = or_(*(and_(m.flow == flow, m.side == side, m.id == id_) for flow, side in places))
    return [Ref(*row) for row in connection.execute(select(m.flow, m.side, m.id).where(any_of))]
