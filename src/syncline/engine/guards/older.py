"""Records that a side tells older than it told them before: looked at again, then kept for a person."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from msgspec.structs import replace

from syncline.engine.case import Case
from syncline.engine.people.answering import answered
from syncline.engine.setup import view
from syncline.engine.worker import Worker
from syncline.mapping.model import Flow
from syncline.reconcile.compare import unchanged
from syncline.reconcile.restored import Look, look, put_back
from syncline.records import Row, Shadow
from syncline.store import Arrival

_LOOKS = 3


def older(case: Case) -> list[str]:
    """The sides that tell something else than is remembered, from an earlier time."""
    return [
        side
        for side, record in case.records.items()
        if (shadow := case.shadows.get(side)) is not None
        and look(record, shadow) is Look.OLDER
        and not unchanged(case.rows[side], shadow)
    ]


def to_merge(worker: Worker, case: Case, sides: Sequence[str]) -> tuple[dict[str, Row], dict[str, Shadow]] | None:
    """What to merge of a case of which these sides are older; ``None`` while nobody said what to do about it."""
    rows, shadows = dict(case.rows), dict(case.shadows)
    said = answered(worker, [case.ref(side) for side in sides])
    for side in sides:
        what = said.get(case.ref(side))
        holds = what is not None and what.holds(case)
        if worker.wanted.get(side) == "follow" or (holds and what and what.answer == "accept"):
            continue
        if worker.wanted.get(side) == "repair" or (holds and what and what.answer == "restore"):
            rows, shadows = put_back(side, rows, shadows)
        else:
            return None
    return rows, shadows


async def look_again(worker: Worker, flow: Flow, cases: Sequence[tuple[Case, Sequence[str]]]) -> None:
    """A replica that lags behind will tell the newer one in a moment. What stays older is kept for a person."""
    ids: defaultdict[str, list[str]] = defaultdict(list)
    for case, sides in cases:
        for side in sides:
            ids[side].append(case.link.members[side])
    found = {side: await worker.setup.systems[side].get(view(flow, side), wanted) for side, wanted in ids.items()}
    now = worker.setup.now()
    for case, sides in cases:
        looked = max(case.arrivals[side].attempts for side in sides) + 1
        stays = True
        for side in sides:
            record, ref = found[side].get(case.link.members[side]), case.ref(side)
            same = record is not None and look(record, case.shadows[side]) is Look.OLDER
            stays = stays and same
            attempts = looked if same else 0
            worker.draft.arrivals[ref] = Arrival(ref=ref, record=record, seen=now, due=now, attempts=attempts)
        if not stays:
            continue
        due = None if looked >= _LOOKS else now + worker.setup.settling
        arrivals = {**case.arrivals, **{side: worker.draft.arrivals[case.ref(side)] for side in sides}}
        worker.draft.arrivals |= {each.ref: replace(each, due=due) for each in arrivals.values()}
        if due is None:
            _park(worker, case, sides)


def _park(worker: Worker, case: Case, sides: Sequence[str]) -> None:
    message = f"older in {', '.join(sides)} than it was there before"
    mend = "Put the newer values back there (syncline parked restore), or take it as it is (syncline parked accept)."
    worker.draft.park(case.ref(sides[0]), "older", message, mend, at=worker.setup.now())
    worker.gate.parked(case, message)
