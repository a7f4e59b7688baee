"""Remember: what was sent is settled by what it was answered, and closed together with that."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TypeAlias

from msgspec import Struct, to_builtins
from msgspec.structs import replace

from syncline.engine.case import Case
from syncline.engine.delivery import recover
from syncline.engine.delivery.retry import put_off
from syncline.engine.delivery.writes import Job
from syncline.engine.journal import entries
from syncline.engine.people import answers
from syncline.engine.worker import Worker
from syncline.mapping.known import Known
from syncline.mapping.model import Flow
from syncline.mapping.translate import row
from syncline.reconcile.compare import unchanged
from syncline.reconcile.merge import Conflict
from syncline.reconcile.settle import Delivered, Told
from syncline.reconcile.settle import settle as shadows_after
from syncline.records import (
    Create,
    Done,
    Gone,
    Outcome,
    Record,
    Ref,
    Refused,
    Row,
    Shadow,
    Stale,
    Unknown,
    Value,
)
from syncline.store import Arrival, Intent


class Sent(Struct, frozen=True):
    """A write, its intent, and what it was answered."""

    job: Job
    intent: Intent
    outcome: Outcome


Answered: TypeAlias = tuple[Case, Mapping[str, Sent]]
"""What became of the writes of a case, by side."""


async def remember(worker: Worker, flow: Flow, cases: Sequence[Answered]) -> None:
    """What stands is known, what moved is read again, what nobody answered is looked for. Raises `ConnectorError`."""
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
    stand: set[Ref] = set()
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
                if isinstance(outcome, Stale):
                    stand.add(case.ref(side))
        if due := settle(worker, case, delivered, observed, failed):
            later |= dict.fromkeys(case.refs, due)
    worker.draft.opened += lost
    worker.draft.save()
    await recover.look_again(worker, flow, moved, later, stand)
    if lost:
        await recover.recover(worker, lost)


def _has_moved(outcome: Outcome) -> bool:
    return isinstance(outcome, Stale | Gone) or (isinstance(outcome, Refused) and outcome.partly)


def _done(flow: Flow, sent: Sent, known: Known) -> tuple[Delivered, tuple[Record, Row] | None]:
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


def settle(
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
        shadows = shadows_after(case.flow, case.merge, case.shadows, case.seen, delivered)
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
