"""A plan: the same pass on a throw-away copy of the store, with nothing sent. Applying it: the same pass, with only
those steps let through that a person has seen, and that would still be done just so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import structs

from syncline.engine.agreed import look_anew
from syncline.engine.case import Case
from syncline.engine.delivery.recover import recover
from syncline.engine.guards import breaker
from syncline.engine.guards.restored import check
from syncline.engine.guards.scan import check_share
from syncline.engine.knowing import Knowing
from syncline.engine.observe import observe
from syncline.engine.report import Change, Plan, PlanRow, Progress, Quiet, Refusal, Result, Step
from syncline.engine.setup import EngineError, Setup, check_identities, identities
from syncline.engine.sync import one_round
from syncline.engine.worker import Worker
from syncline.mapping.model import Property
from syncline.reconcile.merge import Decision
from syncline.records import Link, Value
from syncline.store import Store


async def plan(setup: Setup, progress: Progress | None = None) -> Plan:
    """What a pass would do now. Nothing is written, neither to a system nor to the store.

    Raises `ConnectorError`, and `EngineError` where a side was brought back from a backup.
    """
    found = await identities(setup)
    with setup.store.scratch() as copy:
        dry = structs.replace(setup, store=copy)
        recorder = _Recorder(copy)
        worker = Worker(dry, Knowing(dry), recorder, Result())
        copy.save(look_anew(dry)[0])
        await observe(dry, worker.knowing, progress or Quiet())
        await check(dry)
        await breaker.check(worker)
        await _work(worker, progress or Quiet())
    return Plan(made=setup.now(), systems=found, rows=tuple(recorder.rows))


async def apply(setup: Setup, reviewed: Plan, progress: Progress | None = None) -> tuple[Result, tuple[Refusal, ...]]:
    """Do the steps of a plan that would still be done just so; the others are refused.

    Raises `ConnectorError`, and `EngineError` when the plan is of other systems or too much was deleted.
    """
    found = await identities(setup)
    if found != dict(reviewed.systems):
        told = ", ".join(f"{side} is {identity}" for side, identity in reviewed.systems.items())
        raise EngineError(f"The plan is for other systems: {told}.", "Make a new plan here.")
    await check_identities(setup, look_anew(setup)[0])
    gate = _Reviewed(setup.store, reviewed.rows)
    worker = Worker(setup, Knowing(setup), gate, Result())
    await recover(worker, setup.store.open_intents())
    await observe(setup, worker.knowing, progress or Quiet())
    await check(setup)
    check_share(setup, worker.wanted)
    await breaker.check(worker)
    await _work(worker, progress or Quiet())
    return worker.result, tuple(gate.refusals())


async def _work(worker: Worker, progress: Progress) -> None:
    """What is to be created again, where it was deleted, shows in the second round."""
    if await one_round(worker, progress):
        await one_round(worker, progress)


class _Rows:
    """Makes the rows of a plan, in words: a reference is told by the name of what it points to."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._names: dict[str, str] = {}

    def of_link(self, flow: str, link: Link, versions: dict[str, str | None], key: str, name: str) -> PlanRow:
        return PlanRow(
            step="link", flow=flow, link=link.id, name=name, members=dict(link.members), versions=versions, key=key
        )

    def of_case(self, case: Case) -> Iterator[PlanRow]:
        self._names[case.link.id] = case.name
        for side in case.flow.sides:
            if side in case.merge.writes:
                step: Step = "update" if side in case.link.members else "create"
                yield _row(case, step, target=side, changes=tuple(self._changes(case, side)))

    def of_deletion(self, case: Case, sides: Sequence[str]) -> Iterator[PlanRow]:
        for side in sides:
            why = f"deleted in {', '.join(case.gone)}" if case.gone else "undone: it was created by Syncline"
            yield _row(case, "delete", target=side, message=why)

    def of_parked(self, case: Case, message: str) -> PlanRow:
        return _row(case, "conflict" if case.merge.conflicts else "park", message=message)

    def _changes(self, case: Case, side: str) -> Iterator[Change]:
        for d in case.merge.decisions:
            if side in d.writes:
                yield self._change(case.flow.properties[d.property], d, side)
        lines = case.flow.lines.properties if case.flow.lines else {}
        for number, line in enumerate(case.merge.lines or (), start=1):
            if side in line.remove:
                yield Change(side=side, property="(line)", old="there", new=None, line=line.line, number=number)
            for d in line.decisions:
                if side in d.writes:
                    changed = self._change(lines[d.property], d, side)
                    yield structs.replace(changed, line=line.line, number=number)

    def _change(self, p: Property, d: Decision, side: str) -> Change:
        old, new = d.now.get(side), d.value
        if p.reference is not None:
            old, new = self._named(p.reference.flow, old), self._named(p.reference.flow, new)
        return Change(side=side, property=d.property, old=old, new=new, origin=d.origin)

    def _named(self, flow: str, link: Value) -> Value:
        if link is None:
            return None
        key = str(link)
        if key not in self._names:
            members = (self._store.links([key]).get(key) or Link(id=key, flow=flow, members={})).members
            values = next((s.values for s in self._store.shadows([key]).values()), {})
            told = str(values.get("name") or "")
            self._names[key] = told or ", ".join(f"{side}/{flow}/{id_}" for side, id_ in members.items()) or key
        return self._names[key]


def _row(
    case: Case, step: Step, *, target: str | None = None, changes: tuple[Change, ...] = (), message: str = ""
) -> PlanRow:
    return PlanRow(
        step=step,
        flow=case.flow.name,
        link=case.link.id,
        name=case.name,
        members=dict(case.link.members),
        versions=case.versions,
        target=target,
        changes=changes,
        message=message,
    )


class _Recorder:
    """Lets nothing be sent, and notes what would be."""

    dry = True

    def __init__(self, store: Store) -> None:
        self.rows: list[PlanRow] = []
        self._rows = _Rows(store)

    def link(self, flow: str, link: Link, versions: dict[str, str | None], key: str, name: str) -> bool:
        self.rows.append(self._rows.of_link(flow, link, versions, key, name))
        return True

    def write(self, case: Case) -> bool:
        self.rows += self._rows.of_case(case)
        return True

    def delete(self, case: Case, sides: Sequence[str]) -> bool:
        self.rows += self._rows.of_deletion(case, sides)
        return True

    def parked(self, case: Case, message: str) -> None:
        self.rows.append(self._rows.of_parked(case, message))


class _Reviewed:
    """Lets through what was reviewed, once, and nothing else."""

    dry = False

    def __init__(self, store: Store, rows: tuple[PlanRow, ...]) -> None:
        self._rows = _Rows(store)
        self._left = {_key(row): row for row in rows if row.step in ("link", "create", "update", "delete")}
        self._moved: dict[tuple[Any, ...], str] = {}

    def link(self, flow: str, link: Link, versions: dict[str, str | None], key: str, name: str) -> bool:
        return self._admit([self._rows.of_link(flow, link, versions, key, name)])

    def write(self, case: Case) -> bool:
        return self._admit(list(self._rows.of_case(case)))

    def delete(self, case: Case, sides: Sequence[str]) -> bool:
        return self._admit(list(self._rows.of_deletion(case, sides)))

    def parked(self, case: Case, message: str) -> None:
        for side in case.flow.sides:
            self._moved[case.link.id, side] = message

    def refusals(self) -> Iterator[Refusal]:
        for key, row in self._left.items():
            why = self._moved.get(key, "it is no longer to be done: its record has moved, or was brought in step since")
            yield Refusal(row=row, why=why)

    def _admit(self, rows: list[PlanRow]) -> bool:
        if all(_same(self._left.get(_key(row)), row) for row in rows):
            for row in rows:
                del self._left[_key(row)]
            return True
        for row in rows:
            known = self._left.get(_key(row))
            if known is not None:
                self._moved[_key(row)] = _difference(known, row)
        return False


def _key(row: PlanRow) -> tuple[Any, ...]:
    return (row.link, row.target)


def _same(reviewed: PlanRow | None, now: PlanRow) -> bool:
    if reviewed is None or reviewed.step != now.step or dict(reviewed.versions) != dict(now.versions):
        return False
    return Counter(reviewed.changes) == Counter(now.changes) and dict(reviewed.members) == dict(now.members)


def _difference(reviewed: PlanRow, now: PlanRow) -> str:
    moved = [side for side, version in now.versions.items() if reviewed.versions.get(side) != version]
    if moved:
        return f"its record in {', '.join(moved)} has moved since the plan was made"
    return "something else would be done now than was reviewed"
