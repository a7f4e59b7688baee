"""What stands of a write whose answer was lost: it is our own, and no edit of somebody's.

To take it for one would make up a conflict with whoever has edited the origin since, or send a value that the system
cut or rounded back to where it is whole. So it is known from now on, there and where it came from, as after any answer.
Who has neither it nor an edit of its own is behind.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from msgspec import UNSET
from msgspec.structs import replace

from syncline.engine.journal import UNHEARD
from syncline.engine.worker import Worker
from syncline.mapping.model import Flow, Property
from syncline.mapping.translate import LINE_ID, row
from syncline.reconcile.restored import known_row
from syncline.reconcile.settle import landed, passed_on
from syncline.records import Delete, LineChange, LineShadow, Link, Record, Ref, Row, Shadow, Update, Values
from syncline.store import Entry, Intent

S = TypeVar("S", Shadow, LineShadow)


async def remember(worker: Worker, flow: Flow, side: str, found: Sequence[tuple[Intent, Link, Record]]) -> None:
    """``found`` are the records as they are now. The inbox must still hold what was decided on."""
    store, draft = worker.setup.store, worker.draft
    refs = [ref for _, link, _ in found for ref in link.refs]
    inbox = {ref: arrival.record for ref, arrival in store.arrivals(refs).items() if arrival.record is not None}
    sent = {intent.id: _sent(flow, side, intent, record) for intent, _, record in found}
    told = [(side, record) for _, _, record in found] + [(side, record) for record in sent.values()]
    known = await worker.knowing.to_read(flow, told + [(ref.side, record) for ref, record in inbox.items()])
    shadows = store.shadows([link.id for _, link, _ in found])
    for intent, link, record in found:
        ours, now = row(flow, side, sent[intent.id], known), row(flow, side, record, known)
        members = {side: record.id, **link.members}
        before = {
            at: draft.shadows.get((link.id, at)) or shadows.get((link.id, at)) or Shadow(version=None) for at in members
        }
        others = (ref for ref in link.refs if ref.side != side)
        arrived = {ref.side: row(flow, ref.side, inbox[ref], known) if ref in inbox else None for ref in others}
        held = {at: known_row(told, before[at]) for at, told in arrived.items()}
        for at, after in _known(flow, side, ours, now, held, before).items():
            old = before[at]
            draft.shadows[link.id, at] = after
            draft.journal += _entries(link, Ref(flow.name, at, members[at]), old, after, side, worker.setup.now())


def _sent(flow: Flow, side: str, intent: Intent, found: Record) -> Record:
    """What was sent, as if the system told just that."""
    assert not isinstance(intent.write, Delete)  # of that nothing stands
    fields = dict(intent.write.fields)
    if flow.lines is not None and isinstance(intent.write, Update):
        changed = (edit for edit in intent.write.lines if isinstance(edit, LineChange))
        fields[flow.lines.paths[side]] = [{**edit.fields, LINE_ID: edit.id} for edit in changed]
    return Record(id=found.id, version=None, modified=None, fields=fields, partial=True)


def _known(
    flow: Flow, side: str, sent: Row, now: Row, held: Mapping[str, Row], before: Mapping[str, Shadow]
) -> dict[str, Shadow]:
    """The shadows that change, by side. ``held`` is what the others hold."""
    stands = landed(flow.properties, side, sent.values, now.values)
    lines = _standing_lines(flow, side, sent, now)
    found = {side: _with(before[side], stands, lines)}
    others = {at: before[at] for at in held}
    after = _learnt(flow.properties, side, stands, {at: told.values for at, told in held.items()}, others)
    newer: dict[tuple[str, str], LineShadow] = {}
    of_lines = flow.lines.properties if flow.lines else {}
    for line in before[side].lines if lines else ():
        halves = {at: half for at, shadow in others.items() for half in shadow.lines if half.line == line.line}
        told = {at: _line_values(held[at], half.id) for at, half in halves.items()}
        learnt = _learnt(of_lines, side, lines.get(line.id, {}), told, halves)
        newer |= {(at, half.id): half for at, half in learnt.items()}
    for at, shadow in after.items():
        found[at] = replace(shadow, lines=tuple(newer.get((at, line.id), line) for line in shadow.lines))
    return {at: shadow for at, shadow in found.items() if shadow != before[at]}


def _with(known: Shadow, values: Values, lines: Mapping[str, Values]) -> Shadow:
    """``lines`` by the side's own line id."""
    return _knowing(replace(known, lines=tuple(_knowing(each, lines.get(each.id, {})) for each in known.lines)), values)


def _knowing(known: S, values: Values) -> S:
    return replace(known, values={**known.values, **values}, behind=known.behind - values.keys())


def _standing_lines(flow: Flow, side: str, sent: Row, now: Row) -> dict[str, Values]:
    """By the side's own line id."""
    if flow.lines is None or sent.lines is UNSET or now.lines is UNSET:
        return {}
    stand = {line.id: line.values for line in now.lines}
    properties: Mapping[str, Property] = flow.lines.properties
    return {line.id: landed(properties, side, line.values, stand.get(line.id, {})) for line in sent.lines}


def _line_values(row: Row, id_: str) -> Values:
    lines = row.lines if row.lines is not UNSET else ()
    return next((line.values for line in lines if line.id == id_), {})


def _learnt(
    properties: Mapping[str, Property], side: str, stands: Values, told: Mapping[str, Values], known: Mapping[str, S]
) -> dict[str, S]:
    """What is known of the other sides once this ``stands`` on one: who has passed it on is known to hold it.

    The rest are behind. Where nobody holds it any more, those who changed it themselves have it from there.
    """
    passed = {at: passed_on(properties, side, stands, values) for at, values in told.items()}
    there = {name for values in passed.values() for name in values}
    found: dict[str, S] = {}
    for at, values in passed.items():
        missing = {name for name in stands.keys() - values.keys() if at in properties[name].targets}
        before = known[at].values
        behind = {n for n in missing & before.keys() if n in there or told[at].get(n) == before[n]}
        found[at] = replace(known[at], values={**before, **values}, behind=(known[at].behind - values.keys()) | behind)
    return found


def _entries(link: Link, ref: Ref, old: Shadow, new: Shadow, written: str, at: datetime) -> Iterator[Entry]:
    origin = next((side for side in link.members if side != written), None) if ref.side == written else None
    entry = Entry(at=at, flow=link.flow, link=link.id, ref=ref, action="updated", origin=origin, note=UNHEARD)
    yield from _values(entry, old.values, new.values)
    before = {line.line: line.values for line in old.lines}
    for line in new.lines:
        yield from _values(replace(entry, line=line.line), before[line.line], line.values)


def _values(entry: Entry, old: Values, new: Values) -> Iterator[Entry]:
    for name, value in new.items():
        if name not in old:
            yield replace(entry, action="agreed", property=name, new=value)
        elif old[name] != value:
            action = entry if entry.origin else replace(entry, action="edited", note="")
            yield replace(action, property=name, old=old[name], new=value)
