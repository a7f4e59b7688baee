"""Writing a memory down: a few statements, each for many rows, in the caller's transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import timedelta
from functools import cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Table, bindparam, case, delete, insert, select, type_coerce, update
from sqlalchemy import Text as Kept

from syncline.records import Answer, Ref, Shadow, Values
from syncline.store import tables as t
from syncline.store.many import Many
from syncline.store.memory import Arrival, Delay, Entry, Hold, Intent, Memory, Parked, Wish
from syncline.store.own import inserter
from syncline.store.payloads import key_text
from syncline.store.reading import cut, slices
from syncline.store.words import index, words_of


def save(connection: Connection, memory: Memory) -> None:
    """See `Memory` for the order, which matters."""
    puts = _puts(connection.dialect.name)
    _unlink(connection, memory)
    _link(connection, puts, memory)
    _index(connection, puts, memory)
    _observe(connection, puts, memory)
    _park(connection, memory)
    _wake(connection, memory.woken)
    puts.intent.execute(connection, map(_intent_row, memory.opened))
    _DROP_INTENT.execute(connection, ({"at_id": id_} for id_ in memory.closed))
    _NEW_JOURNAL.execute(connection, map(_entry_row, memory.journal))
    _decide(connection, puts, memory)
    puts.delay.execute(connection, map(_delay_row, memory.delays))
    puts.fact.execute(connection, ({"name": name, "text": text} for name, text in memory.facts.items()))


def _unlink(connection: Connection, memory: Memory) -> None:
    _DROP_LINK.execute(connection, ({"at_id": link} for link in memory.unlinks))


def _link(connection: Connection, puts: _Puts, memory: Memory) -> None:
    """Mostly a link is new, or another record comes to it: those that it has stay as they are."""
    m = t.members.c
    asked = (select(m.link, m.side, m.flow, m.id).where(m.link.in_(piece)) for piece in cut(x.id for x in memory.links))
    before = {(link, side): (flow, id_) for each in asked for link, side, flow, id_ in connection.execute(each)}
    now = {(link.id, side): (link.flow, record) for link in memory.links for side, record in link.members.items()}
    puts.link.execute(connection, ({"id": x.id, "flow": x.flow, "state": x.state.value} for x in memory.links))
    gone = (at for at, record in before.items() if now.get(at) != record)
    _DROP_MEMBERS.execute(connection, ({"at_link": link, "at_side": side} for link, side in gone))
    new = ((at, record) for at, record in now.items() if before.get(at) != record)
    _NEW_MEMBERS.execute(
        connection, ({"flow": flow, "side": side, "id": id_, "link": link} for (link, side), (flow, id_) in new)
    )
    left = (at for at in before if at not in now)
    _DROP_SHADOWS.execute(connection, ({"at_link": link, "at_side": side} for link, side in left))
    puts.shadow.execute(
        connection,
        ({"link": link, "side": side, "shadow": shadow} for (link, side), shadow in memory.shadows.items()),
    )


def _index(connection: Connection, puts: _Puts, memory: Memory) -> None:
    """The words of the links of which something else is known now. Mostly all that is known is told at once."""
    told: defaultdict[str, dict[str, Shadow]] = defaultdict(dict)
    for (link, side), shadow in sorted(memory.shadows.items(), key=itemgetter(0)):
        told[link][side] = shadow
    flows = {link.id: link.flow for link in memory.links if link.members}
    sides = defaultdict(set, {link.id: set(link.members) for link in memory.links})
    for piece in cut(told.keys() - flows.keys()):
        asked = select(t.members.c.link, t.members.c.flow, t.members.c.side).where(t.members.c.link.in_(piece))
        for link, flow, side in connection.execute(asked):
            flows[link] = flow
            sides[link].add(side)
    whole = [link for link in told if link in flows and told[link].keys() >= sides[link]]
    rows = [{"link": link, "words": words_of(flows[link], told[link].values())} for link in whole]
    rows += index(connection, told.keys() - set(whole))
    puts.words.execute(connection, rows)


def _observe(connection: Connection, puts: _Puts, memory: Memory) -> None:
    puts.cursor.execute(
        connection,
        ({"flow": flow, "side": side, "cursor": cursor} for (flow, side), cursor in memory.cursors.items()),
    )
    puts.listed.execute(connection, ({"flow": flow, "side": side, "listed": True} for flow, side in memory.listed))
    _DROP_ARRIVAL.execute(connection, ({**_at(ref), "at_seen": seen} for ref, seen in memory.done))
    puts.arrival.execute(connection, map(_arrival_row, memory.arrivals))
    _find_by(connection, memory.keys)


def _find_by(connection: Connection, keys: Mapping[Ref, Values]) -> None:
    """Mostly records are found by what they were found by before."""
    k = t.keys.c
    before: defaultdict[Ref, dict[str, str]] = defaultdict(dict)
    for flow, side, ids in slices(keys):
        asked = select(k.id, k.name, type_coerce(k.value, Kept)).where(k.flow == flow, k.side == side, k.id.in_(ids))
        for id_, name, kept in connection.execute(asked):
            before[Ref(flow, side, id_)][name] = kept
    now = {ref: {name: key_text(v) for name, v in values.items() if v is not None} for ref, values in keys.items()}
    changed = [ref for ref, kept in now.items() if kept != before.get(ref, {})]
    _DROP_KEYS.execute(connection, (_at(ref) for ref in changed if ref in before))
    _NEW_KEYS.execute(
        connection,
        ({**_ref_row(ref), "name": name, "value": keys[ref][name]} for ref in changed for name in now[ref]),
    )


def _park(connection: Connection, memory: Memory) -> None:
    _DROP_PARKED.execute(connection, map(_at, [*memory.released, *(parked.ref for parked in memory.parked)]))
    _NEW_PARKED.execute(connection, map(_parked_row, memory.parked))
    _NEW_WAITS.execute(
        connection,
        (
            {**_ref_row(parked.ref), "on_flow": on.flow, "on_side": on.side, "on_id": on.id}
            for parked in memory.parked
            for on in dict.fromkeys(parked.waits)
        ),
    )


def _decide(connection: Connection, puts: _Puts, memory: Memory) -> None:
    """What people said."""
    _DROP_APART.execute(connection, ({f"at_{k}": v for k, v in _pair_row(pair).items()} for pair in memory.together))
    puts.apart.execute(connection, map(_pair_row, memory.apart))
    _DROP_ANSWER.execute(
        connection,
        (
            {"at_link": a.link, "at_line": a.line or "", "at_property": a.property, "at_at": a.at}
            for a in memory.answered
        ),
    )
    puts.answer.execute(connection, map(_answer_row, memory.answers))
    _DROP_WISH.execute(connection, ({"at_seq": seq} for seq in memory.fulfilled))
    _NEW_WISHES.execute(connection, map(_wish_row, memory.wishes))
    names = ("at_flow", "at_side", "at_within", "at_property")
    _DROP_HOLD.execute(connection, (dict(zip(names, lifted, strict=True)) for lifted in memory.lifted))
    puts.hold.execute(connection, map(_hold_row, memory.holds))


def _wake(connection: Connection, linked: Iterable[Ref]) -> None:
    w = t.waits.c
    waiting = {
        Ref(*row)
        for flow, side, ids in slices(linked)
        for row in connection.execute(
            select(w.flow, w.side, w.id).where(w.on_flow == flow, w.on_side == side, w.on_id.in_(ids))
        )
    }
    _WAKE.execute(connection, map(_at, waiting))
    _DROP_PARKED.execute(connection, map(_at, waiting))


# --- rows


def _ref_row(ref: Ref) -> dict[str, Any]:
    return {"flow": ref.flow, "side": ref.side, "id": ref.id}


def _at(ref: Ref) -> dict[str, Any]:
    return {"at_flow": ref.flow, "at_side": ref.side, "at_id": ref.id}


def _arrival_row(a: Arrival) -> dict[str, Any]:
    return {**_ref_row(a.ref), "record": a.record, "seen": a.seen, "due": a.due, "attempts": a.attempts, "edit": a.edit}


def _parked_row(p: Parked) -> dict[str, Any]:
    told = {"cause": p.cause, "message": p.message, "mend": p.mend, "since": p.since, "details": p.details}
    return _ref_row(p.ref) | told


def _intent_row(i: Intent) -> dict[str, Any]:
    return {name: getattr(i, name) for name in i.__struct_fields__}


def _entry_row(e: Entry) -> dict[str, Any]:
    row = {name: getattr(e, name) for name in e.__struct_fields__ if name not in {"ref", "seq"}}
    return row | {"side": e.ref.side if e.ref else None, "record": e.ref.id if e.ref else None}


def _pair_row(pair: frozenset[Ref]) -> dict[str, Any]:
    """Raises ``ValueError`` unless it is two records of one flow."""
    one, other = sorted(pair)
    if one.flow != other.flow:
        raise ValueError(f"{one} and {other} are of two flows.")
    return _ref_row(one) | {"other_side": other.side, "other_id": other.id}


def _answer_row(a: Answer) -> dict[str, Any]:
    return {name: getattr(a, name) for name in a.__struct_fields__} | {"line": a.line or ""}


def _wish_row(w: Wish) -> dict[str, Any]:
    return {name: getattr(w, name) for name in w.__struct_fields__ if name != "seq"}


def _delay_row(d: Delay) -> dict[str, Any]:
    told = {"flow": d.flow, "hour": d.hour, "writes": d.writes}
    return told | {"total": d.total // _MICROSECOND, "longest": d.longest // _MICROSECOND}


def _hold_row(h: Hold) -> dict[str, Any]:
    return {name: getattr(h, name) for name in h.__struct_fields__}


# --- statements


class _Puts:
    """What inserts, or changes what is there already, as one database says it."""

    def __init__(self, dialect: str) -> None:
        self._insert = inserter(dialect)
        self.link = self._put(t.links)
        self.shadow = self._put(t.shadows)
        self.words = self._put_words()
        self.cursor = self._put(t.progress, "cursor")
        self.listed = self._put(t.progress, "listed")
        self.arrival = self._put_if_newer()
        self.intent = self._put(t.intents)
        self.fact = self._put(t.facts)
        self.apart = Many(self._insert(t.apart).on_conflict_do_nothing())
        self.answer = self._put(t.answers)
        self.hold = self._put(t.holds)
        self.delay = self._add_delay()

    def _put(self, table: Table, *columns: str) -> Many:
        """Insert, or replace these columns (all others than the key, if none is named)."""
        statement = self._insert(table)
        names = columns or [column.name for column in table.columns if not column.primary_key]
        new = {name: statement.excluded[name] for name in names}
        return Many(statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=new))

    def _put_if_newer(self) -> Many:
        statement = self._insert(t.arrivals)
        new = {name: statement.excluded[name] for name in ("record", "seen", "due", "attempts", "edit")}
        changed = statement.on_conflict_do_update(
            index_elements=list(t.arrivals.primary_key), set_=new, where=t.arrivals.c.seen <= statement.excluded.seen
        )
        return Many(changed)

    def _put_words(self) -> Many:
        """Only where they are others: the index is changed with them."""
        statement = self._insert(t.words)
        new = statement.excluded.words
        changed = statement.on_conflict_do_update(
            index_elements=["link"], set_={"words": new}, where=t.words.c.words != new
        )
        return Many(changed)

    def _add_delay(self) -> Many:
        statement, known = self._insert(t.lags), t.lags.c
        new = statement.excluded
        added = {"writes": known.writes + new.writes, "total": known.total + new.total}
        longest = case((new.longest > known.longest, new.longest), else_=known.longest)
        changed = statement.on_conflict_do_update(
            index_elements=list(t.lags.primary_key), set_=added | {"longest": longest}
        )
        return Many(changed)


def _drop(table: Table, *columns: str) -> Many:
    """Delete where each of these columns is the parameter ``at_`` and its name."""
    return Many(delete(table).where(*(table.c[name] == bindparam(f"at_{name}") for name in columns)))


_MICROSECOND = timedelta(microseconds=1)
_puts = cache(_Puts)
_NEW_MEMBERS = Many(insert(t.members))
_NEW_KEYS = Many(insert(t.keys))
_NEW_PARKED = Many(insert(t.parked))
_NEW_WAITS = Many(insert(t.waits))
_NEW_JOURNAL = Many(insert(t.journal))
_NEW_WISHES = Many(insert(t.wishes))
_DROP_APART = _drop(t.apart, "flow", "side", "id", "other_side", "other_id")
_DROP_ANSWER = _drop(t.answers, "link", "line", "property", "at")
_DROP_WISH = _drop(t.wishes, "seq")
_DROP_HOLD = _drop(t.holds, "flow", "side", "within", "property")
_DROP_LINK = _drop(t.links, "id")
_DROP_MEMBERS = _drop(t.members, "link", "side")
_DROP_SHADOWS = _drop(t.shadows, "link", "side")
_DROP_ARRIVAL = _drop(t.arrivals, "flow", "side", "id", "seen")
_DROP_KEYS = _drop(t.keys, "flow", "side", "id")
_DROP_PARKED = _drop(t.parked, "flow", "side", "id")
_DROP_INTENT = _drop(t.intents, "id")
_WAKE = Many(
    update(t.arrivals)
    .where(*(t.arrivals.c[name] == bindparam(f"at_{name}") for name in ("flow", "side", "id")))
    .values(due=t.arrivals.c.seen, attempts=0)  # what was seen is past, so it is due, and keeps its place in the order
)
