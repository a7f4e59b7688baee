"""Apply: what was decided is written as intents, and sent in batches.

An intent is on the disk before anything is sent, and closed together with what came of it.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Sequence
from datetime import datetime
from types import TracebackType
from typing import Self

from syncline.engine.case import Case
from syncline.engine.delivery.answered import Answered, Sent, remember, settle
from syncline.engine.delivery.jobs import jobs_of
from syncline.engine.delivery.writes import Job
from syncline.engine.setup import view
from syncline.engine.worker import Worker
from syncline.mapping.model import Flow
from syncline.meanwhile import end, together
from syncline.reconcile.merge import LineMerge
from syncline.records import Line
from syncline.spans import span
from syncline.store import Added, Intent

_UNDER_WAY = 3
"""Batches that are not waited for until the next is sent: with so many the processor waits for no system that is 100 ms
away, and one of the five requests that Business Central takes at once is left to others.
"""


class Delivery:
    """Batch after batch of what was decided of a flow, as a context manager.

    While some are under way the next is decided and sent, and what came of the first is remembered: nobody waits
    for a system that is far away. Where something fails, what is under way is left, and its intents stay open.
    """

    def __init__(self, worker: Worker, flow: Flow) -> None:
        self._worker = worker
        self._flow = flow
        self._under_way: deque[asyncio.Task[list[Answered]]] = deque()

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
            await end(self._under_way)

    async def deliver(self, cases: Sequence[Case]) -> None:
        """What needs no write is settled at once, with what was parked before. Raises `ConnectorError`."""
        worker, flow = self._worker, self._flow
        jobs = await jobs_of(worker, flow, [case for case in cases if case.merge.writes])
        for case in cases:
            if not case.merge.writes:
                settle(worker, case, {}, {})
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
        await remember(self._worker, self._flow, await self._under_way.popleft())


async def _send(
    worker: Worker, flow: Flow, cases: Sequence[tuple[Case, Sequence[tuple[Job, Intent]]]]
) -> list[Answered]:
    queues: defaultdict[str, list[tuple[Job, Intent]]] = defaultdict(list)
    for job, intent in (each for _, of_case in cases for each in of_case):
        queues[job.side].append((job, intent))
    sent = await together(_write(worker, flow, side, queue) for side, queue in queues.items())
    by_link: defaultdict[str, dict[str, Sent]] = defaultdict(dict)
    for each in (each for of_side in sent for each in of_side):
        by_link[each.intent.link][each.job.side] = each
    return [(case, by_link[case.link.id]) for case, _ in cases]


async def _write(worker: Worker, flow: Flow, side: str, queue: Sequence[tuple[Job, Intent]]) -> list[Sent]:
    with span("deliver", flow=flow.name, side=side, writes=len(queue)):
        outcomes = await worker.setup.systems[side].write(view(flow, side), [job.write for job, _ in queue])
    return [Sent(job, intent, outcome) for (job, intent), outcome in zip(queue, outcomes, strict=True)]


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
