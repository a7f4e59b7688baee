"""From what was decided to the writes that can be sent; what cannot is parked, with the reason."""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Sequence

from syncline.connectors.base import View
from syncline.engine.case import Case
from syncline.engine.delivery.retry import put_off
from syncline.engine.delivery.writes import Job, Unsendable, build, whole_line
from syncline.engine.worker import Worker
from syncline.mapping.known import Known
from syncline.mapping.model import Flow
from syncline.records import Create, Outcome, Unavailable, Unknown


async def jobs_of(worker: Worker, flow: Flow, cases: Sequence[Case]) -> list[tuple[Case, list[Job]]]:
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
        writes = [Create(key=secrets.token_hex(16), fields={"code": code, "displayName": code}) for code in wanted]
        for outcome in await worker.setup.systems[side].write(asked, writes):
            if isinstance(outcome, Unavailable):
                busy = outcome
            elif isinstance(outcome, Unknown):
                busy = busy or Unavailable(message=outcome.message)
    await worker.knowing.reload(side, by_table)
    return busy
