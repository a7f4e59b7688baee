"""Observe: what changed on every side comes into the inbox, a page and its cursor at a time.

A record that still says what is remembered of it is no news: this is where the echo of our own writes ends. Nor is one
that waits already and is told again, as a system polled by time does: when it is due, and what a person said, stands.
One that was deleted a moment ago is not there again because a replica that lags behind still lists it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from datetime import datetime

from msgspec import UNSET
from msgspec.structs import replace

from syncline.connectors.base import CursorLost, Page
from syncline.engine.guards.restored import doubtful
from syncline.engine.guards.scan import is_due, overdue, scan, scanned
from syncline.engine.knowing import Knowing
from syncline.engine.report import Progress
from syncline.engine.setup import FlowSide, Setup, view
from syncline.mapping.known import Known
from syncline.mapping.model import Flow
from syncline.mapping.translate import row, takes_part
from syncline.meanwhile import together
from syncline.reconcile.compare import unchanged
from syncline.records import LinkState, Record, Ref, Row, Shadow
from syncline.spans import span
from syncline.store import Arrival, Memory


async def observe(
    setup: Setup,
    knowing: Knowing,
    progress: Progress,
    *,
    flow_sides: Collection[FlowSide] | None = None,
    scanning: bool = False,
    whole: Collection[str] = (),
) -> None:
    """Look once at every side of every flow, or at these. Raises `ConnectorError`: what was read before it stays
    remembered.

    ``scanning`` looks for deleted records also where it is not yet time for that; on the sides in ``whole`` even if
    they tell their deletions.
    """
    for flow in setup.flows.values():
        sides = [side for side in flow.sides if flow_sides is None or (flow.name, side) in flow_sides]
        await together(_observe(setup, knowing, progress, flow, side) for side in sides)
        for side in sides:
            asked = scanning and not setup.systems[side].capabilities.deletions
            if is_due(setup, flow, side) or asked or side in whole:
                await scan(setup, flow, side)


def reported(setup: Setup, refs: Collection[Ref]) -> None:
    """Note of which records a system called to say that they are deleted. Those that nobody knows are no news."""
    known = {*setup.store.links_of(refs), *setup.store.arrivals(refs)}
    now = setup.now()
    setup.store.save(Memory(arrivals=[Arrival(ref=ref, record=None, seen=now, due=now) for ref in known]))


async def _observe(setup: Setup, knowing: Knowing, progress: Progress, flow: Flow, side: str) -> None:
    looking = _Looking(setup, knowing, flow, side)
    seen = 0
    with span("observe", flow=flow.name, side=side) as traced:
        async for page in _pages(setup, flow, side):
            await looking.take(page)
            seen += len(page.records)
            progress.reading(flow.name, side, seen, page.total)
        traced.set_attribute("syncline.records", seen)
    if not setup.store.listed(flow.name, side):
        setup.store.save(Memory(listed=[(flow.name, side)]))
        scanned(setup, flow, side)


async def _pages(setup: Setup, flow: Flow, side: str) -> AsyncIterator[Page]:
    """What changed since the cursor; everything, where the system has forgotten the cursor."""
    system, asked = setup.systems[side], view(flow, side)
    cursor = setup.store.cursor(flow.name, side)
    try:
        async for page in system.changes(asked, cursor):
            yield page
    except CursorLost:
        # What was deleted meanwhile no listing tells: only the ids show it.
        facts = overdue(flow, side) | doubtful(flow, side)
        setup.store.save(Memory(cursors={(flow.name, side): None}, facts=facts))
        async for page in system.changes(asked, None):
            yield page


class _Looking:
    """Sorts the pages of one side of one flow."""

    def __init__(self, setup: Setup, knowing: Knowing, flow: Flow, side: str) -> None:
        self._setup = setup
        self._knowing = knowing
        self._flow = flow
        self._side = side
        self._since = _taken_up(setup, flow, side)

    async def take(self, page: Page) -> None:
        """Remember what is news of a page, and where the next one begins."""
        store, now = self._setup.store, self._setup.now()
        refs = [self._ref(record.id) for record in page.records]
        gone = [self._ref(id_) for id_ in page.gone]
        linked = store.remembered([*refs, *gone])
        pending = store.arrivals([*refs, *gone])
        known = await self._known([r for r, ref in zip(page.records, refs, strict=True) if ref in linked])
        news = [ref not in linked and self._interesting(r) for r, ref in zip(page.records, refs, strict=True)]
        deleted = self._just_deleted([ref for ref, is_news in zip(refs, news, strict=True) if is_news])
        arrivals: list[Arrival] = []
        done: list[tuple[Ref, datetime]] = []
        fresh: dict[tuple[str, str], Shadow] = {}
        for record, ref, is_news in zip(page.records, refs, news, strict=True):
            before = linked.get(ref)
            if before is None and not is_news:
                if ref in pending:
                    done.append((ref, pending[ref].seen))
                continue
            if ref in deleted:
                arrivals.append(Arrival(ref=ref, record=None, seen=now, due=now))  # looked at before it is believed
                continue
            if ref in pending and pending[ref].record == record:
                continue
            if before is not None and before.shadow is not None and ref not in pending and self._takes_part(record):
                told = row(self._flow, self._side, record, known)
                settled = before.state is LinkState.COMPLETED or (
                    before.state is LinkState.ACTIVE and not record.closed
                )
                if settled and unchanged(told, before.shadow):
                    fresh |= self._newer(before.link, before.shadow, record, told)
                    continue
            arrivals.append(Arrival(ref=ref, record=record, seen=now, due=now, edit=before is not None))
        arrivals += [Arrival(ref=r, record=None, seen=now, due=now) for r in gone if r in linked or r in pending]
        cursors = {(self._flow.name, self._side): page.cursor}
        facts = doubtful(self._flow, self._side) if page.rewound else {}
        released = [ref for ref, _ in done]  # nobody need decide of what takes no part any more
        store.save(Memory(arrivals=arrivals, done=done, released=released, shadows=fresh, cursors=cursors, facts=facts))

    async def _known(self, linked: Sequence[Record]) -> Known:
        if not linked:
            return Known()
        return await self._knowing.to_read(self._flow, ((self._side, record) for record in linked))

    def _just_deleted(self, unlinked: Sequence[Ref]) -> set[Ref]:
        since = self._setup.now() - self._setup.settling
        return self._setup.store.deleted_since(unlinked, since) if unlinked else set()

    def _interesting(self, record: Record) -> bool:
        """Whether a record without a link is for this flow to link."""
        late = self._since is None or record.modified is None or record.modified >= self._since
        return late and not record.closed and self._takes_part(record)

    def _takes_part(self, record: Record) -> bool:
        return takes_part(self._flow.sides[self._side], record)

    def _newer(self, link: str, shadow: Shadow, record: Record, told: Row) -> dict[tuple[str, str], Shadow]:
        """The shadow with the versions that a write must carry now, where they have moved."""
        versions = {} if told.lines is UNSET else {line.id: line.version for line in told.lines}
        lines = tuple(replace(line, version=versions.get(line.id, line.version)) for line in shadow.lines)
        newer = replace(shadow, version=record.version, modified=record.modified, lines=lines)
        return {} if newer == shadow else {(link, self._side): newer}

    def _ref(self, id_: str) -> Ref:
        return Ref(self._flow.name, self._side, id_)


def _taken_up(setup: Setup, flow: Flow, side: str) -> datetime | None:
    """The time before which a last change is left alone. ``from: now`` is when the flow was first looked at."""
    agreed = flow.sides[side]
    if not agreed.from_now:
        return agreed.since
    name = f"{flow.name} taken up on {side}"
    known = setup.store.fact(name)
    if known is None:
        known = setup.now().isoformat()
        setup.store.save(Memory(facts={name: known}))
    return datetime.fromisoformat(known)
