"""What stands of a write whose answer was lost: it is our own, and no edit of somebody's.

To take it for one would make up a conflict with whoever has edited the origin since, or send a value that the system
cut or rounded back to where it is whole. So it is known from now on, there and where it came from, as after any answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from msgspec import UNSET
from msgspec.structs import replace

from syncline.engine.journal import UNHEARD
from syncline.engine.worker import Worker
from syncline.mapping.model import Flow, Property
from syncline.mapping.translate import LINE_ID, row
from syncline.reconcile.settle import landed, passed_on
from syncline.records import Delete, LineChange, Link, Record, Ref, Row, Shadow, Update, Values
from syncline.store import Entry, Intent


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
        held = {
            ref.side: row(flow, ref.side, inbox[ref], known) for ref in link.refs if ref.side != side and ref in inbox
        }
        before = {at: draft.shadows.get((link.id, at), shadows.get((link.id, at))) for at in (side, *held)}
        for at, after in _known(flow, side, ours, now, held, before).items():
            old = before[at] or Shadow(version=None)
            draft.shadows[link.id, at] = after
            id_ = record.id if at == side else link.members[at]
            draft.journal += _entries(link, Ref(flow.name, at, id_), old, after, side, worker.setup.now())


def _sent(flow: Flow, side: str, intent: Intent, found: Record) -> Record:
    """What was sent, as if the system told just that."""
    assert not isinstance(intent.write, Delete)  # of that nothing stands
    fields = dict(intent.write.fields)
    if flow.lines is not None and isinstance(intent.write, Update):
        changed = (edit for edit in intent.write.lines if isinstance(edit, LineChange))
        fields[flow.lines.paths[side]] = [{**edit.fields, LINE_ID: edit.id} for edit in changed]
    return Record(id=found.id, version=None, modified=None, fields=fields, partial=True)


def _known(
    flow: Flow, side: str, sent: Row, now: Row, held: Mapping[str, Row], before: Mapping[str, Shadow | None]
) -> dict[str, Shadow]:
    """The shadows that change, by side. Where there are more than two, others may still lack what the origin holds."""
    stands = landed(flow.properties, side, sent.values, now.values)
    lines = _standing_lines(flow, side, sent, now)
    origins = held if len(flow.sides) == 2 else {}
    found = {side: _with(before[side], stands, lines)}
    for at, told in origins.items():
        values = passed_on(flow.properties, side, stands, told.values)
        found[at] = _with(before[at], values, _passed_on_lines(flow, side, lines, told, before[side], before[at]))
    return {at: shadow for at, shadow in found.items() if shadow != (before[at] or Shadow(version=None))}


def _with(shadow: Shadow | None, values: Values, lines: Mapping[str, Values]) -> Shadow:
    known = shadow or Shadow(version=None)
    of_lines = tuple(replace(each, values={**each.values, **lines.get(each.id, {})}) for each in known.lines)
    return replace(known, values={**known.values, **values}, lines=of_lines)


def _standing_lines(flow: Flow, side: str, sent: Row, now: Row) -> dict[str, Values]:
    """By the side's own line id."""
    if flow.lines is None or sent.lines is UNSET or now.lines is UNSET:
        return {}
    stand = {line.id: line.values for line in now.lines}
    properties: Mapping[str, Property] = flow.lines.properties
    return {line.id: landed(properties, side, line.values, stand.get(line.id, {})) for line in sent.lines}


def _passed_on_lines(
    flow: Flow, side: str, lines: Mapping[str, Values], told: Row, there: Shadow | None, here: Shadow | None
) -> dict[str, Values]:
    if flow.lines is None or told.lines is UNSET or there is None or here is None:
        return {}
    names = {line.line: line.id for line in there.lines}
    held = {line.id: line.values for line in told.lines}
    return {
        line.id: passed_on(flow.lines.properties, side, lines.get(names.get(line.line, ""), {}), held.get(line.id, {}))
        for line in here.lines
    }


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
