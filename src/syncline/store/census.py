"""Which known records a listing lacks. The ids that were listed are kept in a temporary table, not in memory."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Column, Connection, MetaData, Table, and_, select, union

from syncline.records import LinkState
from syncline.store import tables as t
from syncline.store.columns import RecordId
from syncline.store.own import inserter

_LISTED = Table("listed_ids", MetaData(), Column("id", RecordId, primary_key=True), prefixes=["TEMPORARY"])


class Census:
    """One side of one flow. It ends with the transaction that it was begun in, which is never committed."""

    def __init__(self, connection: Connection, flow: str, side: str) -> None:
        self._connection = connection
        self._flow = flow
        self._side = side
        _LISTED.create(connection)

    def listed(self, ids: Iterable[str]) -> None:
        """These are there. An id may be listed again."""
        if rows := [{"id": id_} for id_ in ids]:
            self._connection.execute(inserter(self._connection.dialect.name)(_LISTED).on_conflict_do_nothing(), rows)

    def absent(self, after: str | None, limit: int) -> tuple[str, ...]:
        """The next records that were not listed, in the order of their ids: linked ones, and those that are to be.

        Without those that rest or are completed, which a listing need not tell, and those known to be gone.
        """
        m, a = t.members.c, t.arrivals.c
        same = and_(a.flow == m.flow, a.side == m.side, a.id == m.id)
        linked = (
            select(m.id)
            .join(t.links, and_(t.links.c.id == m.link, t.links.c.state == LinkState.ACTIVE.value))
            .outerjoin(_LISTED, _LISTED.c.id == m.id)
            .outerjoin(t.arrivals, and_(same, a.record.is_(None)))
            .where(m.flow == self._flow, m.side == self._side, _LISTED.c.id.is_(None), a.id.is_(None))
        )
        new = (
            select(a.id)
            .outerjoin(t.members, same)
            .outerjoin(_LISTED, _LISTED.c.id == a.id)
            .where(a.flow == self._flow, a.side == self._side, a.record.is_not(None))
            .where(m.link.is_(None), _LISTED.c.id.is_(None))
        )
        either = union(linked, new).subquery().c
        asked = select(either.id) if after is None else select(either.id).where(either.id > after)
        return tuple(self._connection.scalars(asked.order_by(either.id).limit(limit)))
