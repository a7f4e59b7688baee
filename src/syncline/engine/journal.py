"""What a delivered case is told as, for good: every value written with what it replaced, every value that lost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from datetime import datetime

from msgspec import UNSET
from msgspec.structs import replace

from syncline.engine.case import Case
from syncline.mapping.model import Flow, Property
from syncline.reconcile.merge import Decision
from syncline.reconcile.settle import Delivered
from syncline.records import LineChange, Ref, Row, Shadow, Update, Values
from syncline.store import Action, Entry, Intent


def entries(case: Case, delivered: Mapping[str, Delivered], at: datetime) -> Iterator[Entry]:
    """``case`` has the members that the delivery created. A new record is one entry: its values are its link's."""
    for side, done in delivered.items():
        ref = case.ref(side)
        if side not in case.versions:
            origin = next((s for s in case.arrivals if s != side), None)
            yield Entry(
                at=at, flow=case.flow.name, link=case.link.id, ref=ref, action="created", new=case.name, origin=origin
            )
            continue
        told = done.row.values if done.row else {}
        yield from (_written(case, ref, d, told, at) for d in case.merge.decisions if side in d.writes)
        for line in case.merge.lines_for(side):
            if side in line.add or side in line.remove:
                action: Action = "created" if side in line.add else "deleted"
                yield Entry(at=at, flow=case.flow.name, link=case.link.id, ref=ref, action=action, line=line.line)
                continue
            yield from (_written(case, ref, d, {}, at, line.line) for d in line.decisions if side in d.writes)
    yield from _lost(case, case.merge.decisions, delivered.keys(), at, None)
    for line in case.merge.lines or ():
        yield from _lost(case, line.decisions, delivered.keys(), at, line.line)


def recovered(flow: Flow, intent: Intent, then: Row, now: Row, shadow: Shadow, at: datetime) -> Iterator[Entry]:
    """What a write whose answer was lost has changed: ``then`` is what the record held when it was decided.

    What had been edited there, and is not there any more, has lost: to this write, or to somebody who saw it after it.
    """
    told = Entry(
        at=at,
        flow=flow.name,
        link=intent.link,
        ref=Ref(flow.name, intent.side, intent.record or ""),
        action="updated",
        note="found after its answer was lost",
    )
    yield from _overwritten(told, flow.properties, intent.values, then.values, now.values, shadow.values)
    if flow.lines is None or then.lines is UNSET or now.lines is UNSET or not isinstance(intent.write, Update):
        return
    written = {edit.id for edit in intent.write.lines if isinstance(edit, LineChange)}
    known = {line.id: line for line in shadow.lines}
    stands = {line.id: line.values for line in now.lines}
    for line in then.lines:
        if line.id in written & known.keys():
            of_line, after = replace(told, line=known[line.id].line), stands.get(line.id, {})
            yield from _overwritten(
                of_line, flow.lines.properties, line.values, line.values, after, known[line.id].values
            )


def _overwritten(
    told: Entry, properties: Mapping[str, Property], names: Iterable[str], then: Values, now: Values, shadow: Values
) -> Iterator[Entry]:
    side = told.ref.side if told.ref else ""
    for name in names:
        if name not in then or (name in now and then[name] == now[name]):
            continue
        changed = replace(told, property=name, old=then[name], new=now.get(name))
        if name in now:
            yield changed
        if side in properties[name].sources and then[name] != shadow.get(name):
            yield replace(changed, action="lost")


def _written(case: Case, ref: Ref, d: Decision, told: Values, at: datetime, line: str | None = None) -> Entry:
    return Entry(
        at=at,
        flow=case.flow.name,
        link=case.link.id,
        ref=ref,
        action="updated",
        property=d.property,
        line=line,
        old=d.now.get(ref.side),
        new=told.get(d.property, d.value),
        origin=d.origin,
        note=d.reason.value,
    )


def _lost(
    case: Case, decisions: tuple[Decision, ...], delivered: Set[str], at: datetime, line: str | None
) -> Iterator[Entry]:
    """A value is told to have lost once it is overwritten, whatever becomes of the other writes: it is nowhere else."""
    is_whole = case.merge.writes <= delivered
    for d in decisions:
        for side, value in d.lost.items():
            if not (side in delivered if side in d.writes else is_whole):
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
                note=d.reason.value,
            )
