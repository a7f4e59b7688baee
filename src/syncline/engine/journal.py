"""What the journal is told of a case: every value that a side is now known to hold, what it replaced, and what lost.

Every change of a shadow is an entry, so that the journal alone gives what is remembered (`engine/replay.py`), and
nothing that either side ever held is lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from msgspec import UNSET
from msgspec.structs import replace

from syncline.engine.case import Case
from syncline.mapping.model import Flow
from syncline.reconcile.merge import Decision, LineMerge
from syncline.reconcile.settle import Delivered
from syncline.records import LineChange, LineShadow, Link, Ref, Row, Shadow, Update, Value, Values
from syncline.store import Entry, Intent

UNHEARD = "found after its answer was lost"


def entries(
    case: Case, settled: Mapping[str, Shadow], delivered: Mapping[str, Delivered], at: datetime
) -> Iterator[Entry]:
    """``case`` has the members that the delivery created and the shadows from before it, ``settled`` the new ones."""
    for side, shadow in settled.items():
        entry = Entry(at=at, flow=case.flow.name, link=case.link.id, ref=case.ref(side), action="updated")
        written = side in delivered
        before = case.shadows.get(side)
        if before is None and side not in case.versions:
            origin = next((s for s in case.arrivals if s != side), None)
            yield replace(entry, action="created", new=case.name, origin=origin, whole=shadow)
            continue
        decisions = {d.property: d for d in case.merge.decisions}
        yield from _values(entry, decisions, before.values if before else {}, shadow.values, written, first=not before)
        if before is None:
            yield replace(entry, action="agreed", whole=shadow)
        else:
            yield from _lines(entry, case, before, shadow, written)
            yield from _found(entry, case, before, shadow, written)
    known = {side: shadow.values for side, shadow in case.shadows.items()}
    yield from _lost(case, case.merge.decisions, known, delivered, at, None)
    of_lines = {side: {line.line: line.values for line in shadow.lines} for side, shadow in case.shadows.items()}
    for line in case.merge.lines or ():
        known = {side: values[line.line] for side, values in of_lines.items() if line.line in values}
        yield from _lost(case, line.decisions, known, delivered, at, line.line)


def _values(
    entry: Entry, decisions: Mapping[str, Decision], before: Values, now: Values, written: bool, *, first: bool = False
) -> Iterator[Entry]:
    """What was written, and what was edited there. ``entry`` says of which record, and which line of it. Of a record's
    ``first`` shadow only what was written.
    """
    side = entry.ref.side if entry.ref else ""
    for name, value in now.items():
        d = decisions.get(name)
        if d is not None and written and side in d.writes:
            told = replace(entry, property=name, new=value)
            yield replace(told, old=d.now.get(side), origin=d.origin, note=d.note or d.reason.value, by=d.by)
        elif not first and name in before and before[name] != value:
            yield replace(entry, property=name, new=value, action="edited", old=before[name])


def _found(entry: Entry, case: Case, before: Shadow, now: Shadow, written: bool) -> Iterator[Entry]:
    """What nobody wrote and is known for the first time, in one entry: all that a system filled in where it created."""
    side = entry.ref.side if entry.ref else ""
    values = _new(case.merge.decisions, side, before.values, now.values, written)
    merges = {m.line: m for m in case.merge.lines or ()}
    old = {line.line: line for line in before.lines}
    lines: list[LineShadow] = []
    for line in now.lines:
        known, m = old.get(line.line), merges.get(line.line)
        if known is not None and known.id == line.id and m is not None:
            new = _new(m.decisions, side, known.values, line.values, written)
            lines += [LineShadow(line=line.line, id=line.id, values=new)] if new else []
    if values or lines:
        yield replace(entry, action="agreed", whole=Shadow(version=None, values=values, lines=tuple(lines)))


def _new(decisions: Iterable[Decision], side: str, before: Values, now: Values, written: bool) -> dict[str, Value]:
    """What is not told as written."""
    if now.keys() == before.keys():
        return {}
    ours = {d.property for d in decisions if side in d.writes} if written else frozenset()
    return {name: value for name, value in now.items() if name not in before and name not in ours}


def _lines(entry: Entry, case: Case, before: Shadow, now: Shadow, written: bool) -> Iterator[Entry]:
    """A line that comes or goes is told whole; with an ``origin`` where Syncline added or removed it."""
    side = entry.ref.side if entry.ref else ""
    merges = {m.line: m for m in case.merge.lines or ()}
    old = {line.line: line for line in before.lines}
    for line in now.lines:
        told, m = replace(entry, line=line.line), merges.get(line.line)
        known = old.pop(line.line, None)
        if known is None or known.id != line.id:
            ours = written and m is not None and side in m.add
            yield replace(told, action="created", origin=_other(m, side) if ours else None, whole=_alone(line))
        elif m is not None:
            yield from _values(told, {d.property: d for d in m.decisions}, known.values, line.values, written)
    for name, line in old.items():
        m = merges.get(name)
        ours = written and m is not None and side in m.remove
        origin = next((s for s in case.flow.sides if s != side), None) if ours else None
        yield replace(entry, line=name, action="deleted", origin=origin, whole=_alone(_as_it_was(case, side, line)))


def _as_it_was(case: Case, side: str, line: LineShadow) -> LineShadow:
    """A line that Syncline removes may say more than was known of it: it was new when its other half went away."""
    row = case.rows.get(side)
    lines = row.lines if row is not None and row.lines is not UNSET else ()
    told = next((each.values for each in lines if each.id == line.id), {})
    return replace(line, values={**line.values, **told})


def _other(m: LineMerge | None, side: str) -> str | None:
    return next((s for s in m.ids if s != side), None) if m else None


def _alone(line: LineShadow) -> Shadow:
    return Shadow(version=None, lines=(line,))


def unlinked(link: Link, ref: Ref, whole: Shadow | None, at: datetime, note: str, by: str | None = None) -> Entry:
    """A member is none any more, though it is there; ``whole`` is what was known of it."""
    return Entry(at=at, flow=link.flow, link=link.id, ref=ref, action="unlinked", note=note, whole=whole, by=by)


def deleted(case: Case, side: str, at: datetime, *, origin: str | None, note: str = "", by: str | None = None) -> Entry:
    """A record that is gone, with everything that was known of it: ``origin`` is for whose sake Syncline deleted it."""
    whole = _last_known(side, case.shadows.get(side), case.rows.get(side))
    ref, link = case.ref(side), case.link.id
    return Entry(
        at=at,
        flow=case.flow.name,
        link=link,
        ref=ref,
        action="deleted",
        origin=origin,
        note=note,
        whole=whole,
        by=by,
    )


def _last_known(side: str, shadow: Shadow | None, row: Row | None) -> Shadow:
    known = shadow or Shadow(version=None)
    if row is None:
        return known
    lines = known.lines
    if row.lines is not UNSET:
        names = {line.id: line.line for line in known.lines}
        lines = tuple(
            LineShadow(line=names.get(line.id, f"{side}:{line.id}"), id=line.id, values=line.values)
            for line in row.lines
        )
    return replace(known, values={**known.values, **row.values}, lines=lines)


def recovered(
    flow: Flow, intent: Intent, then: Row, now: Row, shadow: Shadow, others: Sequence[Shadow], at: datetime
) -> Iterator[Entry]:
    """What has lost to a write whose answer was lost: ``then`` is what the record held when it was decided.

    It had been edited there and is not there any more; or somebody saw what was written, and changed it since; or it
    had not arrived yet with one of the ``others``, the rest of the link, and may have lost to what that says.
    """
    told = Entry(
        at=at,
        flow=flow.name,
        link=intent.link,
        ref=Ref(flow.name, intent.side, intent.record or ""),
        action="lost",
        note=UNHEARD,
    )
    late = frozenset(name for other in others for name in other.behind)
    yield from _overwritten(told, intent.values, then.values, now.values, shadow.values, late)
    if flow.lines is None or then.lines is UNSET or now.lines is UNSET or not isinstance(intent.write, Update):
        return
    written = {edit.id for edit in intent.write.lines if isinstance(edit, LineChange)}
    known = {line.id: line for line in shadow.lines}
    stands = {line.id: line.values for line in now.lines}
    of_others = [line for other in others for line in other.lines]
    for line in then.lines:
        if line.id in written & known.keys():
            before, after = known[line.id], stands.get(line.id, {})
            late = frozenset(name for each in of_others if each.line == before.line for name in each.behind)
            of_line = replace(told, line=before.line)
            yield from _overwritten(of_line, line.values, line.values, after, before.values, late)


def _overwritten(
    told: Entry, names: Iterable[str], then: Values, now: Values, shadow: Values, late: frozenset[str]
) -> Iterator[Entry]:
    for name in names:
        if name not in then or (name in now and then[name] == now[name]):
            continue
        if then[name] != shadow.get(name) or name in late:
            yield replace(told, property=name, old=then[name], new=now.get(name))


def _lost(
    case: Case,
    decisions: tuple[Decision, ...],
    known: Mapping[str, Values],
    delivered: Mapping[str, Delivered],
    at: datetime,
    line: str | None,
) -> Iterator[Entry]:
    """A value is told as lost when its own side has been written, whatever became of the other writes of the record.

    One that was known there already, and only had not arrived everywhere, has lost when any was: it is an edit no more.
    """
    for d in decisions:
        for side, value in d.lost.items():
            stood = side in known and d.property in known[side] and known[side][d.property] == value
            done = side in delivered if side in d.writes else d.writes <= delivered.keys()
            if not (done or (stood and d.writes & delivered.keys())):
                continue
            yield Entry(
                at=at,
                flow=case.flow.name,
                link=case.link.id,
                ref=case.ref(side),
                action="lost",
                property=d.property,
                line=line,
                old=value,
                new=d.value,
                origin=d.origin,
                note=d.note or d.reason.value,
                by=d.by,
            )
