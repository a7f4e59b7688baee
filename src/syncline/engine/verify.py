"""The proof: both sides are read afresh, and every linked pair is held against each other under the mapping."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime

from msgspec.structs import replace

from syncline.engine.case import name_of
from syncline.engine.knowing import Knowing
from syncline.engine.report import Difference, Progress, Quiet, Verification
from syncline.engine.setup import Setup, identities, view
from syncline.mapping.known import Known
from syncline.mapping.model import Flow
from syncline.mapping.translate import row, takes_part
from syncline.meanwhile import together
from syncline.reconcile.compare import Disagreement, disagreements, unchanged
from syncline.records import LinkState, Ref, Row, Value
from syncline.store import Arrival, Memory, Pair, Parked, Store

_PAGE = 1_000


async def verify(setup: Setup, progress: Progress | None = None) -> Verification:
    """Changes nothing anywhere. Raises `ConnectorError` and `EngineError`."""
    await identities(setup)
    with setup.store.scratch() as copy:
        proof = _Proof(setup, replace(setup, store=copy), progress or Quiet())
        for flow in setup.flows.values():
            await proof.read(flow)
            await proof.compare(flow)
        return Verification(compared=proof.compared, properties=proof.properties, differences=tuple(proof.differences))


class _Proof:
    """``scratch`` holds what was read now, page by page, so that memory stays bounded."""

    def __init__(self, setup: Setup, scratch: Setup, progress: Progress) -> None:
        self._store = setup.store
        self._scratch = scratch
        self._progress = progress
        self._knowing = Knowing(scratch)
        self._began = scratch.now()
        self.compared: Counter[str] = Counter()
        self.properties = 0
        self.differences: list[Difference] = []

    async def read(self, flow: Flow) -> None:
        """Every record of every side."""
        await together(self._read(flow, side) for side in flow.sides)

    async def _read(self, flow: Flow, side: str) -> None:
        seen = 0
        async for page in self._scratch.systems[side].changes(view(flow, side), None):
            now = self._scratch.now()
            arrivals = [
                Arrival(ref=Ref(flow.name, side, record.id), record=record, seen=now, due=None)
                for record in page.records
                if takes_part(flow.sides[side], record)
            ]
            self._scratch.store.save(Memory(arrivals=arrivals))
            seen += len(page.records)
            self._progress.reading(flow.name, side, seen, page.total)

    async def compare(self, flow: Flow) -> None:
        """Every link of a flow, then what is not linked."""
        after = None
        while pairs := self._scratch.store.pairs(flow.name, after, _PAGE):
            after = pairs[-1].link.id
            await self._compare(flow, [pair for pair in pairs if pair.link.state is not LinkState.RESTING])
        for side in flow.sides:
            self._unlinked(flow, side)

    async def _compare(self, flow: Flow, pairs: Sequence[Pair]) -> None:
        refs = [ref for pair in pairs for ref in pair.link.refs]
        arrivals = {r: a for r, a in self._scratch.store.arrivals(refs).items() if a.seen >= self._began}
        arrivals |= await self._closed(flow, pairs, arrivals)
        records = {ref: arrival.record for ref, arrival in arrivals.items() if arrival.record is not None}
        known = await self._knowing.to_read(flow, ((ref.side, record) for ref, record in records.items()))
        causes = _Causes(self._store, refs)
        for pair in pairs:
            members = {ref.side: ref for ref in pair.link.refs}
            rows = {s: row(flow, s, records[ref], known) for s, ref in members.items() if ref in records}
            self.compared[flow.name] += 1
            name = _name(flow, pair, rows)
            missing = [side for side in flow.sides if side not in rows]
            if missing:
                cause = causes.of(members.values()) or f"not found in {', '.join(missing)}"
                self._differ(flow, pair, name, cause)
                continue
            self.properties += sum(len(told.values) for told in rows.values()) // len(rows)
            for found in self._found(flow, pair, rows):
                cause = causes.of(members.values()) or _edited(pair, rows) or "nobody knows why"
                self._differ(flow, pair, name, cause, found)

    async def _closed(self, flow: Flow, pairs: Sequence[Pair], arrivals: Mapping[Ref, Arrival]) -> dict[Ref, Arrival]:
        """Records that a listing no longer tells, asked for by their ids: a completed order lives on elsewhere."""
        found: dict[Ref, Arrival] = {}
        for side in flow.sides:
            ids = [pair.link.members[side] for pair in pairs if side in pair.link.members]
            lacking = [id_ for id_ in ids if Ref(flow.name, side, id_) not in arrivals]
            if not lacking:
                continue
            now = self._scratch.now()
            for id_, record in (await self._scratch.systems[side].get(view(flow, side), lacking)).items():
                ref = Ref(flow.name, side, id_)
                found[ref] = Arrival(ref=ref, record=record, seen=now, due=None)
        return found

    def _found(self, flow: Flow, pair: Pair, rows: Mapping[str, Row]) -> Iterator[Disagreement]:
        for side, told in rows.items():
            for name, problem in told.problems.items():
                yield Disagreement(property=name, sides=frozenset((side,)), values={side: problem})
        yield from disagreements(flow, rows, pair.shadows)

    def _unlinked(self, flow: Flow, side: str) -> None:
        """What has no counterpart, where there is to be one: on a side that is only read nothing is made."""
        if not any(other.write for name, other in flow.sides.items() if name != side):
            return
        after = None
        while page := self._scratch.store.unlinked(flow.name, side, after, _PAGE):
            after = page[-1].ref.id
            seen = [arrival for arrival in page if arrival.seen >= self._began and arrival.record is not None]
            causes = _Causes(self._store, [arrival.ref for arrival in seen])
            for arrival in seen:
                if arrival.record is None or _left_alone(self._store, flow, arrival):
                    continue
                values = row(flow, side, arrival.record, Known()).values
                self.differences.append(
                    Difference(
                        flow=flow.name,
                        name=name_of(flow, values, arrival.ref.id),
                        members={side: arrival.ref.id},
                        cause=causes.of([arrival.ref]) or "not linked yet",
                    )
                )

    def _differ(self, flow: Flow, pair: Pair, name: str, cause: str, found: Disagreement | None = None) -> None:
        values: dict[str, Value] = dict(found.values) if found else {}
        if found and found.property is None:
            values = dict.fromkeys(sorted(found.sides), "there")
        self.differences.append(
            Difference(
                flow=flow.name,
                name=name,
                members=dict(pair.link.members),
                property=found.property if found else None,
                line=found.line if found else None,
                number=found.number if found else None,
                values=values,
                cause=cause,
            )
        )


class _Causes:
    """Why records of a page may not be in step."""

    def __init__(self, store: Store, refs: Sequence[Ref]) -> None:
        self._parked = store.parked_refs(refs)
        self._due = {ref for ref, arrival in store.arrivals(refs).items() if arrival.due is not None}

    def of(self, refs: Collection[Ref]) -> str:
        for ref in refs:
            parked: Parked | None = self._parked.get(ref)
            if parked is not None:
                return f"parked, {parked.cause}: {parked.message}"
        return "due" if any(ref in self._due for ref in refs) else ""


def _edited(pair: Pair, rows: Mapping[str, Row]) -> str:
    moved = [s for s, told in rows.items() if s in pair.shadows and not unchanged(told, pair.shadows[s])]
    return f"changed in {', '.join(moved)} since the last pass" if moved else ""


def _name(flow: Flow, pair: Pair, rows: Mapping[str, Row]) -> str:
    told = next(iter(rows.values())).values if rows else {}
    known = next(iter(pair.shadows.values())).values if pair.shadows else {}
    return name_of(flow, {**known, **told}, next(iter(pair.link.members.values())))


def _left_alone(store: Store, flow: Flow, arrival: Arrival) -> bool:
    """Whether the agreement leaves the record alone, by the time of its last change."""
    side = flow.sides[arrival.ref.side]
    since = side.since
    if side.from_now:
        taken_up = store.fact(f"{flow.name} taken up on {arrival.ref.side}")
        since = datetime.fromisoformat(taken_up) if taken_up else None
    modified = arrival.record.modified if arrival.record else None
    closed = arrival.record is not None and arrival.record.closed
    return closed or (since is not None and modified is not None and modified < since)
