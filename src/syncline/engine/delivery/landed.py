"""What stands of a write whose answer was lost: it is our own, and no edit of somebody's.

To take it for one would make up a conflict with whoever has edited the origin since, or send a value that the system
cut or rounded back to where it is whole. So it is known from now on, there and where it came from, as after any answer.
Who has neither it nor an edit of its own is behind.

A line that was added is found by standing as it was sent, and is then known on both sides: whoever removes it there, or
where it came from, removes it. One that does not stand so is not taken for removed: it may never have come, or come and
been edited or removed since, and nothing tells these apart. So it is decided anew, and an edit or a removal in between
costs no line: at worst the line that somebody removed before it was known is added once more.
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
from syncline.records import (
    Create,
    Delete,
    Fields,
    Line,
    LineAdd,
    LineChange,
    LineShadow,
    Link,
    Record,
    Ref,
    Row,
    Shadow,
    Update,
    Values,
)
from syncline.store import Added, Entry, Intent

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
        found_lines = _found_lines(flow, side, intent.added, ours, now, before[side])
        ours = _under_own_ids(ours, found_lines)
        paired = {at: _with_halves(shadow, side, at, intent.added, found_lines) for at, shadow in before.items()}
        held = {at: _with_origins(told, at, intent.added, before[at]) for at, told in held.items()}
        for at, after in _known(flow, side, ours, now, held, paired).items():
            if after == before[at]:
                continue
            draft.shadows[link.id, at] = after
            ref = Ref(flow.name, at, members[at])
            draft.journal += _entries(link, ref, before[at], after, side, worker.setup.now())


def _sent(flow: Flow, side: str, intent: Intent, found: Record) -> Record:
    """What was sent, as if the system told just that."""
    assert not isinstance(intent.write, Delete)  # of that nothing stands
    fields = dict(intent.write.fields)
    if flow.lines is not None:
        fields[flow.lines.paths[side]] = list(_sent_lines(intent))
    return Record(id=found.id, version=None, modified=None, fields=fields, partial=True)


def _sent_lines(intent: Intent) -> Iterator[Fields]:
    """A changed line has its id; a new one none yet, so it goes by its name."""
    write, lines = intent.write, iter(intent.added)
    if isinstance(write, Create):
        yield from ({**told, LINE_ID: added.line} for told, added in zip(write.lines, lines, strict=False))
    elif isinstance(write, Update):
        for edit in write.lines:
            if isinstance(edit, LineChange):
                yield {**edit.fields, LINE_ID: edit.id}
            elif isinstance(edit, LineAdd) and (added := next(lines, None)):
                yield {**edit.fields, LINE_ID: added.line}


def _found_lines(flow: Flow, side: str, added: Sequence[Added], sent: Row, now: Row, before: Shadow) -> dict[str, Line]:
    """The new lines that stand just as they were sent, by name: of several that are alike the first that is left."""
    if flow.lines is None or sent.lines is UNSET or now.lines is UNSET:
        return {}
    known, names = {line.id for line in before.lines}, {each.line for each in added}
    free = [line for line in now.lines if line.id not in known]
    found: dict[str, Line] = {}
    for line in sent.lines:
        if line.id in names and (one := next((x for x in free if _stands(flow, side, line, x)), None)):
            free.remove(one)
            found[line.id] = one
    return found


def _stands(flow: Flow, side: str, sent: Line, now: Line) -> bool:
    """What the side derives by itself may differ."""
    properties: Mapping[str, Property] = flow.lines.properties if flow.lines else {}
    asked = {name: value for name, value in sent.values.items() if len(properties[name].sources) > 1}
    return bool(asked) and landed(properties, side, asked, now.values).keys() == asked.keys()


def _under_own_ids(sent: Row, found: Mapping[str, Line]) -> Row:
    if sent.lines is UNSET:
        return sent
    return replace(sent, lines=tuple(replace(x, id=found[x.id].id) if x.id in found else x for x in sent.lines))


def _with_halves(known: Shadow, side: str, at: str, added: Sequence[Added], found: Mapping[str, Line]) -> Shadow:
    """The shadow with the halves of the found lines, of which nothing is known yet, but that they are there."""
    halves = {
        each.line: found[each.line] if at == side else each.origins.get(at) for each in added if each.line in found
    }
    ids = {line.line: line.id for line in known.lines}
    new = [
        LineShadow(line=name, id=half.id, version=half.version, values={})
        for name, half in halves.items()
        if half is not None and ids.get(name) != half.id
    ]
    names = {line.line for line in new}
    return replace(known, lines=(*(line for line in known.lines if line.line not in names), *new))


def _with_origins(held: Row, at: str, added: Sequence[Added], before: Shadow) -> Row:
    """What new lines come from says what it said when that was decided, whatever has become of it since."""
    if held.lines is UNSET:
        return held
    known = {line.id for line in before.lines}
    origins = [line for each in added if (line := each.origins.get(at)) and line.id not in known]
    ids = {line.id for line in origins}
    return replace(held, lines=(*(line for line in held.lines if line.id not in ids), *origins))


def _known(
    flow: Flow, side: str, sent: Row, now: Row, held: Mapping[str, Row], before: Mapping[str, Shadow]
) -> dict[str, Shadow]:
    """The shadows by side. ``held`` is what the others hold."""
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
    return found


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
    before = {line.line: line for line in old.lines}
    for line in new.lines:
        known = before.get(line.line)
        if known is None or known.id != line.id:
            note = UNHEARD if origin else ""
            whole = Shadow(version=None, lines=(line,))
            yield replace(entry, action="created", line=line.line, note=note, whole=whole)
        else:
            yield from _values(replace(entry, line=line.line), known.values, line.values)


def _values(entry: Entry, old: Values, new: Values) -> Iterator[Entry]:
    for name, value in new.items():
        if name not in old:
            yield replace(entry, action="agreed", property=name, new=value)
        elif old[name] != value:
            action = entry if entry.origin else replace(entry, action="edited", note="")
            yield replace(action, property=name, old=old[name], new=value)
