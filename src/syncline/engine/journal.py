"""What a delivered case is told as, for good: every value written with what it replaced, every value that lost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from syncline.engine.case import Case
from syncline.reconcile.merge import Decision
from syncline.reconcile.settle import Delivered
from syncline.records import Ref, Values
from syncline.store import Action, Entry


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
    yield from _lost(case, case.merge.decisions, delivered, at, None)
    for line in case.merge.lines or ():
        yield from _lost(case, line.decisions, delivered, at, line.line)


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
    case: Case, decisions: tuple[Decision, ...], delivered: Mapping[str, Delivered], at: datetime, line: str | None
) -> Iterator[Entry]:
    """A value is told as lost when its own side has been written, whatever became of the other writes of the record."""
    for d in decisions:
        for side, value in d.lost.items():
            if not (side in delivered if side in d.writes else d.writes <= delivered.keys()):
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
