"""A record that Syncline deleted comes back.

Where nothing is left of its link, it is created again as the journal has it whole; it then is a record like any new
one: the next pass finds its counterpart by the keys, or creates it. Where its counterpart was left as it was, that is
taken for a new one, and it is the deleted record that the next pass finds or creates.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from syncline.engine.case import Case
from syncline.engine.delivery.recover import mark
from syncline.engine.delivery.writes import Job, Unsendable, build, whole_line
from syncline.engine.journal import unlinked
from syncline.engine.knowing import Knowing
from syncline.engine.people.reverting import CannotUndo
from syncline.engine.setup import Setup, identities, view
from syncline.mapping.known import Known, LinkMentions
from syncline.mapping.model import Flow
from syncline.mapping.translate import mentions_values, row, takes_part
from syncline.reconcile.merge import merge
from syncline.records import Done, Line, Link, Record, Ref, Row, Shadow, Unknown, Values
from syncline.store import Arrival, Entry, Intent, Memory, Store


def is_deletion(entry: Entry) -> bool:
    """Whether it tells that Syncline deleted a record."""
    return entry.action == "deleted" and entry.line is None and entry.origin is not None


def note_of(deletion: Entry) -> str:
    """What the journal says of a record that came because of this deletion's undo."""
    return f"undone: {deletion.ref} was deleted"


def check(flows: Mapping[str, Flow], deletion: Entry) -> None:
    """Raises `CannotUndo` where it cannot be undone."""
    if deletion.whole is None or deletion.ref is None:
        raise CannotUndo("the journal does not have it whole")
    flow = flows.get(deletion.flow)
    if flow is None or deletion.ref.side not in flow.sides or deletion.origin not in flow.sides:
        raise CannotUndo("the agreement has no such flow, or no such side of it, any more")
    if not flow.sides[deletion.ref.side].write:
        raise CannotUndo(f"the agreement lets nothing be written to {deletion.ref.side}")


async def restore(setup: Setup, entry: Entry, by: str | None = None) -> Ref | None:
    """Bring it back, and tell its new name; nothing, where the next pass does it. Raises `CannotUndo` and
    `ConnectorError`.
    """
    assert entry.ref is not None
    assert entry.whole is not None
    await identities(setup)
    if await _let_go(setup, entry, by):
        return None
    flow, side = setup.flows[entry.flow], entry.ref.side
    case = _case(flow, str(entry.origin), entry.whole)
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
    return _remember(setup, case, intent, entry, outcome.seen or outcome.answer, by)


async def _let_go(setup: Setup, entry: Entry, by: str | None) -> bool:
    """Whether its counterpart was left as it was: it is free now, and the next pass finds or creates the record."""
    assert entry.ref is not None
    link = setup.store.links([str(entry.link)]).get(str(entry.link))
    if link is None:
        return False
    flow, now = setup.flows[entry.flow], setup.now()
    if entry.ref.side in link.members:
        raise CannotUndo(f"{Ref(flow.name, entry.ref.side, link.members[entry.ref.side])} took its place.")
    arrivals: list[Arrival] = []
    for ref in link.refs:
        record = (await setup.systems[ref.side].get(view(flow, ref.side), [ref.id])).get(ref.id)
        if record is not None and (record.closed or not takes_part(flow.sides[ref.side], record)):
            raise CannotUndo(f"{ref} takes no part any more.")
        arrivals += [Arrival(ref=ref, record=record, seen=now, due=now)] if record is not None else []
    shadows = setup.store.shadows([link.id])
    journal = [unlinked(link, ref, shadows.get((link.id, ref.side)), now, note_of(entry), by) for ref in link.refs]
    setup.store.save(Memory(unlinks=[link.id], arrivals=arrivals, journal=journal))
    return bool(arrivals)


def _remember(setup: Setup, case: Case, intent: Intent, entry: Entry, record: Record, by: str | None) -> Ref:
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
                    note=note_of(entry),
                    by=by,
                )
            ],
        )
    )
    return ref


def _case(flow: Flow, origin: str, whole: Shadow) -> Case:
    """A new record, decided as if the other side still held what this one did: it is sent to the side that lost it."""
    told = Row(values=_of_side(flow, origin, whole.values), lines=_lines(flow, origin, whole))
    link, decided = Link(id=str(uuid.uuid4()), flow=flow.name, members={}), merge(flow, {origin: told}, {}, {})
    return Case(flow=flow, link=link, fresh=True, arrivals={}, rows={origin: told}, merge=decided)


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


async def _job(setup: Setup, case: Case, side: str) -> Job:
    lines = [whole_line(case, side, line) for line in case.merge.lines_for(side)]
    values = case.merge.values_for(side)
    known = await Knowing(setup).to_write(case.flow, [(values, lines)])
    try:
        asked = mentions_values(case.flow, values, lines)
        return build(case, side, await _with_restored(setup, side, known, asked))
    except Unsendable as error:
        raise CannotUndo(f"It {error}.") from error


async def _with_restored(setup: Setup, side: str, known: Known, asked: LinkMentions) -> Known:
    """With what stands now, there, for records that were deleted with their links and brought back since."""
    members, keys = dict(known.members), dict(known.keys)
    for link in asked.links:
        again = None if (link, side) in members else _again(setup.store, link, side)
        if again is None:
            continue
        members[link, side] = again.id
        names = {name for other, at, name in asked.keys if (other, at) == (link, side)}
        if not names or again.flow not in setup.flows:
            continue
        other = setup.flows[again.flow]
        for record in (await setup.systems[side].get(view(other, side), [again.id])).values():
            values = row(other, side, record, Known()).values
            keys |= {(link, side, name): values[name] for name in names if values.get(name) is not None}
    return replace(known, members=members, keys=keys)


def _again(store: Store, link: str, side: str) -> Ref | None:
    """What an undo made of the record that the link had on this side, if an undo brought it back."""
    gone = [e for e in store.history(link) if is_deletion(e) and e.ref is not None and e.ref.side == side]
    if not gone:
        return None
    found: Ref | None = None
    after, note = gone[-1].seq, note_of(gone[-1])
    while page := store.journal(after):
        after = page[-1].seq
        for entry in page:
            if entry.action == "created" and entry.note == note:
                found = entry.ref
            elif is_deletion(entry) and entry.ref == found:
                found, note = None, note_of(entry)
    return found


async def _check_absent(setup: Setup, flow: Flow, side: str, intent: Intent) -> None:
    """Never twice: somebody may have restored it in the system itself."""
    told = mark(flow, side, intent)
    if told is None:
        return
    path, value = told
    for found in await setup.systems[side].find(view(flow, side), path, [value]):
        raise CannotUndo(f"{side} has a record with the {path} {value} already: {Ref(flow.name, side, found.id)}.")
