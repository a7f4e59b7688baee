"""Writes whose outcome is not known are resolved by looking, never by sending them again blindly.

A deletion is resolved by whether the record is still there. An update is resolved by reading the record: what it says
now is an observation like any other, and what was still to be written is decided anew. A create is found by the mark it
carries: our key, where the system remembers keys; else a value that tells it from all others. What is not found, or
stands untouched, is looked for again a moment later: an answer can be lost while the system is still at work.

All this comes before anything is observed: what a record held when it was overwritten is then still in the inbox, and
goes into the journal.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from syncline.engine.case import in_order
from syncline.engine.delivery.landed import remember
from syncline.engine.journal import UNHEARD, recovered
from syncline.engine.people import withdrawing
from syncline.engine.setup import view
from syncline.engine.worker import Worker
from syncline.mapping.model import Flow, LensError, Property
from syncline.mapping.translate import held, row
from syncline.records import Delete, Done, Link, Outcome, Record, Ref, Row, Shadow, Unavailable, Unknown, Update
from syncline.spans import span
from syncline.store import Arrival, Entry, Intent

_KEYS_LIVE = timedelta(hours=12)
"""How long a system is trusted to remember an idempotency key."""


async def look_again(
    worker: Worker,
    flow: Flow,
    moved: Mapping[str, Collection[str]],
    later: Mapping[Ref, datetime] | None = None,
    stand: Collection[Ref] = (),
) -> None:
    """Read these records (ids by side) afresh into the inbox, where they are due ``later``, or at once.

    Of those in ``stand`` their system has just said that they are there. One that is not told then is none that is
    gone, but one that a replica which lags behind does not know yet: the next write to it will tell.
    """
    for side, ids in moved.items():
        found = await worker.setup.systems[side].get(view(flow, side), sorted(ids))
        now = worker.setup.now()
        for id_ in ids:
            ref = Ref(flow.name, side, id_)
            if id_ not in found and ref in stand:
                continue
            due = max((later or {}).get(ref, now), now)
            worker.draft.arrivals[ref] = Arrival(ref=ref, record=found.get(id_), seen=now, due=due)
    worker.draft.save()


async def recover(worker: Worker, intents: Sequence[Intent]) -> None:
    """Resolve these, and close them. Raises `ConnectorError`: what was not resolved stays open."""
    groups: defaultdict[tuple[str, str], list[Intent]] = defaultdict(list)
    for intent in intents:
        groups[intent.flow, intent.side].append(intent)
    for (name, side), group in groups.items():
        flow = worker.setup.flows.get(name)
        if flow is None or side not in flow.sides:
            continue  # the flow is switched off: its intents wait until it is back
        with span("recover", flow=name, side=side, intents=len(group)):
            deletions = [i for i in group if isinstance(i.write, Delete)]
            written = [i for i in group if i.record is not None and i not in deletions]
            await withdrawing.recover(worker, flow, side, deletions)
            await _look_at_written(worker, flow, side, written)
            await _find_created(worker, flow, side, [i for i in group if i.record is None])


async def _look_at_written(worker: Worker, flow: Flow, side: str, intents: Sequence[Intent]) -> None:
    """Read the records of these updates. What they held when it was decided is still in the inbox."""
    if not intents:
        return
    store, draft = worker.setup.store, worker.draft
    refs = {id_: Ref(flow.name, side, id_) for id_ in sorted({str(intent.record) for intent in intents})}
    before = {ref.id: arrival.record for ref, arrival in store.arrivals(refs.values()).items()}
    found = await worker.setup.systems[side].get(view(flow, side), list(refs))
    told = [record for record in (*before.values(), *found.values()) if record is not None]
    known = await worker.knowing.to_read(flow, ((side, record) for record in told))
    shadows = store.shadows([intent.link for intent in intents])
    links = store.links([intent.link for intent in intents])
    now = worker.setup.now()
    stand: list[tuple[Intent, Link, Record]] = []
    for intent in intents:
        id_ = str(intent.record)
        settled = intent.opened + worker.setup.settling
        if now < settled and intent.link in links and _is_untouched(intent, found.get(id_)):
            _wait(worker, links[intent.link], settled)  # it may still turn up
            continue
        draft.arrivals[refs[id_]] = Arrival(ref=refs[id_], record=found.get(id_), seen=now, due=now)
        draft.closed.append(intent.id)
        shadow = shadows.get((intent.link, side), Shadow(version=None))
        then = row(flow, side, seen, known) if (seen := before.get(id_)) else Row(values=shadow.values)
        what = row(flow, side, found[id_], known) if id_ in found else Row(values={}, lines=())
        others = [each for (link, at), each in shadows.items() if link == intent.link and at != side]
        draft.journal += recovered(flow, intent, then, what, shadow, others, now)
        if id_ in found and intent.link in links:
            stand.append((intent, links[intent.link], found[id_]))
    await remember(worker, flow, side, stand)
    draft.save()


def _is_untouched(intent: Intent, record: Record | None) -> bool:
    """Whether the record still is as it was when the write was sent."""
    sent = intent.write.version if isinstance(intent.write, Update) else None
    return record is not None and sent is not None and record.version == sent


async def _find_created(worker: Worker, flow: Flow, side: str, intents: Sequence[Intent]) -> None:
    links = worker.setup.store.links([intent.link for intent in intents])
    open_ones = [i for i in intents if i.link in links and side not in links[i.link].members]
    worker.draft.closed += [i.id for i in intents if i not in open_ones]
    now = worker.setup.now()
    repeatable = worker.setup.systems[side].capabilities.idempotent_creates
    again = [i for i in open_ones if repeatable and now - i.opened < _KEYS_LIVE]
    for intent, outcome in zip(again, await _repeat(worker, flow, side, again), strict=True):
        if isinstance(outcome, Done) and outcome.answer is not None:
            await _adopt(worker, flow, side, intent, links[intent.link], outcome.answer)
        elif isinstance(outcome, Unavailable | Unknown):
            _wait(worker, links[intent.link], now + worker.setup.settling)
        else:
            _never_was(worker, intent, links[intent.link])
    looked_for = [i for i in open_ones if i not in again]
    found = await _found(worker, flow, side, looked_for)
    for intent in looked_for:
        await _judge(worker, flow, side, intent, links[intent.link], found.get(intent.id))
    worker.draft.save()


async def _repeat(worker: Worker, flow: Flow, side: str, intents: Sequence[Intent]) -> tuple[Outcome, ...]:
    """The same creates with the same keys: a system that remembers keys makes nothing twice."""
    if not intents:
        return ()
    return await worker.setup.systems[side].write(view(flow, side), [intent.write for intent in intents])


async def _found(
    worker: Worker, flow: Flow, side: str, intents: Sequence[Intent]
) -> dict[str, tuple[str, Sequence[Record]]]:
    """The mark of a create in words and the records that carry it, by the intent's id. Of what has none, or shares it,
    nothing is told.

    All are asked for at once. Where a system finds by more than the letters (accents, say), it is asked one by one.
    """
    system, at = worker.setup.systems[side], view(flow, side)
    by_path: defaultdict[str, defaultdict[str, list[tuple[Intent, str]]]] = defaultdict(lambda: defaultdict(list))
    for intent in intents:
        if told := mark(flow, side, intent):
            path, value = told
            by_path[path][_folded(value)].append((intent, value))
    found: dict[str, tuple[str, Sequence[Record]]] = {}
    for path, marks in by_path.items():
        records: defaultdict[str, list[Record]] = defaultdict(list)
        for record in await system.find(at, path, sorted({value for told in marks.values() for _, value in told})):
            records[_folded(held(record, path))].append(record)
        is_loose = not records.keys() <= marks.keys()
        for folded, told_by in marks.items():
            if len(told_by) > 1:
                continue
            ((intent, value),) = told_by
            alone = is_loose and folded not in records
            carry = await system.find(at, path, [value]) if alone else records.get(folded, [])
            found[intent.id] = f"{path} {value}", carry
    return found


def _folded(value: object) -> str:
    """Systems keep codes in capitals, and without blanks around them."""
    return str(value).strip().casefold()


async def _judge(
    worker: Worker, flow: Flow, side: str, intent: Intent, link: Link, found: tuple[str, Sequence[Record]] | None
) -> None:
    """What became of a create, by its mark and the records that were ``found`` with it."""
    if found is None:
        _unknown(worker, side, intent, link, "nothing in it tells it from others")
        return
    told, records = found
    taken = worker.setup.store.links_of([Ref(flow.name, side, record.id) for record in records])
    apart = worker.setup.store.apart(link.refs)
    others = {ref for pair in apart for ref in pair}  # whom a person said not to be the same, it is not
    free = [record for record in records if Ref(flow.name, side, record.id) not in taken.keys() | others]
    if len(free) > 1:
        _unknown(worker, side, intent, link, f"{len(free)} records have the {told}")
    elif free:
        await _adopt(worker, flow, side, intent, link, free[0])
    elif worker.setup.now() < intent.opened + worker.setup.settling:
        _wait(worker, link, intent.opened + worker.setup.settling)
    else:
        _never_was(worker, intent, link)


def _wait(worker: Worker, link: Link, due: datetime | None) -> None:
    """The link's records wait until then, since what was sent may still be on its way; ``None`` until a person acts."""
    worker.draft.again(worker.setup.store.arrivals(link.refs).values(), due)


def _unknown(worker: Worker, side: str, intent: Intent, link: Link, why: str) -> None:
    """Looking cannot tell: a person must."""
    message = f"nobody knows whether it was created in {side}: {why}"
    mend = f"Look for it in {side}. If it is not there, try again."
    for ref in link.refs:
        worker.draft.park(ref, "unknown", message, mend, at=worker.setup.now())
    _wait(worker, link, None)
    worker.draft.closed.append(intent.id)


def mark(flow: Flow, side: str, intent: Intent) -> tuple[str, str] | None:
    """The path and value by which a created record can be found: a number that we chose, else a match key."""
    keys = [key.properties[0] for key in flow.match if len(key.properties) == 1 and not key.suggest]
    chosen = [p.name for p in flow.properties.values() if p.when_create and side in p.targets and p.name in keys]
    for name in (*chosen, *keys):
        found = _raw(flow.properties[name], side, intent)
        if found is not None:
            return found
    return None


def _raw(p: Property, side: str, intent: Intent) -> tuple[str, str] | None:
    column, value = p.columns.get(side), intent.values.get(p.name)
    if column is None or value is None or p.reference is not None or len(column.paths) != 1 or side not in p.targets:
        return None
    try:
        (raw,) = column.lens.put(value)
    except LensError:
        return None
    return (column.paths[0], str(raw)) if raw else None


async def _adopt(worker: Worker, flow: Flow, side: str, intent: Intent, link: Link, record: Record) -> None:
    """It was created: it is the link's record. What was not sent with it is compared as with any two just linked."""
    draft, now = worker.draft, worker.setup.now()
    members = {**link.members, side: record.id}
    draft.links[link.id] = replace(link, members=in_order(flow, members))
    ref = Ref(flow.name, side, record.id)
    draft.arrivals[ref] = Arrival(ref=ref, record=record, seen=now, due=now)
    draft.closed.append(intent.id)
    worker.result.flows[flow.name].created[side] += 1
    origin = next(iter(link.members), None)
    told = Entry(at=now, flow=flow.name, link=link.id, ref=ref, action="created", origin=origin, note=UNHEARD)
    draft.journal += (replace(told, ref=other, action="linked", origin=None) for other in link.refs)
    draft.journal.append(told)
    await remember(worker, flow, side, [(intent, link, record)])


def _never_was(worker: Worker, intent: Intent, link: Link) -> None:
    worker.draft.closed.append(intent.id)
    if len(link.members) < 2:
        worker.draft.unlinks.append(link.id)
