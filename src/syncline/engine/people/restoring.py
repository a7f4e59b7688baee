"""A record that Syncline deleted is created again, as the journal has it whole.

It then is a record like any new one: the next pass finds its counterpart by the keys, or creates it.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from syncline.engine.case import Case
from syncline.engine.delivery.recover import mark
from syncline.engine.delivery.writes import Job, Unsendable, build, whole_line
from syncline.engine.knowing import Knowing
from syncline.engine.people.undoing import CannotUndo
from syncline.engine.setup import Setup, identities, view
from syncline.mapping.model import Flow
from syncline.reconcile.merge import LineMerge, Merge, merge
from syncline.records import Done, Line, Link, Record, Ref, Row, Shadow, Unknown, Values
from syncline.store import Arrival, Entry, Intent, Memory, Store


def deletion(store: Store, flows: Mapping[str, Flow], seq: int) -> Entry | None:
    """The entry, if it tells that Syncline deleted a record. Raises `CannotUndo` where that cannot be restored."""
    entry = store.entry(seq)
    if entry is None or entry.action != "deleted" or entry.line is not None or entry.origin is None:
        return None
    if entry.whole is None or entry.ref is None:
        raise CannotUndo(f"The journal does not have what entry {seq} deleted whole.")
    flow = flows.get(entry.flow)
    if flow is None or entry.ref.side not in flow.sides or entry.origin not in flow.sides:
        raise CannotUndo("The agreement has no such flow, or no such side of it, any more.")
    if not flow.sides[entry.ref.side].write:
        raise CannotUndo(f"The agreement lets nothing be written to {entry.ref.side}.")
    return entry


async def restore(setup: Setup, entry: Entry) -> Ref:
    """Create it again, and tell its new name. Raises `CannotUndo` and `ConnectorError`."""
    assert entry.ref is not None
    assert entry.whole is not None
    await identities(setup)
    flow, side = setup.flows[entry.flow], entry.ref.side
    case = _case(flow, side, str(entry.origin), entry.whole)
    job = await _job(setup, case, side)
    now = setup.now()
    intent = Intent(
        id=job.id,
        flow=flow.name,
        link=case.link.id,
        side=side,
        record=None,
        write=job.write,
        values=case.merge.values_for(side),
        opened=now,
    )
    await _check_absent(setup, flow, side, intent)
    setup.store.save(Memory(links=[case.link], opened=[intent]))
    (outcome,) = await setup.systems[side].write(view(flow, side), [job.write])
    if isinstance(outcome, Unknown):  # the next pass looks for it
        raise CannotUndo(f"It is not known yet whether it was created in {side}: {outcome.message}")
    if not isinstance(outcome, Done) or outcome.answer is None:
        setup.store.save(Memory(unlinks=[case.link.id], closed=[intent.id]))
        raise CannotUndo(f"It was not created in {side}: {getattr(outcome, 'message', '')}")
    return _remember(setup, case, intent, entry, outcome.seen or outcome.answer)


def _remember(setup: Setup, case: Case, intent: Intent, entry: Entry, record: Record) -> Ref:
    """It has no link: its counterpart may be there already, and is found by the keys."""
    now, ref = setup.now(), Ref(entry.flow, intent.side, record.id)
    setup.store.save(
        Memory(
            unlinks=[case.link.id],
            closed=[intent.id],
            arrivals=[] if record.partial else [Arrival(ref=ref, record=record, seen=now, due=now)],
            journal=[
                Entry(
                    at=now,
                    flow=entry.flow,
                    link=None,
                    ref=ref,
                    action="created",
                    note=f"undone: {entry.ref} was deleted",
                )
            ],
        )
    )
    return ref


def _case(flow: Flow, side: str, origin: str, whole: Shadow) -> Case:
    """A new record for the side alone, decided as if the other still held what this one did."""
    told = Row(values=_of_side(flow, origin, whole.values), lines=_lines(flow, origin, whole))
    decided = merge(flow, {origin: told}, {}, {})
    only = frozenset({side})
    merged = Merge(
        decisions=tuple(replace(d, writes=d.writes & only) for d in decided.decisions),
        lines=None if decided.lines is None else tuple(_line(line, only) for line in decided.lines),
    )
    link = Link(id=str(uuid.uuid4()), flow=flow.name, members={})
    return Case(flow=flow, link=link, fresh=True, arrivals={}, rows={origin: told}, merge=merged)


def _of_side(flow: Flow, side: str, values: Values) -> Values:
    return {
        name: value
        for name, value in values.items()
        if name in flow.properties and side in flow.properties[name].columns
    }


def _lines(flow: Flow, side: str, whole: Shadow) -> tuple[Line, ...] | UnsetType:
    if flow.lines is None:
        return UNSET
    among = flow.lines.properties
    return tuple(
        Line(id=line.id, values={n: v for n, v in line.values.items() if n in among and side in among[n].columns})
        for line in whole.lines
    )


def _line(line: LineMerge, only: frozenset[str]) -> LineMerge:
    decisions = tuple(replace(d, writes=d.writes & only) for d in line.decisions)
    return replace(line, decisions=decisions, add=line.add & only)


async def _job(setup: Setup, case: Case, side: str) -> Job:
    lines = [whole_line(case, side, line) for line in case.merge.lines_for(side)]
    known = await Knowing(setup).to_write(case.flow, [(case.merge.values_for(side), lines)])
    try:
        return build(case, side, known)
    except Unsendable as error:
        raise CannotUndo(f"It {error}.") from error


async def _check_absent(setup: Setup, flow: Flow, side: str, intent: Intent) -> None:
    """Never twice: somebody may have restored it in the system itself."""
    told = mark(flow, side, intent)
    if told is None:
        return
    path, value = told
    for found in await setup.systems[side].find(view(flow, side), path, [value]):
        raise CannotUndo(f"{side} has a record with the {path} {value} already: {Ref(flow.name, side, found.id)}.")
