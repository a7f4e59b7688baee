"""Apply and remember: what was decided is written as intents, sent in batches, and settled by the answers.

An intent is on the disk before anything is sent, and closed together with what came of it.
"""

from __future__ import annotations

import asyncio
import uuid
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from types import TracebackType
from typing import Self, TypeAlias

from msgspec import Struct, to_builtins
from msgspec.structs import replace

from syncline.connectors.base import View
from syncline.engine.case import Case
from syncline.engine.delivery import recover
from syncline.engine.delivery.retry import put_off
from syncline.engine.delivery.writes import Job, Unsendable, build, whole_line
from syncline.engine.journal import entries
from syncline.engine.people import answers
from syncline.engine.setup import view
from syncline.engine.worker import Worker
from syncline.mapping.known import Known
from syncline.mapping.model import Flow
from syncline.mapping.translate import row
from syncline.meanwhile import together
from syncline.reconcile.compare import unchanged
from syncline.reconcile.merge import Conflict, LineMerge
from syncline.reconcile.settle import Delivered, Told, settle
from syncline.records import (
    Create,
    Done,
    Gone,
    Line,
    Outcome,
    Record,
    Ref,
    Refused,
    Row,
    Shadow,
    Stale,
    Unavailable,
    Unknown,
    Value,
)
from syncline.spans import span
from syncline.store import Added, Arrival, Intent

_UNDER_WAY = 1
"""Batches that are not waited for until the next is sent."""


class Delivery:
    """Batch after batch of what was decided of a flow, as a context manager.

    While one is under way the next is decided and sent, and what came of the one before is remembered: nobody waits
    for a system that is far away. Where something fails, what is under way is left, and its intents stay open.
    """

    def __init__(self, worker: Worker, flow: Flow) -> None:
        self._worker = worker
        self._flow = flow
        self._under_way: deque[asyncio.Task[list[_Answered]]] = deque()

    @property
    def batch(self) -> int:
        """How many cases are delivered at once."""
        return min(self._worker.setup.systems[side].capabilities.batch for side in self._flow.sides)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            while error is None and self._under_way:
                await self._remember()
            if error is None:
                self._worker.draft.save()
        finally:
            for each in self._under_way:
                each.cancel()
            await asyncio.gather(*self._under_way, return_exceptions=True)

    async def deliver(self, cases: Sequence[Case]) -> None:
        """What needs no write is settled at once, with what was parked before. Raises `ConnectorError`."""
        worker, flow = self._worker, self._flow
        jobs = await _jobs(worker, flow, [case for case in cases if case.merge.writes])
        for case in cases:
            if not case.merge.writes:
                _settle(worker, case, {}, {})
        if worker.gate.dry or not jobs:
            worker.draft.save()
            return
        now = worker.setup.now()
        sending = [(case, [(job, _intent(case, job, now)) for job in of_case]) for case, of_case in jobs]
        worker.draft.opened += [intent for _, of_case in sending for _, intent in of_case]
        worker.draft.links |= {case.link.id: case.link for case, _ in sending if case.fresh}
        worker.draft.save()
        self._under_way.append(asyncio.create_task(_send(worker, flow, sending)))
        if len(self._under_way) > _UNDER_WAY:
            await self._remember()

    async def _remember(self) -> None:
        await _remember(self._worker, self._flow, await self._under_way.popleft())


# --- from decisions to writes


async def _jobs(worker: Worker, flow: Flow, cases: Sequence[Case]) -> list[tuple[Case, list[Job]]]:
    """The writes of each case that can be sent. The others are parked, whole; or kept, where the gate says no, or where
    a code could not be created just now.
    """
    known, busy = await _known(worker, flow, cases)
    found: list[tuple[Case, list[Job]]] = []
    for case in cases:
        try:
            jobs = [build(case, side, known, dry=worker.gate.dry) for side in flow.sides if side in case.merge.writes]
        except Unsendable as error:
            if error.cause == "untranslatable" and error.side in busy:
                put_off(worker, case, tuple(case.arrivals.values()), {error.side: busy[error.side]})
                continue
            ref = case.speaker(error.side)
            worker.draft.again(case.arrivals.values(), None)
            now = worker.setup.now()
            links = worker.setup.store.links(error.links).values()
            waits = [ref for link in links for ref in link.refs]
            worker.draft.park(ref, error.cause, str(error), error.mend, at=now, waits=waits)
            worker.gate.parked(case, str(error))
            continue
        if not worker.gate.write(case):
            worker.draft.again(case.arrivals.values(), worker.setup.now())
        elif worker.gate.dry:
            worker.draft.finish(case.arrivals.values())
            worker.draft.links[case.link.id] = case.link
            worker.draft.woken += case.refs
        else:
            found.append((case, jobs))
    return found


async def _known(worker: Worker, flow: Flow, cases: Sequence[Case]) -> tuple[Known, dict[str, Outcome]]:
    """What must be known to send these. Codes that the agreement says to create are created first; by side, why some
    could not be created just now.
    """
    values = [
        (case.merge.values_for(side), [whole_line(case, side, line) for line in case.merge.lines_for(side)])
        for case in cases
        for side in case.merge.writes
    ]
    known = await worker.knowing.to_write(flow, values)
    if worker.gate.dry or not flow.creates_codes:
        return known, {}
    missing: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
    for case in cases:
        for side in case.merge.writes:
            try:
                build(case, side, known, missing=missing[side])
            except Unsendable:
                continue  # told when it is built again
    if not any(missing.values()):
        return known, {}
    busy = {side: failed for side, codes in missing.items() if (failed := await _create_codes(worker, side, codes))}
    return await worker.knowing.to_write(flow, values), busy


async def _create_codes(worker: Worker, side: str, codes: set[tuple[str, str]]) -> Outcome | None:
    """What may succeed later. A refusal is found when the code is still missing afterwards."""
    busy: Outcome | None = None
    by_table: defaultdict[str, list[str]] = defaultdict(list)
    for table, code in sorted(codes):
        by_table[table].append(code)
    for table, wanted in by_table.items():
        asked = View(entity=table, paths=("code",))
        writes = [Create(key=uuid.uuid4().hex, fields={"code": code, "displayName": code}) for code in wanted]
        for outcome in await worker.setup.systems[side].write(asked, writes):
            if isinstance(outcome, Unavailable):
                busy = outcome
            elif isinstance(outcome, Unknown):
                busy = busy or Unavailable(message=outcome.message)
    await worker.knowing.reload(side, by_table)
    return busy


# --- sending


class _Sent(Struct, frozen=True):
    job: Job
    intent: Intent
    outcome: Outcome


_Answered: TypeAlias = tuple[Case, Mapping[str, _Sent]]
"""What became of the writes of a case, by side."""


async def _send(
    worker: Worker, flow: Flow, cases: Sequence[tuple[Case, Sequence[tuple[Job, Intent]]]]
) -> list[_Answered]:
    queues: defaultdict[str, list[tuple[Job, Intent]]] = defaultdict(list)
    for job, intent in (each for _, of_case in cases for each in of_case):
        queues[job.side].append((job, intent))
    sent = await together(_write(worker, flow, side, queue) for side, queue in queues.items())
    by_link: defaultdict[str, dict[str, _Sent]] = defaultdict(dict)
    for each in (each for of_side in sent for each in of_side):
        by_link[each.intent.link][each.job.side] = each
    return [(case, by_link[case.link.id]) for case, _ in cases]


async def _write(worker: Worker, flow: Flow, side: str, queue: Sequence[tuple[Job, Intent]]) -> list[_Sent]:
    with span("deliver", flow=flow.name, side=side, writes=len(queue)):
        outcomes = await worker.setup.systems[side].write(view(flow, side), [job.write for job, _ in queue])
    return [_Sent(job, intent, outcome) for (job, intent), outcome in zip(queue, outcomes, strict=True)]


def _intent(case: Case, job: Job, now: datetime) -> Intent:
    return Intent(
        id=job.id,
        flow=case.flow.name,
        link=case.link.id,
        side=job.side,
        record=case.link.members.get(job.side),
        write=job.write,
        values=case.merge.values_for(job.side),
        added=tuple(_added(line) for line in case.merge.lines_for(job.side) if job.side in line.add),
        opened=now,
    )


def _added(line: LineMerge) -> Added:
    return Added(
        line=line.line,
        origins={
            side: Line(
                id=id_,
                version=line.versions.get(side),
                values={d.property: d.now[side] for d in line.decisions if side in d.now},
            )
            for side, id_ in line.ids.items()
        },
    )


# --- remembering


async def _remember(worker: Worker, flow: Flow, cases: Sequence[_Answered]) -> None:
    told = [
        (side, record)
        for _, sent in cases
        for side, each in sent.items()
        if isinstance(each.outcome, Done)
        for record in (each.outcome.answer, each.outcome.seen)
        if record is not None
    ]
    known = await worker.knowing.to_read(flow, told)
    lost: list[Intent] = []
    moved: defaultdict[str, set[str]] = defaultdict(set)
    later: dict[Ref, datetime] = {}
    for case, sent in cases:
        await asyncio.sleep(0)  # what is under way goes on
        done = {side: _done(flow, each, known) for side, each in sent.items() if isinstance(each.outcome, Done)}
        delivered = {side: stands for side, (stands, _) in done.items()}
        observed = {side: found for side, (_, found) in done.items()}
        failed = {side: each.outcome for side, each in sent.items() if not isinstance(each.outcome, Done)}
        worker.draft.closed += [e.intent.id for e in sent.values() if not isinstance(e.outcome, Unknown)]
        lost += [
            replace(each.intent, opened=worker.setup.now())
            for each in sent.values()
            if isinstance(each.outcome, Unknown)
        ]
        untold = {side for side, found in observed.items() if found is None and side in case.arrivals}
        for side in untold if failed or case.merge.conflicts else ():
            moved[side].add(case.link.members[side])
        for side, outcome in failed.items():
            if side in case.link.members and _has_moved(outcome):
                moved[side].add(case.link.members[side])
        if due := _settle(worker, case, delivered, observed, failed):
            later |= dict.fromkeys(case.refs, due)
    worker.draft.opened += lost
    worker.draft.save()
    await recover.look_again(worker, flow, moved, later)
    if lost:
        await recover.recover(worker, lost)


def _has_moved(outcome: Outcome) -> bool:
    return isinstance(outcome, Stale | Gone) or (isinstance(outcome, Refused) and outcome.partly)


def _done(flow: Flow, sent: _Sent, known: Known) -> tuple[Delivered, tuple[Record, Row] | None]:
    """What stands, and the whole record as it stands after the write, where that was told."""
    job, done = sent.job, sent.outcome
    assert isinstance(done, Done)
    last = done.seen or done.answer
    answer = row(flow, job.side, done.answer, known) if done.answer else None
    delivered = Delivered(
        told=Told(version=last.version, modified=last.modified) if last else Told(version=None, modified=None),
        row=answer,
        added=dict(zip(job.added, done.added, strict=True)),
    )
    if done.seen is not None:
        return delivered, (done.seen, row(flow, job.side, done.seen, known))
    is_whole = isinstance(job.write, Create) or not job.write.lines
    return delivered, (done.answer, answer) if is_whole and done.answer and answer else None


def _settle(
    worker: Worker,
    case: Case,
    delivered: Mapping[str, Delivered],
    observed: Mapping[str, tuple[Record, Row] | None],
    failed: Mapping[str, Outcome] | None = None,
) -> datetime | None:
    """Remember what stands; what does not is due again, later, or for a person. When, where that is put off."""
    draft, now = worker.draft, worker.setup.now()
    ids = dict(case.link.members) | {side: found[0].id for side, found in observed.items() if found}
    created = ids.keys() - case.link.members.keys()
    case = replace(case, link=replace(case.link, members={side: ids[side] for side in case.flow.sides if side in ids}))
    if created:
        draft.links[case.link.id] = case.link
    shadows: dict[str, Shadow] = {}
    if len(ids) > 1:
        shadows = settle(case.flow, case.merge, case.shadows, case.seen, delivered)
        draft.shadows |= {(case.link.id, side): shadow for side, shadow in shadows.items()}
    elif failed and not any(isinstance(outcome, Unknown) for outcome in failed.values()):
        draft.unlinks.append(case.link.id)  # nothing came of it: another record may still be the one
    draft.journal += entries(case, shadows, delivered, now)
    answers.settle(worker, case, delivered)
    tally = worker.result.flows[case.flow.name]
    for side in delivered:
        (tally.created if side in created else tally.updated)[side] += 1
    if delivered and case.arrivals:
        draft.written(case.flow.name, min(a.seen for a in case.arrivals.values()), now)
    kept = [_as_it_stands(arrival, observed.get(side), now) for side, arrival in case.arrivals.items()]
    due = None
    if failed:
        due = put_off(worker, case, kept, failed)
    elif case.merge.conflicts:
        _ask(worker, case, kept)
    else:
        draft.finish(case.arrivals.values())
    if shadows:
        _follow(worker, case, shadows, observed)
    return due


def _follow(
    worker: Worker, case: Case, shadows: Mapping[str, Shadow], observed: Mapping[str, tuple[Record, Row] | None]
) -> None:
    """Wake who waits for these. What a system derived from a write is an observation like any other: it does not wait
    for a person with the rest of its record.
    """
    draft, now = worker.draft, worker.setup.now()
    rows = {**case.rows, **{side: found[1] for side, found in observed.items() if found}}
    for side, told in rows.items():
        if not (told.problems or told.waits):
            draft.keys[case.ref(side)] = worker.knowing.keys(case.flow, side, told)
            draft.woken += worker.knowing.key_refs(case.flow, side, told)
    draft.woken += case.refs
    for side, found in observed.items():
        kept = draft.arrivals.get(case.ref(side))
        is_tried_again = kept is not None and kept.due is not None
        if found and not is_tried_again and not unchanged(found[1], shadows[side]):
            draft.arrivals[case.ref(side)] = Arrival(ref=case.ref(side), record=found[0], seen=now, due=now)


def _as_it_stands(arrival: Arrival, observed: tuple[Record, Row] | None, now: datetime) -> Arrival:
    """An arrival that is not worked off must not be taken for an edit that puts back what was just written."""
    return replace(arrival, record=observed[0], seen=now) if observed else arrival


def _ask(worker: Worker, case: Case, kept: Sequence[Arrival]) -> None:
    """A person is to choose between values; everything else of the record was delivered."""
    told = [(conflict, _rules(case.flow, conflict)) for conflict in case.merge.conflicts]
    message = "; ".join(_in_words(conflict, rules) for conflict, rules in told)
    details = {"conflicts": [{**to_builtins(c, builtin_types=(Decimal,)), "rules": rules} for c, rules in told]}
    ref = case.speaker("")
    mend = f"Choose: syncline resolve {ref} --take SIDE (or --value TEXT). Or set the same value on both sides."
    now = worker.setup.now()
    worker.draft.again(kept, None)
    worker.draft.released += case.refs
    worker.draft.park(ref, "conflict", message, mend, at=now, details=details)
    worker.gate.parked(case, message)


def _rules(flow: Flow, conflict: Conflict) -> dict[str, str]:
    """What each side makes of a value, of a property that is rewritten."""
    if not conflict.rewritten:
        return {}
    among = flow.lines.properties if flow.lines and conflict.line else flow.properties
    columns = among[conflict.property].columns
    return {side: columns[side].rule for side in conflict.values}


def _in_words(conflict: Conflict, rules: Mapping[str, str]) -> str:
    line = f" of line {conflict.line}" if conflict.line else ""
    held = " or ".join(f"{_spelt(value)} ({side})" for side, value in conflict.values.items())
    before = " or ".join(dict.fromkeys(map(_spelt, conflict.before.values())))
    if rules:
        told = "; ".join(f"{side}'s {rule}" for side, rule in rules.items())
        return f"{conflict.property}{line} is rewritten by both systems time and again: {held} ({told})"
    return f"{conflict.property}{line}: {held}" + (f", before {before}" if before else "")


def _spelt(value: Value) -> str:
    return "(empty)" if value is None else str(value)
