"""One turn: what is due is decided with all that is known of it, and handed on to be delivered.

Every arrival that a turn is given leaves it worked off, parked, or due at a later time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from syncline.engine import deletions
from syncline.engine.case import Case, group
from syncline.engine.deliver import deliver
from syncline.engine.draft import Draft
from syncline.engine.gate import Gate
from syncline.engine.knowing import Knowing
from syncline.engine.report import Result
from syncline.engine.setup import Setup, view
from syncline.mapping.model import Flow
from syncline.mapping.translate import takes_part
from syncline.reconcile.compare import unchanged
from syncline.reconcile.merge import merge
from syncline.records import LinkState, Ref, Row
from syncline.store import Action, Arrival, Entry

_TELLS: Mapping[LinkState, Action] = {
    LinkState.COMPLETED: "completed",
    LinkState.RESTING: "resting",
    LinkState.ACTIVE: "linked",
}


class Worker:
    """Takes turns. ``gate`` is asked before anything is done that a person may want to see first."""

    def __init__(self, setup: Setup, knowing: Knowing, gate: Gate, result: Result) -> None:
        self.setup = setup
        self.knowing = knowing
        self.gate = gate
        self.result = result
        self.draft = Draft(setup.store, result)

    async def turn(self, flow: Flow, arrivals: Sequence[Arrival]) -> None:
        """Decide and deliver these. Raises `ConnectorError`: what was not delivered stays due."""
        store = self.setup.store
        links = store.links([a.link for a in arrivals if a.link is not None])
        cases = group(arrivals, links, flow)
        gone = [case for case in cases if any(a.record is None for a in case.arrivals.values())]
        await deletions.settle(self, flow, gone)
        whole = [case for case in cases if case not in gone]
        whole = [case for case in whole if not await self._resting(case)]
        decided = await self._decide(flow, whole)
        await deliver(self, flow, decided)

    # --- what takes part

    async def _resting(self, case: Case) -> bool:
        """Whether a linked record has left the flow. It rests until it comes back, and is then read again whole."""
        sides = case.flow.sides
        records = {side: a.record for side, a in case.arrivals.items() if a.record is not None}
        out = [side for side, record in records.items() if not takes_part(sides[side], record)]
        if case.fresh:
            if out:
                self.draft.finish(case.arrivals.values())
            return bool(out)
        resting = case.link.state is LinkState.RESTING
        if out and not resting:
            self._set_state(case, LinkState.RESTING, f"{out[0]}'s record no longer takes part")
        elif resting and not out and len(case.link.members) == len(sides):
            await self._wake_up(case)
        if out or resting:
            self.draft.finish(case.arrivals.values())
        return bool(out) or resting

    async def _wake_up(self, case: Case) -> None:
        """If all records of a resting link take part again, they are read afresh and decided in the next turn."""
        now = self.setup.now()
        arrivals: list[Arrival] = []
        for side, id_ in case.link.members.items():
            found = await self.setup.systems[side].get(view(case.flow, side), [id_])
            if id_ not in found or not takes_part(case.flow.sides[side], found[id_]):
                return
            arrivals.append(Arrival(ref=case.ref(side), record=found[id_], seen=now, due=now))
        self.draft.arrivals |= {arrival.ref: arrival for arrival in arrivals}
        self._set_state(case, LinkState.ACTIVE, "takes part again")

    def _set_state(self, case: Case, state: LinkState, note: str) -> None:
        self.draft.links[case.link.id] = replace(case.link, state=state)
        ref = next(iter(case.arrivals.values())).ref
        action = _TELLS[state]
        self.draft.journal.append(
            Entry(at=self.setup.now(), flow=case.flow.name, link=case.link.id, ref=ref, action=action, note=note)
        )

    # --- deciding

    async def _decide(self, flow: Flow, cases: Sequence[Case]) -> list[Case]:
        decided: list[Case] = []
        for case in await self.knowing.inform(flow, cases):
            if self._held(case):
                continue
            closed = frozenset(s for s, a in case.arrivals.items() if a.record is not None and a.record.closed)
            if case.link.state is LinkState.COMPLETED and not closed:
                self._too_late(case)
                continue
            if closed and case.link.state is not LinkState.COMPLETED:
                self._set_state(case, LinkState.COMPLETED, f"{min(closed)} has closed it")
            decision = merge(flow, case.rows, case.shadows, case.times, closed)
            decided.append(replace(case, link=self.draft.links.get(case.link.id, case.link), merge=decision))
        return decided

    def _held(self, case: Case) -> bool:
        """Whether something in it is not understood, or points to what is not linked yet: then all of it waits."""
        held = False
        for side, told in case.rows.items():
            ref = case.arrivals[side].ref
            if told.problems:
                self._hold_untranslatable(case, ref, told)
                held = True
            elif told.waits:
                self._hold_waiting(case, ref, told.waits)
                held = True
        if held:
            self.draft.again(case.arrivals.values(), None)
        return held

    def _too_late(self, case: Case) -> None:
        """An edit of what another system has closed goes nowhere: a person must know."""
        edited = [side for side, told in case.rows.items() if not unchanged(told, case.shadows[side])]
        if not edited:
            self.draft.finish(case.arrivals.values())
            return
        self.draft.again(case.arrivals.values(), None)
        self.draft.park(
            case.ref(edited[0]),
            "refused",
            f"edited in {edited[0]} after it was completed elsewhere",
            "Undo the edit, or leave it: it is not passed on.",
            at=self.setup.now(),
        )

    def _hold_untranslatable(self, case: Case, ref: Ref, told: Row) -> None:
        message = "; ".join(f"{name}: {problem}" for name, problem in told.problems.items())
        self.draft.park(
            ref,
            "untranslatable",
            message,
            f"Correct it in {ref.side}, or say in {case.flow.source} how it is to be understood.",
            at=self.setup.now(),
            details={"properties": dict(told.problems)},
        )
        self.gate.parked(case, message)

    def _hold_waiting(self, case: Case, ref: Ref, waits: Sequence[Ref]) -> None:
        message = f"waits for {', '.join(map(str, waits))}"
        mend = "It goes on by itself once that is linked."
        self.draft.park(ref, "waiting", message, mend, at=self.setup.now(), waits=waits)
        self.gate.parked(case, message)
